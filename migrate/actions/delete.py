"""Delete objects by UID, and stay until they are gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from migrate.actions.reach import Reach, leaving, named, refused, target_of
from migrate.doors.clock import Clock
from migrate.doors.cluster import Verb, Write
from migrate.engine.signals import Stop
from migrate.errors import DoorError, NotFound
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, dig

LOOK = 0.5
"""Seconds between two looks at what was deleted and lingers."""


def delete(side: Side, ref: Ref, *, ours: bool) -> Action:
    """Delete an object; with `ours` only while it carries this run's mark."""
    params = {"side": side.value, "ref": ref.as_json(), "ours": ours}
    return Action("delete", ActionKey(f"delete {side} {named(ref)}"), params)


class Delete:
    """Delete objects by UID; one that is already gone is done. A signal ends the staying, not the deleting."""

    def __init__(self, reach: Reach, clock: Clock, stop: Stop) -> None:
        self._reach = reach
        self._clock = clock
        self._stop = stop

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is kept: what is deleted is ours, or its prior stands in the Action it takes back."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Read each object, insist on the mark where asked, delete by UID."""
        outcomes: list[Outcome | None] = [None] * len(actions)
        doomed: list[tuple[int, Action, str]] = []
        for index, action in enumerate(actions):
            try:
                obj = self._reach.get(action)
            except DoorError as error:
                outcomes[index] = refused(
                    f"reading {target_of(action)[1]}, which is to be deleted", error, target_of(action)[1]
                )
                continue
            outcomes[index] = self._spared(action, obj)
            if outcomes[index] is None:
                doomed.append((index, action, str(dig(obj, "metadata", "uid", default=""))))
        answers = self._reach.write_each(
            [action for _, action, _ in doomed], _Deleting({a.key: uid for _, a, uid in doomed}, self._reach)
        )
        lingering: dict[int, tuple[Action, str]] = {}
        for (index, action, uid), answer in zip(doomed, answers, strict=True):
            ref = target_of(action)[1]
            if isinstance(answer, DoorError) and not isinstance(answer, NotFound):
                outcomes[index] = refused(f"deleting {ref}", answer, ref)
            elif not isinstance(answer, DoorError) and dig(answer, "metadata", "deletionTimestamp"):
                lingering[index] = action, uid  # finalizers, or a namespace that is being emptied
            else:
                outcomes[index] = Outcome(OutcomeState.DONE, f"deleted {ref}")
        for index, outcome in self._gone(lingering):
            outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def observe(self, action: Action) -> Observation:
        """Look whether the object is gone; one that is on its way is asked to go once more."""
        obj = self._reach.get(action)
        ref = target_of(action)[1]
        if obj is None:
            return Observation(State.DONE, evidence=f"{ref} is gone")
        if dig(obj, "metadata", "deletionTimestamp"):
            return Observation(State.PARTIAL, evidence=leaving(ref, obj))
        return Observation(State.ABSENT, evidence=f"{ref} stands")

    def _gone(self, lingering: Mapping[int, tuple[Action, str]]) -> Iterator[tuple[int, Outcome]]:
        """Wait until what was deleted is gone: a namespace that still stands would swallow what is written next."""
        left = dict(lingering)
        end = self._clock.now() + timedelta(seconds=max((a.deadline for a, _ in left.values()), default=0.0))
        while left:
            late = self._clock.now() >= end
            for index, (action, uid) in tuple(left.items()):
                outcome = self._look(action, uid, late=late)
                if outcome is not None:
                    del left[index]
                    yield index, outcome
            if left and self._stop.asked:
                # as after a crash: what is on its way is asked to go once more
                for index, (action, _) in left.items():
                    said = f"stopped while waiting for {target_of(action)[1]} to be gone"
                    yield index, Outcome(OutcomeState.ABSENT, said)
                return
            if left:
                self._clock.sleep(LOOK)

    def _look(self, action: Action, uid: str, *, late: bool) -> Outcome | None:
        ref = target_of(action)[1]
        try:
            obj = self._reach.get(action)
        except DoorError as error:
            return refused(f"looking whether {ref} is gone", error, ref)
        if obj is None or dig(obj, "metadata", "uid") != uid:
            return Outcome(OutcomeState.DONE, f"deleted {ref}")
        if not late:
            return None
        return Outcome(
            OutcomeState.FAILED,
            f"{leaving(ref, obj)}, since {action.deadline:g} s",
            "Take away what it waits for, then run the same command to go on.",
        )

    def _spared(self, action: Action, obj: Object | None) -> Outcome | None:
        ref = target_of(action)[1]
        if obj is None:
            return Outcome(OutcomeState.DONE, f"{ref} is gone already")
        if action.params.get("ours") and annotations_of(obj).get(marks.RUN) != self._reach.run:
            return Outcome(OutcomeState.DONE, f"{ref} is not from this run any more and stays")
        return None


@dataclass(frozen=True)
class _Deleting:
    uids: Mapping[ActionKey, str]
    reach: Reach

    def __call__(self, action: Action) -> Write:
        side, ref = target_of(action)
        resource = self.reach.directory.resource(side, ref)
        return Write(Verb.DELETE, resource, ref.name, ref.namespace, uid=self.uids[action.key])
