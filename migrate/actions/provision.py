"""Make green, and unmake it again."""

from __future__ import annotations

from migrate.actions.one_by_one import OneByOne
from migrate.doors.provisioner import Provisioner
from migrate.errors import DoorError, Refused, Transient
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey


def provision(kind: str, *, command: str, undo: str, deadline: float, makes: bool) -> Action:
    """Make green by a provisioner; the way back unmakes it, where it was made by us."""
    back = (
        Action("unprovision", ActionKey(f"unprovision {kind}"), {}, undo, deadline=deadline)
        if makes
        else None
    )
    return Action(
        "provision", ActionKey(f"provision {kind}"), {"kind": kind}, command, inverse=back, deadline=deadline
    )


class Provision(OneByOne):
    """Create green; what was begun is begun again, as a provisioner's contract allows."""

    wanted = State.DONE

    def __init__(self, provisioner: Provisioner) -> None:
        self._provisioner = provisioner

    def observe(self, action: Action) -> Observation:
        """Look at how green stands."""
        seen = self._provisioner.observe()
        reached = seen.state is self.wanted
        return Observation(
            State.DONE if reached else State.PARTIAL, evidence=seen.evidence or str(action.key)
        )

    def change(self, deadline: float) -> None:
        """Make green."""
        self._provisioner.create(deadline)

    def do(self, action: Action) -> Outcome:
        """Do it and look at green again."""
        try:
            self.change(action.deadline)
            seen = self._provisioner.observe()
        except (Refused, Transient) as error:
            return Outcome(OutcomeState.FAILED, f"{action.key}: {error}")
        except DoorError as error:
            return Outcome(OutcomeState.UNKNOWN, f"{action.key}: {error}")
        state = OutcomeState.DONE if seen.state is self.wanted else OutcomeState.FAILED
        return Outcome(state, seen.evidence or f"{action.key}: green is {seen.state}")


class Unprovision(Provision):
    """Unmake what was made."""

    wanted = State.ABSENT

    def change(self, deadline: float) -> None:
        """Unmake green."""
        self._provisioner.destroy(deadline)
