"""Let a CronJob count its times from now: what came due while it slept is not made up for when it wakes.

A controller that finds a CronJob awake starts the latest time since `status.lastScheduleTime` at once, however long
that is ago; source: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#job-creation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from migrate.actions.reach import Reach, Written, named, refused, target_of
from migrate.doors.clock import Clock
from migrate.doors.cluster import Verb, Write
from migrate.errors import DoorError, Forbidden, NotFound
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Ref, dig

LAST = ("status", "lastScheduleTime")

RIGHT = (
    "Give the right to patch cronjobs/status, then run the same command to go on: woken without it, it would run once "
    "more what green has run."
)


def count_from_now(side: Side, ref: Ref) -> Action:
    """Make a CronJob take now for the time of its last run; done twice, it is a later now."""
    params = {"side": side.value, "ref": ref.as_json()}
    return Action("count", ActionKey(f"count {side} {named(ref)} from now"), params)


class Count:
    """Set the time of the last run; nothing is kept of the one before, which a controller would only be misled by."""

    def __init__(self, reach: Reach, clock: Clock) -> None:
        self._reach = reach
        self._clock = clock

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Patch each one's status, and read the time from the reply."""
        now = self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answers = self._reach.write_each(actions, lambda action: self._write(action, now))
        return [_judged(action, answer, now) for action, answer in zip(actions, answers, strict=True)]

    def observe(self, action: Action) -> Observation:
        """Whether it was done does not matter: now is later by then, and is set once more."""
        return Observation(State.ABSENT, evidence=f"{action.key} is done again")

    def _write(self, action: Action, now: str) -> Write:
        side, ref = target_of(action)
        resource = self._reach.directory.resource(side, ref)
        body = {"status": {"lastScheduleTime": now}}
        return Write(Verb.PATCH, resource, ref.name, ref.namespace, body, subresource="status")


def _judged(action: Action, answer: Written, now: str) -> Outcome:
    side, ref = target_of(action)
    if isinstance(answer, NotFound):
        return Outcome(OutcomeState.DONE, f"{ref} is gone; it wakes no more")
    if isinstance(answer, DoorError):
        failed = refused(f"letting {ref} on {side} count from now", answer, ref)
        return replace(failed, remedy=RIGHT) if isinstance(answer, Forbidden) else failed
    if dig(answer, *LAST) != now:
        return Outcome(
            OutcomeState.FAILED, f"{ref}: {side} answered with {dig(answer, *LAST)} for its last run"
        )
    return Outcome(
        OutcomeState.DONE, f"{ref} on {side} counts from {now}: what was due before it does not run"
    )
