"""Weights: absolute, read back, with the former weight as the way back."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.doors.traffic import Traffic
from migrate.errors import DoorError, Refused, Transient
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, RouteName
from migrate.model.migration import Cutover, seconds

DEADLINE = 30.0
"""Seconds that setting and reading back a weight may take where the file says nothing else."""

CALLS = 3
"""Calls of an operator's program that one weight may need: to set, to read before and to read after."""

BY_HAND = "manual"
"""The kind of traffic that a person turns: asking is all that can be done, and is not yet an outcome."""


def deadline_of(cutover: Cutover) -> float:
    """Seconds that one weight may take by the file."""
    return CALLS * seconds(cutover.command.deadline) if cutover.command is not None else DEADLINE


def weigh(
    route: RouteName, green: int, *, command: str, attempt: int = 1, deadline: float = DEADLINE
) -> Action:
    """Send `green` percent of a route to green; `deadline` in seconds is what the mechanism may take for it."""
    key = ActionKey(f"weight {route} {green} #{attempt}")
    return Action("weight", key, {"route": route, "green": green}, command, deadline=deadline)


class Weight:
    """Set a route's weight, and read it back from the balancer itself."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read the present weight; the way back is to set it again, but never to raise green."""
        prepared = []
        for action in actions:
            route = RouteName(action.params["route"])
            now = self._traffic.read(route).green
            back = min(now, int(action.params["green"]))
            inverse = weigh(route, back, command=f"the same with {back}", deadline=action.deadline)
            prepared.append(action.with_prior({"green": now}, inverse))
        return prepared

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Set and read back each."""
        return [self._set(action) for action in actions]

    def observe(self, action: Action) -> Observation:
        """Read the weight; a person's hand may have moved it, which counts as not done."""
        share = self._traffic.read(RouteName(action.params["route"]))
        evidence = f"{action.params['route']}: {share.green} % on green"
        done = share.green == action.params["green"]
        return Observation(State.DONE if done else State.ABSENT, evidence=evidence)

    def _set(self, action: Action) -> Outcome:
        route, green = RouteName(action.params["route"]), int(action.params["green"])
        try:
            self._traffic.set(route, green)
            share = self._traffic.read(route)
        except (Refused, Transient) as error:
            return self._after_refusal(action, error)
        except DoorError as error:
            return Outcome(OutcomeState.UNKNOWN, f"{route}: {error}")
        detail = "" if share.consistent else f" ({share.detail})"
        if share.green != green and self._traffic.kind == BY_HAND:
            return Outcome(
                OutcomeState.ABSENT, f"{route}: a person turns it to {green} %", facts={"byHand": True}
            )
        if share.green != green:
            said = f"{route}: set to {green} % but reads {share.green} %{detail}"
            return Outcome(
                OutcomeState.FAILED, said, "Look at the balancer; something else may write its weights."
            )
        return Outcome(OutcomeState.DONE, f"{route}: {green} % on green{detail}", facts={"green": green})

    def _after_refusal(self, action: Action, error: DoorError) -> Outcome:
        """Look what stands after a refusal: a mechanism of several parts may have changed some of them."""
        route, wanted = RouteName(action.params["route"]), int(action.params["green"])
        said = f"{route}: {error}"
        try:
            now = self._traffic.read(route).green
        except DoorError:
            return Outcome(OutcomeState.UNKNOWN, said)
        if now == wanted:
            return Outcome(
                OutcomeState.DONE, f"{route}: {now} % on green, although: {error}", facts={"green": now}
            )
        prior = (action.prior or {}).get("green", now)
        return Outcome(OutcomeState.FAILED if now == prior else OutcomeState.UNKNOWN, said)
