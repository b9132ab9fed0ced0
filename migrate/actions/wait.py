"""Waits with a name and a deadline: ask a condition until every verdict passes, or time is up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from migrate.actions.record import Looking, judged
from migrate.doors.doors import Doors
from migrate.engine.events import Event, Tell
from migrate.engine.lock import SharedLock
from migrate.engine.signals import Stop
from migrate.errors import DoorError
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import ActionKey
from migrate.model.verdict import Result, Verdict, inconclusive

Condition = Callable[[Doors, Mapping[str, Any]], Sequence[Verdict]]
"""Looks once, through the doors, and says how things stand; reads only.

It is given the Action's parameters, and as `since` when the waiting began.
"""

POLL = 2.0
"""Seconds between two looks, once it takes long."""

SOON = 0.2
"""Seconds between the first looks: a namespace is Active, and a definition Established, within less than one."""

LEASE_SLICE = 60.0
"""Seconds of lease that a wait keeps ahead of itself."""


def wait(condition: str, what: str, deadline: float, **params: Any) -> Action:
    """Wait for a condition; `what` is said while waiting, `deadline` in seconds.

    With `failureEnds` among the parameters a failed verdict ends it at once: the condition fails only what waiting
    does not mend.
    """
    return Action(
        "wait", ActionKey(f"wait {what}"), {"condition": condition, "what": what, **params}, deadline=deadline
    )


class Wait(Looking):
    """Poll conditions; a signal ends the wait early with the journal none the wiser."""

    def __init__(
        self, doors: Doors, conditions: Mapping[str, Condition], tell: Tell, stop: Stop, lock: SharedLock
    ) -> None:
        self._doors = doors
        self._conditions = conditions
        self._tell = tell
        self._stop = stop
        self._lock = lock

    def look(self, action: Action) -> Outcome:
        """Ask until every verdict passes, time is up, or a signal came."""
        clock = self._doors.clock
        begun = clock.now()
        end = begun + timedelta(seconds=action.deadline)
        told = ""
        while True:
            verdicts = self._ask(action, begun)
            open_ = [v for v in verdicts if v.result is not Result.PASS]
            if not open_ and verdicts:
                return judged(verdicts)
            hopeless = action.params.get("failureEnds") and any(v.result is Result.FAIL for v in open_)
            if hopeless or clock.now() >= end:
                return judged(verdicts or [inconclusive(action.params["what"], "nothing was seen")])
            if self._stop.asked:
                said = f"stopped while waiting for {action.params['what']}"
                return Outcome(OutcomeState.ABSENT, said)
            said = (
                f"waiting for {action.params['what']}: {open_[0].evidence if open_ else 'nothing seen yet'}"
            )
            if said != told:
                self._tell(Event("waiting", said, fields={"until": end.isoformat()}))
                told = said
            left = (end - clock.now()).total_seconds()
            clock.sleep(min(POLL, max(SOON, action.deadline - left), max(0.01, left)))
            self._lock.renew(LEASE_SLICE, "")

    def _ask(self, action: Action, begun: datetime) -> Sequence[Verdict]:
        condition = self._conditions[action.params["condition"]]
        try:
            return condition(self._doors, {**action.params, "since": begun})
        except DoorError as error:
            return [inconclusive(action.params["what"], str(error))]
