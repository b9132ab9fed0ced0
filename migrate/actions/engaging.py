"""From when on a mover may be at work on a claim, so that the way back finds what a dead run has left of it.

A pass takes away itself what it made. One that died with its run cannot, and is no act that stands, so that it has no way
back of its own: the act before it has.
"""

from __future__ import annotations

from dataclasses import replace

from migrate.actions.one_by_one import OneByOne
from migrate.actions.reach import named
from migrate.doors.mover import Mover, Pass, Phase
from migrate.engine.signals import Stop
from migrate.errors import DoorError
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, RunId
from migrate.model.objects import Ref

DEADLINE = 600.0
"""Seconds for a mover to let go: pods that do not end, and garbage that nobody collects, are named then."""


def engage(claim: Ref, phase: Phase) -> Action:
    """Let a mover be at work on a claim from now on; its way back has it let go, and leaves what was copied."""
    params = {"claim": claim.as_json(), "phase": phase}
    back = Action("disengage", ActionKey(f"disengage {phase} {named(claim)}"), params, deadline=DEADLINE)
    return replace(back, kind="engage", key=engage_key(claim, phase), deadline=0.0, inverse=back)


def engage_key(claim: Ref, phase: Phase) -> ActionKey:
    """The key of the Action from which on a mover may be at work."""
    return ActionKey(f"engage {phase} {named(claim)}")


class Engage(OneByOne):
    """Nothing is done: that it is intended is what the way back goes by."""

    def do(self, action: Action) -> Outcome:
        """Say whose data may be copied from here on."""
        return Outcome(OutcomeState.DONE, self.observe(action).evidence)

    def observe(self, action: Action) -> Observation:
        """Done once it is intended."""
        claim = Ref.of_json(action.params["claim"])
        return Observation(State.DONE, evidence=f"{claim}: its mover may be at work from here on")


class Disengage(OneByOne):
    """Have the mover let go, one claim after the other; what is left is the mover's to find."""

    def __init__(self, mover: Mover, run: RunId, stop: Stop) -> None:
        self._mover = mover
        self._run = run
        self._stop = stop

    def observe(self, action: Action) -> Observation:
        """Not known to be done: asking again is safe."""
        claim = Ref.of_json(action.params["claim"])
        return Observation(
            State.ABSENT, evidence=f"whether the mover of {claim} has left something is to be asked"
        )

    def do(self, action: Action) -> Outcome:
        """Ask, and take a return for done: the mover has looked until nothing was left."""
        claim = Ref.of_json(action.params["claim"])
        task = Pass(self._run, action.params["phase"], claim, 0)
        try:
            self._mover.let_go(task, action.deadline, lambda _: not self._stop.asked)
        except DoorError as error:
            if self._stop.asked:
                return Outcome(OutcomeState.ABSENT, f"stopped while the mover of {claim} was letting go")
            return Outcome(OutcomeState.FAILED, f"the mover of {claim} does not let go: {error}")
        return Outcome(OutcomeState.DONE, f"nothing is left of copying {claim}")
