"""A reference of an object to one of its owners, on its way from blue to green."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.objects import Ref


@dataclass(frozen=True, slots=True)
class Link:
    """What an object of blue names as an owner, and what becomes of that on green.

    `version` is the owner's API version as blue's reference has it. `obstacle` says why green does not get the
    reference, empty where it does; with `late` one of both is made only at the cutover. One that `controls` is a custom
    resource, whose operator would not take what it does not control.
    """

    owner: Ref
    version: str
    blocks: bool = False
    controls: bool = False
    late: bool = False
    obstacle: str = ""

    def __str__(self) -> str:
        """What becomes of the reference, for whoever reads the Plan."""
        if self.obstacle:
            return f"owner reference to {self.owner} is not carried over: {self.obstacle}"
        word = "controlled" if self.controls else "owned"
        when = "at the cutover" if self.late else "once both stand on green"
        return f"{word} by {self.owner}, linked {when}"

    def as_json(self) -> dict[str, Any]:
        """The link as JSON, for the journal."""
        value: dict[str, Any] = {"owner": self.owner.as_json(), "version": self.version}
        said = {"blocks": self.blocks, "controls": self.controls}
        return value | {key: True for key, true in said.items() if true}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Link:
        """Read back what `as_json` wrote."""
        blocks, controls = bool(value.get("blocks")), bool(value.get("controls"))
        return cls(Ref.of_json(value["owner"]), value["version"], blocks, controls)
