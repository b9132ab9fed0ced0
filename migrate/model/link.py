"""A reference of an object to an owner that does not control it, on its way from blue to green."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.objects import Ref


@dataclass(frozen=True, slots=True)
class Link:
    """What an object of blue names as an owner, and what becomes of that on green.

    `version` is the owner's API version as blue's reference has it. `obstacle` says why green does not get the
    reference, empty where it does; with `late` one of both is made only at the cutover.
    """

    owner: Ref
    version: str
    blocks: bool = False
    late: bool = False
    obstacle: str = ""

    def __str__(self) -> str:
        """What becomes of the reference, for whoever reads the Plan."""
        if self.obstacle:
            return f"owner reference to {self.owner} is not carried over: {self.obstacle}"
        return (
            f"owned by {self.owner}, linked {'at the cutover' if self.late else 'once both stand on green'}"
        )

    def as_json(self) -> dict[str, Any]:
        """The link as JSON, for the journal."""
        value: dict[str, Any] = {"owner": self.owner.as_json(), "version": self.version}
        return value | ({"blocks": True} if self.blocks else {})

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Link:
        """Read back what `as_json` wrote."""
        return cls(Ref.of_json(value["owner"]), value["version"], bool(value.get("blocks")))
