"""Weights: absolute, read back, with the former weight as the way back."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.doors.traffic import Traffic
from migrate.errors import DoorError, Refused, Transient
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, RouteName

BY_HAND = "manual"
"""The kind of traffic that a person turns: asking is all that can be done, and is not yet an outcome."""


def weigh(route: RouteName, green: int, *, command: str, attempt: int = 1) -> Action:
    """Send `green` percent of a route to green."""
    key = ActionKey(f"weight {route} {green} #{attempt}")
    return Action("weight", key, {"route": route, "green": green}, command, deadline=30.0)


class Weight:
    """Set a route's weight, and read it back from the balancer itself."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read the present weight; the way back is to set it again."""
        prepared = []
        for action in actions:
            route = RouteName(action.params["route"])
            now = self._traffic.read(route).green
            inverse = weigh(route, now, command=f"the same with {now}")
            prepared.append(action.with_prior({"green": now}, inverse))
        return prepared

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Set and read back each."""
        return [self._set(RouteName(a.params["route"]), int(a.params["green"])) for a in actions]

    def observe(self, action: Action) -> Observation:
        """Read the weight; a person's hand may have moved it, which counts as not done."""
        share = self._traffic.read(RouteName(action.params["route"]))
        evidence = f"{action.params['route']}: {share.green} % on green"
        done = share.green == action.params["green"]
        return Observation(State.DONE if done else State.ABSENT, evidence=evidence)

    def _set(self, route: RouteName, green: int) -> Outcome:
        try:
            self._traffic.set(route, green)
            share = self._traffic.read(route)
        except (Refused, Transient) as error:
            return Outcome(OutcomeState.FAILED, f"{route}: {error}")
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
