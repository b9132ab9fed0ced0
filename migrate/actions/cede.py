"""Cede what we own of green's objects to those who own it on blue, so that they change and prune it there as they did here.

A pipeline that applies server-side meets a conflict where another manager owns a field, and takes away only what it owns
itself. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ (transferring ownership)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from migrate.actions.owning import reown, reowned
from migrate.actions.reach import Reach, Written, named, refused, target_of
from migrate.doors.cluster import FIELD_MANAGER, Write
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ceding import ceded, reclaimed
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, metadata_of
from migrate.model.ownership import Entry, entries_of


def cede(ref: Ref, *, uid: str, owners: Sequence[Entry]) -> Action:
    """Cede the object of green that has this UID to `owners`, entries of managedFields; its inverse claims it back."""
    params = {"side": Side.GREEN.value, "ref": ref.as_json(), "uid": uid, "owners": list(owners)}
    return Action("cede", ActionKey(f"cede green {named(ref)}"), params)


class _Owners(ABC):
    """Write who owns what, each object over the version that was read; no field changes by it."""

    done: str

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    @abstractmethod
    def _wanted(self, action: Action, obj: Object) -> Sequence[Entry] | None:
        """The managedFields that the object is to have; None where it has them."""

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read before."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Write those that have not got them; one that was changed since it was read is read again."""
        found = {action.key: self._reach.bodies.take(action.key) or self._found(action) for action in actions}
        todo = [
            action
            for action in actions
            if (obj := found[action.key]) is not None and self._wanted(action, obj) is not None
        ]
        answers = self._reach.write_each(todo, lambda action: self._write(action, found[action.key] or {}))
        judged = {a.key: self._judge(a, answer) for a, answer in zip(todo, answers, strict=True)}
        return [judged.get(action.key, self._stands(action)) for action in actions]

    def observe(self, action: Action) -> Observation:
        """Look who owns it; the write is absolute and may be done again."""
        return self._seen(action, self._reach.get(action))

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at each: lists leave out who owns what."""
        return [self.observe(action) for action in actions]

    def _seen(self, action: Action, obj: Object | None) -> Observation:
        ref = target_of(action)[1]
        if obj is None or not _same(action, obj) or self._wanted(action, obj) is None:
            return Observation(State.DONE, evidence=f"{ref} needs no other owners")
        return Observation(State.ABSENT, evidence=f"{ref} has other owners")

    def _found(self, action: Action) -> Object | None:
        obj = self._reach.get(action)
        return obj if obj is not None and _same(action, obj) else None

    def _write(self, action: Action, obj: Object) -> Write:
        side, ref = target_of(action)
        entries = self._wanted(action, obj) or ()
        return reowned(self._reach.directory.resource(side, ref), ref, obj, entries)

    def _judge(self, action: Action, answer: Written) -> Outcome:
        ref = target_of(action)[1]
        try:
            if isinstance(answer, Conflict):
                reown(
                    self._reach, action, lambda obj: self._wanted(action, obj) if _same(action, obj) else None
                )
                answer = self._reach.get(action) or {}
        except DoorError as error:
            answer = error
        if isinstance(answer, NotFound):
            return self._stands(action)
        if isinstance(answer, DoorError):
            return refused(f"writing who owns {ref} on green", answer, ref)
        if answer and _same(action, answer) and self._wanted(action, answer) is not None:
            return Outcome(OutcomeState.FAILED, f"{ref}: green kept its owners as they were")
        return Outcome(OutcomeState.DONE, f"{self.done} {ref}")

    def _stands(self, action: Action) -> Outcome:
        return Outcome(OutcomeState.DONE, f"{target_of(action)[1]} needs no other owners")


class Cede(_Owners):
    """Cede objects to those who own them on blue."""

    done = "ceded"

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read who owns them, for the way back: an object that the step has read itself is offered by it."""
        return [self._prepared(action) for action in actions]

    def _prepared(self, action: Action) -> Action:
        obj = self._reach.bodies.take(action.key) or self._found(action)
        if obj is None:
            return action
        before = list(entries_of(obj))
        back = Action(
            "reclaim",
            ActionKey(f"reclaim green {named(target_of(action)[1])}"),
            {**action.params, "before": before},
        )
        return replace(action, inverse=back)

    def _wanted(self, action: Action, obj: Object) -> Sequence[Entry] | None:
        return ceded(obj, FIELD_MANAGER, action.params["owners"])


class Reclaim(_Owners):
    """Own objects again as before they were ceded, so that the way back takes from them what is ours."""

    done = "reclaimed"

    def _wanted(self, action: Action, obj: Object) -> Sequence[Entry] | None:
        return reclaimed(obj, action.params["before"], action.params["owners"])


def _same(action: Action, obj: Object) -> bool:
    return bool(metadata_of(obj).get("uid") == action.params["uid"])
