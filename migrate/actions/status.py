"""Write the status of an object that was just created, where green has said nothing of it by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from migrate import replay
from migrate.actions.reach import TRIES, Reach, Written, named, refused, target_of
from migrate.doors.cluster import Verb, Write
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, metadata_of

STATUS = "status"

SHOWN = 5
"""Paths that an outcome names; never values."""


def state(ref: Ref, *, uid: str, key_hash: str, wave: int) -> Action:
    """Write an object's status; its body is offered as `{apiVersion, status}`, and goes into no journal.

    There is no way back of its own: it goes with its object. Taken away before, the object's operator would take it for
    new, and might make outside the cluster what it has made already.
    """
    params = {"side": Side.GREEN.value, "ref": ref.as_json(), "uid": uid, "hash": key_hash, "wave": wave}
    return Action(STATUS, status_key(ref), params)


def status_key(ref: Ref) -> ActionKey:
    """The key of the Action that writes an object's status."""
    return ActionKey(f"status green {named(ref)}")


class Status:
    """Write each status once; what green's own operator has said by then stays."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is kept: only where there is none a status is written."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Write each on its object as the step read it, and hold the reply against what was sent."""
        answers = self._reach.write_each(actions, self._first)
        return [
            self._judged(action, self._again(action, answer))
            for action, answer in zip(actions, answers, strict=True)
        ]

    def observe(self, action: Action) -> Observation:
        """Look whether the object has a status."""
        obj, ref = self._reach.get(action), target_of(action)[1]
        if obj is None or metadata_of(obj).get("uid") != action.params["uid"]:
            return Observation(State.ABSENT, evidence=f"{ref} is not there any more")
        state_ = State.DONE if obj.get("status") else State.ABSENT
        return Observation(state_, evidence=f"{ref} read")

    def _first(self, action: Action) -> Write:
        return self._write(action, self._reach.body(action, "blue"))

    def _write(self, action: Action, read: Object) -> Write:
        """The version alone tells a namesake: of a UID in a write to the status a server of custom resources takes no notice."""
        side, ref = target_of(action)
        body = self._reach.body(action, "blue")
        return Write(
            Verb.PATCH,
            self._reach.directory.resource(side, ref),
            ref.name,
            ref.namespace,
            {"apiVersion": body["apiVersion"], STATUS: body[STATUS]},
            resource_version=str(metadata_of(read).get("resourceVersion", "")),
            subresource=STATUS,
        )

    def _again(self, action: Action, answer: Written) -> Written:
        """Write over a newer version of the object as long as it has no status."""
        for _ in range(TRIES):
            if not isinstance(answer, Conflict):
                break
            obj = self._reach.again(action)
            if obj is None:
                break
            if isinstance(obj, NotFound):
                return obj
            answer = obj if obj.get(STATUS) else self._rewritten(action, obj)
        return answer

    def _rewritten(self, action: Action, obj: Object) -> Written:
        return self._reach.write_each([action], lambda one: self._write(one, obj))[0]

    def _judged(self, action: Action, answer: Written) -> Outcome:
        ref = target_of(action)[1]
        if isinstance(answer, DoorError):
            return refused(f"writing the status of {ref}", answer, ref)
        if not answer.get(STATUS):
            return Outcome(OutcomeState.FAILED, f"{ref}: green answered that it did not take the status")
        wanted = self._reach.body(action, "blue")[STATUS]
        paths = list(islice(replay.unequal(wanted, answer[STATUS], STATUS), SHOWN))
        other = f", on green otherwise at {', '.join(paths)}" if paths else ""
        return Outcome(OutcomeState.DONE, f"wrote the status of {ref}{other}")
