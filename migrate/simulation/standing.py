"""A green that was there before the run: nothing to make, nothing to unmake."""

from __future__ import annotations

from migrate.doors.provisioner import Provision
from migrate.model.action import State


class Standing:
    """The provisioner of a rehearsal whose real green exists already and was copied into the world."""

    kind = "existing"
    makes = False

    def observe(self) -> Provision:
        """Green stands."""
        return Provision(State.DONE, evidence="green is there already")

    def create(self, deadline: float) -> None:
        """Nothing to make."""

    def destroy(self, deadline: float) -> None:
        """Nothing to unmake."""
