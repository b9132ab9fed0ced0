"""Create objects on green by POST: what stands there already is met, and never taken over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate.actions.delete import delete
from migrate.actions.reach import Reach, Written, leaving, named, refused, target_of
from migrate.actions.seeing import observed
from migrate.actions.taken import taken
from migrate.doors.cluster import Verb, Write
from migrate.errors import AlreadyExists, DoorError
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, dig


def create(ref: Ref, *, key_hash: str, rule: str, wave: int, command: str) -> Action:
    """Create an object on green; its inverse deletes it again, if it is still ours."""
    params = {"side": Side.GREEN.value, "ref": ref.as_json()}
    return Action(
        "create",
        creation_key(ref),
        {**params, "hash": key_hash, "rule": rule, "wave": wave},
        command,
        inverse=delete(Side.GREEN, ref, ours=True),
    )


def creation_key(ref: Ref) -> ActionKey:
    """The key of the Action that creates an object on green."""
    return ActionKey(f"create green {named(ref)}")


class Create:
    """Create objects, one request each: the reply is compared with what was sent, path by path."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read: a create finds out by itself, and its inverse stands in the Action."""
        return actions

    def act(self, actions: Sequence[Action]) -> Iterator[Outcome]:
        """Create; what exists already is ours if it carries our marks. All are under way when this returns."""
        answers = self._reach.send_each(actions, self._write)
        return (self._judge(action, answer) for action, answer in zip(actions, answers, strict=True))

    def observe(self, action: Action) -> Observation:
        """Look whether the object stands, and whose it is."""
        return self._seen(action, self._reach.get(action))

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at many, by lists where these are fewer requests."""
        return observed(self._reach, actions, self._seen)

    def _seen(self, action: Action, obj: Object | None) -> Observation:
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
        body = self._reach.body(action, "blue")
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
            return refused(f"creating {ref} on green", answer, ref)
        body = self._reach.bodies.take(action.key)
        kept = annotations_of(answer).get(marks.SOURCE_HASH) == annotations_of(body or {}).get(
            marks.SOURCE_HASH
        )
        if not kept:
            return Outcome(OutcomeState.FAILED, f"{ref}: green answered with another object than was sent")
        uid = str(dig(answer, "metadata", "uid"))
        return Outcome(OutcomeState.DONE, facts={"uid": uid, **taken(self._reach, action, answer)})
