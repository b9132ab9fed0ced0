"""The door to making, and unmaking, the green cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from migrate.model.action import State


@dataclass(frozen=True, slots=True)
class Provision:
    """How green stands: absent, partial, done or foreign; the kubeconfig by which it is reached once done."""

    state: State
    kubeconfig: Path | None = None
    evidence: str = ""


class Provisioner(Protocol):
    """One way of making green."""

    @property
    def kind(self) -> str:
        """The name in the migration file's `green.provisioner.kind`."""
        ...

    @property
    def makes(self) -> bool:
        """Whether this provisioner makes the cluster; False for one that was there before."""
        ...

    def observe(self) -> Provision:
        """Look at how green stands, without changing anything."""
        ...

    def create(self, deadline: float) -> None:
        """Make green; must be safe to call again after it was cut off. `deadline` in seconds."""
        ...

    def destroy(self, deadline: float) -> None:
        """Unmake what `create` made, and only that."""
        ...
