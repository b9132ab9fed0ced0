"""Actions on Kubernetes objects: create, apply, patch, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from migrate.actions.directory import Directory
from migrate.actions.merging import reverse, stands
from migrate.doors.clock import Clock
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.engine.bodies import Bodies
from migrate.errors import AlreadyExists, Conflict, DoorError, NotFound, Refused, Transient
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, RunId, Side
from migrate.model.objects import Object, Ref, annotations_of, dig

Written = Object | DoorError

LOOK = 0.5
"""Seconds between two looks at what was deleted and lingers."""


@dataclass(frozen=True)
class Reach:
    """What every handler of objects needs: where kinds are served, the bodies on their way, and the run's id."""

    directory: Directory
    bodies: Bodies
    run: RunId

    def get(self, action: Action) -> Object | None:
        """Read the object that an Action is about; None where there is none or its kind is not served."""
        side, ref = target_of(action)
        try:
            resource = self.directory.resource(side, ref)
        except NotFound:
            return None
        return self.directory.cluster(side).get(resource, ref.name, ref.namespace)

    def write_each(self, actions: Sequence[Action], write: Callable[[Action], Write]) -> list[Written]:
        """Write for each Action through the door's pool, side by side; results in the Actions' order."""
        results: list[Written] = [Transient("not sent")] * len(actions)
        by_side: dict[Side, list[tuple[int, Write]]] = {}
        for index, action in enumerate(actions):
            try:
                by_side.setdefault(target_of(action)[0], []).append((index, write(action)))
            except DoorError as error:
                results[index] = error
        for side, writes in by_side.items():
            answers = self.directory.cluster(side).write_many([w for _, w in writes])
            for (index, _), answer in zip(writes, answers, strict=True):
                results[index] = answer
        return results


def leaving(ref: Ref, obj: Object) -> str:
    """Say that an object is being deleted and, where it tells, what it waits for."""
    told = [
        str(c.get("message", ""))
        for c in dig(obj, "status", "conditions", default=()) or ()
        if ref.kind == "Namespace" and c.get("status") == "True"
    ]
    finalizers = ", ".join(dig(obj, "metadata", "finalizers", default=()) or ())
    why = "; ".join(told) or (f"finalizers {finalizers}" if finalizers else "")
    return f"{ref} is being deleted on green and still stands" + (f" ({why})" if why else "")


def target_of(action: Action) -> tuple[Side, Ref]:
    """The side and the reference that an Action on an object names."""
    return Side(action.params["side"]), Ref.of_json(action.params["ref"])


def create(ref: Ref, *, key_hash: str, rule: str, wave: int, command: str) -> Action:
    """Create an object on green; its inverse deletes it again, if it is still ours."""
    params = {"side": Side.GREEN.value, "ref": ref.as_json()}
    return Action(
        "create",
        ActionKey(f"create green {_path(ref)}"),
        {**params, "hash": key_hash, "rule": rule, "wave": wave},
        command,
        inverse=delete(Side.GREEN, ref, ours=True),
    )


def delete(side: Side, ref: Ref, *, ours: bool) -> Action:
    """Delete an object; with `ours` only while it carries this run's mark."""
    params = {"side": side.value, "ref": ref.as_json(), "ours": ours}
    return Action("delete", ActionKey(f"delete {side} {_path(ref)}"), params)


def apply(side: Side, ref: Ref, *, body_hash: str, command: str, source: str, force: bool = False) -> Action:
    """Apply an object server-side; its inverse deletes it where it was absent before.

    With `force` fields are taken from whoever owns them; only for objects that carry this run's mark.
    """
    params = {"side": side.value, "ref": ref.as_json(), "hash": body_hash, "source": source, "force": force}
    return Action("apply", ActionKey(f"apply {side} {_path(ref)}"), params, command)


def patch(
    side: Side,
    ref: Ref,
    change: Mapping[str, Any],
    *,
    why: str,
    command: str = "",
    gone_is_fine: bool = False,
) -> Action:
    """Merge-patch an object; its inverse puts the prior values back, absent ones included.

    With `gone_is_fine` an object that is not there any more needs no patch.
    """
    params: dict[str, Any] = {"side": side.value, "ref": ref.as_json(), "patch": dict(change), "why": why}
    if gone_is_fine:
        params["gone"] = "fine"
    return Action("patch", ActionKey(f"patch {side} {_path(ref)} {why}"), params, command)


class Create:
    """Create objects, one request each: the reply is compared with what was sent."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read: a create finds out by itself, and its inverse stands in the Action."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Create; what exists already is ours if it carries our marks."""
        return [
            self._judge(action, answer)
            for action, answer in zip(actions, self._reach.write_each(actions, self._write), strict=True)
        ]

    def observe(self, action: Action) -> Observation:
        """Look whether the object stands, and whose it is."""
        obj = self._reach.get(action)
        _, ref = target_of(action)
        if obj is None:
            return Observation(State.ABSENT, evidence=f"{ref} is not on green")
        if dig(obj, "metadata", "deletionTimestamp"):
            return Observation(State.ABSENT, evidence=leaving(ref, obj))
        marked = annotations_of(obj)
        if marked.get(marks.RUN) != self._reach.run:
            return Observation(State.FOREIGN, evidence=f"{ref} stands on green and is not from this run")
        if marked.get(marks.SOURCE_HASH) != action.params["hash"]:
            return Observation(State.FOREIGN, evidence=f"{ref} stands on green from an earlier state of blue")
        return Observation(State.DONE, evidence=f"{ref} stands on green with this run's mark")

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        body = self._reach.bodies.take(action.key)
        if body is None:
            message = f"{ref} was read from blue by an earlier process"
            raise Transient(message)
        return Write(Verb.CREATE, self._reach.directory.resource(side, ref), ref.name, ref.namespace, body)

    def _judge(self, action: Action, answer: Written) -> Outcome:
        _, ref = target_of(action)
        if isinstance(answer, AlreadyExists):
            seen = self.observe(action)
            if seen.state is State.DONE:
                return Outcome(OutcomeState.ADOPTED, seen.evidence)
            if seen.state is State.ABSENT:
                return Outcome(
                    OutcomeState.FAILED, seen.evidence, "Once it is gone, run the same command to go on."
                )
            return Outcome(
                OutcomeState.UNKNOWN,
                seen.evidence,
                f"Take it away and run again; or say how it stands: "
                f'cnimigrate resolve "{action.key}" --as done|absent --reason TEXT '
                f"(done: it stays and becomes ours; absent: with a rule that leaves ours out, workloads.rules: "
                f"[{{kind: {ref.kind}, namespace: {ref.namespace or '*'}, name: {ref.name}, skip: true, reason: ...}}], "
                "then cnimigrate amend)",
                facts={"foreign": True},
            )
        if isinstance(answer, DoorError):
            return refused(f"green refused {ref}", answer, ref)
        body = self._reach.bodies.take(action.key)
        kept = annotations_of(answer).get(marks.SOURCE_HASH) == annotations_of(body or {}).get(
            marks.SOURCE_HASH
        )
        if not kept:
            return Outcome(OutcomeState.FAILED, f"{ref}: green answered with another object than was sent")
        return Outcome(OutcomeState.DONE, facts={"uid": str(dig(answer, "metadata", "uid"))})


class Delete:
    """Delete objects by UID; one that is already gone is done."""

    def __init__(self, reach: Reach, clock: Clock) -> None:
        self._reach = reach
        self._clock = clock

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
                outcomes[index] = refused("cannot read what is to be deleted", error, target_of(action)[1])
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
                outcomes[index] = refused(f"{ref} was not deleted", answer, ref)
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
            if left:
                self._clock.sleep(LOOK)

    def _look(self, action: Action, uid: str, *, late: bool) -> Outcome | None:
        ref = target_of(action)[1]
        try:
            obj = self._reach.get(action)
        except DoorError as error:
            return refused(f"cannot see whether {ref} is gone", error, ref)
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


class Apply:
    """Apply objects server-side under our one field manager."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read whether each object was there; where it was not, the way back is to delete it."""
        prepared = []
        for action in actions:
            side, ref = target_of(action)
            absent = self._reach.get(action) is None
            inverse = delete(side, ref, ours=False) if absent else None
            prepared.append(action.with_prior({"existed": not absent}, inverse))
        return prepared

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Apply each; a field that another manager owns is taken only where nobody else would notice: nowhere."""
        answers = self._reach.write_each(actions, self._write)
        outcomes = []
        for action, answer in zip(actions, answers, strict=True):
            ref = target_of(action)[1]
            if isinstance(answer, DoorError):
                outcomes.append(refused(f"{action.params['side']} refused {ref}", answer, ref))
            else:
                outcomes.append(Outcome(OutcomeState.DONE, f"applied {ref}"))
        return outcomes

    def observe(self, action: Action) -> Observation:
        """Applying again is harmless and has the same end, so what is in doubt is simply not yet done.

        What was absent before and is ours now was made by this very act: it is adopted, with its way back.
        """
        obj = self._reach.get(action)
        if obj is None:
            return Observation(State.ABSENT, evidence=f"{target_of(action)[1]} does not exist")
        if dig(action.prior, "existed") is False and _applied_by_us(obj):
            return Observation(State.DONE, evidence=f"{target_of(action)[1]} stands as applied")
        return Observation(State.PARTIAL, evidence="apply again: it is absolute")

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        body = self._reach.bodies.take(action.key)
        if body is None:
            message = f"{ref} was read from its manifest by an earlier process"
            raise Transient(message)
        resource = self._reach.directory.resource(side, ref)
        return Write(
            Verb.APPLY, resource, ref.name, ref.namespace, body, force=bool(action.params.get("force"))
        )


def _applied_by_us(obj: Object) -> bool:
    owners = dig(obj, "metadata", "managedFields", default=())
    return any(o.get("manager") == FIELD_MANAGER and o.get("operation") == "Apply" for o in owners)


class Patch:
    """Merge-patch objects, with the prior values recorded and a precondition on what was read."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read the prior values; the inverse puts them back, absent ones included."""
        prepared = []
        for action in actions:
            side, ref = target_of(action)
            obj = self._reach.get(action)
            back = reverse(obj, action.params["patch"]) if obj is not None else {}
            inverse = patch(side, ref, back, why=f"undo {action.params['why']}") if obj is not None else None
            inverse = replace(inverse, params={**inverse.params, "gone": "fine"}) if inverse else None
            prepared.append(action.with_prior(back, inverse))
        return prepared

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Patch each and compare the reply with what was asked for."""
        answers = self._reach.write_each(actions, self._write)
        return [self._judge(action, answer) for action, answer in zip(actions, answers, strict=True)]

    def observe(self, action: Action) -> Observation:
        """Look whether the object is as the patch wants it; a patch is absolute and may be done again."""
        obj = self._reach.get(action)
        if obj is None:
            gone = State.DONE if action.params.get("gone") == "fine" else State.ABSENT
            return Observation(gone, evidence=f"{target_of(action)[1]} does not exist")
        done = stands(obj, action.params["patch"])
        return Observation(State.DONE if done else State.ABSENT, evidence=f"{target_of(action)[1]} read")

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        resource = self._reach.directory.resource(side, ref)
        return Write(Verb.PATCH, resource, ref.name, ref.namespace, action.params["patch"])

    def _judge(self, action: Action, answer: Written) -> Outcome:
        side, ref = target_of(action)
        if isinstance(answer, NotFound) and action.params.get("gone") == "fine":
            return Outcome(OutcomeState.DONE, f"{ref} is gone; nothing to put back")
        if isinstance(answer, DoorError):
            return refused(f"{side} refused to change {ref}", answer, ref)
        if not stands(answer, action.params["patch"]):
            return Outcome(OutcomeState.FAILED, f"{ref}: {side} answered that it did not take the change")
        return Outcome(OutcomeState.DONE, f"{action.params['why']}: {ref}")


def refused(what: str, error: DoorError, ref: Ref) -> Outcome:
    """Turn a door's error into an outcome: a refusal is a failure, silence leaves the act in doubt."""
    if isinstance(error, Refused | Transient):
        words = f"{what}: {error}"
        rule = f"workloads.rules: [{{kind: {ref.kind}, namespace: {ref.namespace or '*'}, name: {ref.name}, "
        remedy = (
            f"Mend it on blue, or decide: {rule}skip: true, reason: ...}}]; then cnimigrate amend and run"
        )
        if isinstance(error, Conflict):
            remedy = "Something else writes the same object; stop it, then run the same command."
        return Outcome(OutcomeState.FAILED, words, remedy)
    return Outcome(OutcomeState.UNKNOWN, f"{what}: {error}")


def _path(ref: Ref) -> str:
    kind = f"{ref.kind}.{ref.group}" if ref.group else ref.kind
    return f"{kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{kind} {ref.name}"
