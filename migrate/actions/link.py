"""Add references to owners, or take them away again, among those that an object has beside them.

A list is replaced whole by a merge patch, and green's own controllers write into the same one: so each write is made of
the list as it was read, and insists on that version of the object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.actions.reach import TRIES, Reach, Written, named, refused, target_of
from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import FORBIDDEN
from migrate.errors import Conflict, DoorError, NotFound, Refused
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, dig, group_of, kind_of, metadata_of
from migrate.replay import WAVES

References = Sequence[Mapping[str, Any]]
"""Entries of metadata.ownerReferences; the UID tells one from another."""

LAST = max(wave.number for wave in WAVES) + 1
"""The rank of a link: going back, all of them go before the first object that is deleted, which might be an owner.

No wave, for a link says nothing of the wave that its object was written in.
"""


def link(ref: Ref, uid: str, owners: References) -> Action:
    """Let an object of green be owned by what stands there under these UIDs, beside whoever owns it already."""
    return _action("link", ref, uid, owners)


def unlink(ref: Ref, uid: str, owners: References) -> Action:
    """Take such references away again; that is no change to take back, for going back takes all of them away."""
    return _action("unlink", ref, uid, owners)


def _action(kind: str, ref: Ref, uid: str, owners: References) -> Action:
    params = {
        "side": Side.GREEN.value,
        "ref": ref.as_json(),
        "uid": uid,
        "owners": list(owners),
        "rank": LAST,
    }
    return Action(kind, ActionKey(f"{kind} {named(ref)}"), params)


def joined(there: References, owners: References) -> References:
    """What is there, and behind it the owners that it lacks."""
    known = {reference.get("uid") for reference in there}
    return [*there, *(owner for owner in owners if owner["uid"] not in known)]


def parted(there: References, owners: References) -> References:
    """What is there without these owners."""
    gone = {owner["uid"] for owner in owners}
    return [reference for reference in there if reference.get("uid") not in gone]


class Links:
    """Writes references; as `joined` none before its owner was seen to stand under that very UID.

    One that nobody has would have the garbage collector delete the object.
    """

    def __init__(self, reach: Reach, among: Callable[[References, References], References]) -> None:
        self._reach = reach
        self._among = among

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read what is there; the way back takes away what was lacking, and nothing else."""
        return [self._prepared(action) for action in actions]

    def _prepared(self, action: Action) -> Action:
        obj = self._read(action)
        if obj is None or self._among is parted:
            return action
        there = _references(obj)
        known = {reference.get("uid") for reference in there}
        lacking = [owner for owner in action.params["owners"] if owner["uid"] not in known]
        back = unlink(target_of(action)[1], action.params["uid"], lacking)
        return action.with_prior(list(there), back)

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Look at the owners, each once; then write, and read the references from each reply."""
        looks = _Owners(self._reach)
        kept = {a.key: why for a in actions if self._among is joined and (why := looks.astray(a))}
        todo = [a for a in actions if a.key not in kept]
        answers = dict(zip((a.key for a in todo), self._reach.write_each(todo, self._first), strict=True))
        return [
            kept[a.key] if a.key in kept else self._judged(a, self._again(a, answers[a.key])) for a in actions
        ]

    def observe(self, action: Action) -> Observation:
        """Look whether the object has the references, or has them no more; either may be written again."""
        ref, obj = target_of(action)[1], self._reach.get(action)
        if obj is None or not _same(obj, action):
            gone = State.DONE if self._among is parted else State.ABSENT
            return Observation(gone, evidence=f"{ref} is not there any more")
        state = State.DONE if self._done(action, obj) else State.ABSENT
        return Observation(state, evidence=f"{ref} read")

    def _read(self, action: Action) -> Object | None:
        return self._reach.bodies.take(action.key) or self._reach.get(action)

    def _first(self, action: Action) -> Write:
        obj = self._read(action)
        if obj is None or not _same(obj, action):
            message = f"{target_of(action)[1]} is not there"
            raise NotFound(message, status=404, reason="NotFound")
        return self._write(action, obj)

    def _write(self, action: Action, obj: Object, *, blocking: bool = True) -> Write:
        side, ref = target_of(action)
        owners = action.params["owners"]
        if not blocking:
            owners = [{k: v for k, v in owner.items() if k != "blockOwnerDeletion"} for owner in owners]
        wanted = self._among(_references(obj), owners)
        return Write(
            Verb.PATCH,
            self._reach.directory.resource(side, ref),
            ref.name,
            ref.namespace,
            {"metadata": {"ownerReferences": list(wanted) or None}},
            uid=action.params["uid"],
            resource_version=str(metadata_of(obj).get("resourceVersion", "")),
        )

    def _again(self, action: Action, answer: Written) -> Written:
        """Write over a newer version of the object, or without the word by which its owner waits for it.

        An API server may let only those say blockOwnerDeletion who may write the owner's finalizers: admission plugin
        OwnerReferencesPermissionEnforcement. The object is owned all the same.
        """
        blocking = any(owner.get("blockOwnerDeletion") for owner in action.params["owners"])
        for _ in range(TRIES):
            if blocking and _denied(answer):
                blocking = False
            elif not isinstance(answer, Conflict):
                break
            obj = self._reach.again(action)
            if obj is None:
                break
            if isinstance(obj, NotFound):
                return obj
            answer = self._rewritten(action, obj, blocking=blocking)
        return answer

    def _rewritten(self, action: Action, obj: Object, *, blocking: bool) -> Written:
        return self._reach.write_each([action], lambda one: self._write(one, obj, blocking=blocking))[0]

    def _judged(self, action: Action, answer: Written) -> Outcome:
        side, ref = target_of(action)
        if isinstance(answer, NotFound) and self._among is parted:
            return Outcome(OutcomeState.DONE, f"{ref} is gone; nothing to take away")
        if isinstance(answer, DoorError):
            return refused(f"changing the owners of {ref} on {side}", answer, ref)
        if not self._done(action, answer):
            return Outcome(OutcomeState.FAILED, f"{ref}: {side} answered that it did not take the owners")
        names = ", ".join(f"{owner['kind']} {owner['name']}" for owner in action.params["owners"])
        said = "is owned by" if self._among is joined else "is no longer owned by"
        return Outcome(OutcomeState.DONE, f"{ref} {said} {names}")

    def _done(self, action: Action, obj: Object) -> bool:
        uids = {reference.get("uid") for reference in _references(obj)}
        wanted = {owner["uid"] for owner in action.params["owners"]}
        return wanted <= uids if self._among is joined else not wanted & uids


@dataclass
class _Owners:
    """The owners of a batch, each read once."""

    reach: Reach

    def __post_init__(self) -> None:
        self._seen: dict[tuple[Ref, str], str] = {}

    def astray(self, action: Action) -> Outcome | None:
        """Why an object must not be linked: an owner is not there, is another one, or is on its way out."""
        ref = target_of(action)[1]
        for owner in action.params["owners"]:
            try:
                why = self._why(owner, ref)
            except DoorError as error:
                return refused(f"reading the owner {owner['kind']} {owner['name']} of {ref}", error, ref)
            if why:
                said = f"{ref} is not linked: its owner {owner['kind']} {owner['name']} {why}"
                return Outcome(OutcomeState.FAILED, said, "Run the same command: it looks at both anew.")
        return None

    def _why(self, owner: Mapping[str, Any], ref: Ref) -> str:
        named_ = Ref(group_of(owner), kind_of(owner), ref.namespace, owner["name"])
        if (named_, owner["uid"]) not in self._seen:
            self._seen[named_, owner["uid"]] = self._look(named_, owner["uid"])
        return self._seen[named_, owner["uid"]]

    def _look(self, owner: Ref, uid: str) -> str:
        resource = self.reach.directory.resource(Side.GREEN, owner)
        space = owner.namespace if resource.namespaced else ""
        obj = self.reach.directory.cluster(Side.GREEN).get(resource, owner.name, space)
        if obj is None:
            return "is not on green any more"
        if metadata_of(obj).get("uid") != uid:
            return "is another one since it was read"
        return "is being deleted" if metadata_of(obj).get("deletionTimestamp") else ""


def _same(obj: Object, action: Action) -> bool:
    """Whether it is the object that was read, and no namesake that was made since."""
    return bool(metadata_of(obj).get("uid") == action.params["uid"])


def _denied(answer: Written) -> bool:
    """Whether a right is missing, or an admission plugin says no, which answers with the same status."""
    return isinstance(answer, Refused) and answer.status == FORBIDDEN


def _references(obj: Object) -> References:
    found: References = dig(obj, "metadata", "ownerReferences", default=()) or ()
    return found
