"""Cede what we own of green's objects to those who own it on blue, so that they change and prune it there as they did here.

A pipeline that applies server-side meets a conflict where another manager owns a field, and takes away only what it owns
itself. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ (transferring ownership)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence

from migrate.actions.owning import reown, reowned
from migrate.actions.reach import Reach, Written, named, refused, target_of
from migrate.actions.seeing import observed
from migrate.actions.walking import Place, Walk
from migrate.doors.cluster import FIELD_MANAGER, Write
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ceding import Share, ceded, reclaimed
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, metadata_of
from migrate.model.ownership import Entry, entries_of

_Kind = tuple[Side, tuple[str, str]]


def cede(ref: Ref, *, uid: str, shares: Sequence[Share], turn: int) -> Action:
    """Cede the object of green that has this UID to those who have `shares` of it; its inverse claims them back.

    What is ceded in an earlier `turn` is claimed back earlier, too, behind whatever else its step has done: so either way
    goes along the list of a kind, by its pages.
    """
    params = {
        "side": Side.GREEN.value,
        "ref": ref.as_json(),
        "uid": uid,
        "shares": [share.as_json() for share in shares],
        "rank": -turn,
    }
    back = Action("reclaim", ActionKey(f"reclaim green {named(ref)}"), params)
    return Action("cede", ActionKey(f"cede green {named(ref)}"), params, inverse=back)


def as_offered(obj: Object) -> Object:
    """What ceding must know of an object that was read: which version it is of, and who owns it."""
    read = metadata_of(obj)
    version = {"uid": read.get("uid"), "resourceVersion": read.get("resourceVersion")}
    return {"metadata": {**version, "managedFields": entries_of(obj)}}


class _Owners(ABC):
    """Write who owns what, each object over the version that was read; no field changes by it."""

    done: str

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._walks: dict[_Kind, Walk] = {}

    @abstractmethod
    def _wanted(self, obj: Object, shares: Sequence[Share]) -> Sequence[Entry] | None:
        """The managedFields that the object is to have; None where it has them."""

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read before: the step has read the objects, and knows their way back."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Write those that have not got them; one that was changed since it was read is read again."""
        outcomes: dict[ActionKey, Outcome] = {}
        open_: dict[ActionKey, tuple[Object, Sequence[Entry]]] = {}
        for action, found in zip(actions, self._found(actions), strict=True):
            if isinstance(found, DoorError):
                ref = target_of(action)[1]
                outcomes[action.key] = refused(f"reading who owns {ref} on green", found, ref)
            elif (entries := self._lacking(action, found)) is None:
                outcomes[action.key] = _stands(action)
            else:
                open_[action.key] = found or {}, entries
        todo = [action for action in actions if action.key in open_]
        answers = self._reach.write_each(todo, lambda action: self._write(action, *open_[action.key]))
        outcomes |= {a.key: self._judge(a, answer) for a, answer in zip(todo, answers, strict=True)}
        return [outcomes[action.key] for action in actions]

    def observe(self, action: Action) -> Observation:
        """Look who owns it; the write is absolute and may be done again."""
        return self._seen(action, self._reach.get(action))

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at many, by lists where these are fewer requests."""
        return observed(self._reach, actions, self._seen, ownership=True)

    def _seen(self, action: Action, obj: Object | None) -> Observation:
        ref = target_of(action)[1]
        if self._lacking(action, obj) is None:
            return Observation(State.DONE, evidence=f"{ref} needs no other owners")
        return Observation(State.ABSENT, evidence=f"{ref} has other owners")

    def _lacking(self, action: Action, obj: Object | None) -> Sequence[Entry] | None:
        """The managedFields that the very object is to have; None where it has them, is gone, or is another one."""
        if obj is None or metadata_of(obj).get("uid") != action.params["uid"]:
            return None
        return self._wanted(obj, [Share.of_json(share) for share in action.params["shares"]])

    def _found(self, actions: Sequence[Action]) -> list[Written | None]:
        """Each Action's object, as offered by the step, as met on a walk along the list of its kind, or read by itself."""
        unread: dict[_Kind, list[Place]] = defaultdict(list)
        for action in actions:
            side, ref = target_of(action)
            if self._reach.bodies.take(action.key) is None:
                unread[side, ref[:2]].append((ref.namespace, ref.name))
        met = {kind: self._met(kind, places) for kind, places in unread.items()}
        return [self._reach.bodies.take(a.key) or self._read(a, met) for a in actions]

    def _met(self, kind: _Kind, places: Sequence[Place]) -> Mapping[Place, Object]:
        side, (group, name) = kind
        try:
            if kind not in self._walks:
                resource = self._reach.directory.resource(side, Ref(group, name, "", ""))
                self._walks = {kind: Walk(self._reach.directory.cluster(side), resource)}
            return self._walks[kind].met(places)
        except DoorError:
            return {}  # not served, not to be listed, or lost: reading each one says which

    def _read(self, action: Action, met: Mapping[_Kind, Mapping[Place, Object]]) -> Written | None:
        side, ref = target_of(action)
        try:
            return met[side, ref[:2]].get((ref.namespace, ref.name)) or self._reach.get(action)
        except DoorError as error:
            return error

    def _write(self, action: Action, obj: Object, entries: Sequence[Entry]) -> Write:
        side, ref = target_of(action)
        return reowned(self._reach.directory.resource(side, ref), ref, obj, entries)

    def _judge(self, action: Action, answer: Written) -> Outcome:
        ref = target_of(action)[1]
        try:
            if isinstance(answer, Conflict):
                reown(self._reach, action, lambda obj: self._lacking(action, obj))
                answer = self._reach.get(action) or {}
        except DoorError as error:
            answer = error
        if isinstance(answer, NotFound):
            return _stands(action)
        if isinstance(answer, DoorError):
            return refused(f"writing who owns {ref} on green", answer, ref)
        if self._lacking(action, answer) is not None:
            return Outcome(OutcomeState.FAILED, f"{ref}: green kept its owners as they were")
        return Outcome(OutcomeState.DONE, f"{self.done} {ref}")


def _stands(action: Action) -> Outcome:
    return Outcome(OutcomeState.DONE, f"{target_of(action)[1]} needs no other owners")


class Cede(_Owners):
    """Cede objects to those who own them on blue."""

    done = "ceded"

    def _wanted(self, obj: Object, shares: Sequence[Share]) -> Sequence[Entry] | None:
        return ceded(obj, FIELD_MANAGER, shares)


class Reclaim(_Owners):
    """Own objects again as before they were ceded, so that the way back takes from them what is ours."""

    done = "reclaimed"

    def _wanted(self, obj: Object, shares: Sequence[Share]) -> Sequence[Entry] | None:
        return reclaimed(obj, FIELD_MANAGER, shares)
