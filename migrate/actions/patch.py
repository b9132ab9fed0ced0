"""Merge-patch objects as they were read, with a way back to the values they had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.actions.merging import reverse, stands
from migrate.actions.notes import LEFT, copied, noted, take_copies, with_copies
from migrate.actions.reach import TRIES, Reach, Written, named, refused, target_of
from migrate.actions.seeing import observed
from migrate.doors.cluster import Verb, Write
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, metadata_of
from migrate.model.reasons import undoing

SPARED = "spared"
"""The parameter of a way back that met somebody else's object."""


def patch(
    side: Side,
    ref: Ref,
    change: Mapping[str, Any],
    *,
    why: str,
    command: str = "",
    gone_is_fine: bool = False,
    note: bool = False,
) -> Action:
    """Merge-patch an object; its inverse puts the prior values back, absent ones included, unless it is given another.

    With `gone_is_fine` an object that is not there any more needs no patch. With `note` the object itself says how it was
    (`marks.PRIOR`), for whoever has no journal; the way back takes that note away. The way back is bound to the object that was
    read: another one under its name, unless it carries this run's mark, is somebody else's and stays as it is.
    """
    params: dict[str, Any] = {
        "side": side.value,
        "ref": ref.as_json(),
        "patch": dict(change),
        "why": str(why),
    }
    if gone_is_fine:
        params["gone"] = "fine"
    if note:
        params["note"] = True
    return Action("patch", ActionKey(f"patch {side} {named(ref)} {why}"), params, command)


class _Stale(Conflict):
    """The object is not as it was read: the way back that the intent has would not fit."""


class _Another(NotFound):
    """What was patched is gone, and an object of somebody else has its name."""


class Patch:
    """Merge-patch objects as they were read: the way back fits only the object and the values that were there."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read which object it is and the prior values; the inverse puts them back, absent ones included.

        An object that the step has read itself is offered by it (`Bodies`); the write insists on that version anyway.
        """
        return [
            self._prepared(action, self._reach.bodies.take(action.key) or self._reach.get(action))
            for action in actions
        ]

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Patch each as it was read, and compare the reply with what was asked for."""
        answers = self._reach.write_each(actions, self._write)
        return [
            self._judge(action, self._again(action, answer) if isinstance(answer, Conflict) else answer)
            for action, answer in zip(actions, answers, strict=True)
        ]

    def observe(self, action: Action) -> Observation:
        """Look whether the object is as the patch wants it; a patch is absolute and may be done again."""
        return self._seen(action, self._reach.get(action))

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at many, by lists where these are fewer requests."""
        return observed(self._reach, actions, self._seen)

    def _seen(self, action: Action, obj: Object | None) -> Observation:
        if obj is None:
            gone = State.DONE if action.params.get("gone") == "fine" else State.ABSENT
            return Observation(gone, evidence=f"{target_of(action)[1]} does not exist")
        if self._another(action, obj):
            return Observation(State.DONE, evidence=_spared(action))
        done = stands(obj, action.params["patch"]) and not copied(self._reach, action)
        return Observation(State.DONE if done else State.ABSENT, evidence=f"{target_of(action)[1]} read")

    def _prepared(self, action: Action, obj: Object | None) -> Action:
        if obj is None:
            return action.with_prior({}, None)
        if self._another(action, obj):
            return replace(action, params={**action.params, SPARED: True}).with_prior({}, None)
        if action.params.get("note"):
            action = noted(action, obj)
        side, ref = target_of(action)
        back = reverse(obj, action.params["patch"])
        fresh = _as_read(action, obj)
        undo = patch(side, ref, back, why=undoing(action.params["why"]), gone_is_fine=True)
        bound = replace(undo, params={**undo.params, "uid": fresh.params["read"]["uid"]})
        if action.params.get("note"):
            bound = with_copies(bound)
        return fresh.with_prior(back, bound if action.inverse is None else action.inverse)

    def _another(self, action: Action, obj: Object) -> bool:
        """Whether a way back meets another object than the one that was patched, and not one that this run made since.

        The way back of an older journal names no object, and goes by the name.
        """
        bound = action.params.get("uid", "")
        ours = annotations_of(obj).get(marks.RUN) == self._reach.run
        return bool(bound) and metadata_of(obj).get("uid") != bound and not ours

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        if action.params.get(SPARED):
            raise _Another(_spared(action), status=404, reason="NotFound")
        read = action.params.get("read")
        if read is None:
            message = f"{ref} was not there when it was read"
            raise NotFound(message, status=404, reason="NotFound")
        resource = self._reach.directory.resource(side, ref)
        body, uid, version = action.params["patch"], read["uid"], read["resourceVersion"]
        return Write(Verb.PATCH, resource, ref.name, ref.namespace, body, uid=uid, resource_version=version)

    def _again(self, action: Action, answer: Written) -> Written:
        """Write over a newer version as long as it differs in nothing that the patch changes.

        A version counts every word that a controller says of the status, too. Other values than those recorded need
        another intent: the way back of this one is durable already, and would not fit.
        """
        for _ in range(TRIES):
            try:
                action = self._unchanged(action)
            except (NotFound, Conflict) as error:
                return error
            except DoorError:
                return answer  # what was refused has not happened, whatever became of the look
            (answer,) = self._reach.write_each([action], self._write)
            if not isinstance(answer, Conflict):
                break
        return answer

    def _unchanged(self, action: Action) -> Action:
        """The Action on its object as it is now; raises NotFound where that is gone, Conflict where it is another."""
        ref = target_of(action)[1]
        obj = self._reach.get(action)
        if obj is None:
            message = f"{ref} is gone since it was read"
            raise NotFound(message, status=404, reason="NotFound")
        fresh = _as_read(action, obj)
        if fresh.params["read"]["uid"] != action.params["read"]["uid"]:
            message = f"{ref} is another object than the one that was read"
            raise _Stale(message, status=409, reason="Conflict")
        if reverse(obj, action.params["patch"]) != action.prior:
            message = f"{ref} was changed since it was read, and its prior values are others"
            raise _Stale(message, status=409, reason="Conflict")
        return fresh

    def _judge(self, action: Action, answer: Written) -> Outcome:
        side, ref = target_of(action)
        if isinstance(answer, _Another):
            return Outcome(OutcomeState.DONE, str(answer))
        if isinstance(answer, NotFound) and action.params.get("gone") == "fine":
            return Outcome(OutcomeState.DONE, f"{ref} is gone; nothing to put back")
        if isinstance(answer, _Stale):
            self._reach.bodies.forget(action.key)
            return replace(refused(f"changing {ref} on {side}", answer, ref), facts={"stale": True})
        if isinstance(answer, DoorError):
            return refused(f"changing {ref} on {side}", answer, ref)
        if not stands(answer, action.params["patch"]):
            return Outcome(OutcomeState.FAILED, f"{ref}: {side} answered that it did not take the change")
        try:
            left = take_copies(self._reach, action)
        except DoorError as error:
            return refused(f"taking our note off what {ref} has made on {side}", error, ref)
        said = "; ".join([f"{action.params['why']}: {ref}", *left])
        return Outcome(OutcomeState.DONE, said, facts={LEFT: list(left)} if left else {})


def _spared(action: Action) -> str:
    side, ref = target_of(action)
    return f"{ref} is another object on {side} than the one that was patched, and stays"


def _as_read(action: Action, obj: Object) -> Action:
    """The Action with what tells the object that was read from a namesake and from a later state."""
    metadata = metadata_of(obj)
    read = {"uid": metadata.get("uid", ""), "resourceVersion": metadata.get("resourceVersion", "")}
    return replace(action, params={**action.params, "read": read})
