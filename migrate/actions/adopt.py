"""Make an object of another hand ours, and give it up again: server-side apply without force, never a delete.

Only what nobody else owns is set, and an apply that says nothing takes exactly that away again: so the way back needs no
prior values, and a Secret's are in no journal. A release takes fields from their owners, though, and what nobody owns any
more falls back to its default: so what would start by that keeps its value. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from migrate.actions.apply import Apply
from migrate.actions.owning import reown
from migrate.actions.reach import Reach, Written, named, refusal, refused, target_of
from migrate.actions.seeing import observed
from migrate.actions.taken import taken
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.errors import Conflict, DoorError, NotFound
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, dig
from migrate.model.ownership import set_apart

WAKING = ("spec.replicas", "spec.suspend")
"""Fields whose default starts what they keep at rest: one replica, not suspended; source: API reference, apps/v1, batch/v1."""

EARLIER = "cnimigrate-earlier"
"""The manager that an earlier run's fields are entered under, where a later one adopts what it made."""


def adopt(ref: Ref, *, uid: str, body_hash: str, wave: int, differs: Sequence[str]) -> Action:
    """Adopt the object of green that has this UID; its inverse gives it up, as it was.

    `differs` are the paths at which it was otherwise than blue's; where there is none, it gets our marks alone.
    """
    params = {"side": Side.GREEN.value, "ref": ref.as_json(), "uid": uid}
    defaulted = [path for path in WAKING if path in differs]
    back = Action(
        "disown",
        ActionKey(f"disown green {named(ref)}"),
        {**params, "defaulted": defaulted} if defaulted else params,
    )
    return Action(
        "adopt",
        adoption_key(ref),
        {**params, "hash": body_hash, "wave": wave},
        prior={"uid": uid, "differs": list(differs)},
        inverse=back,
    )


def adoption_key(ref: Ref) -> ActionKey:
    """The key of the Action that adopts an object of green."""
    return ActionKey(f"adopt green {named(ref)}")


class Adopt:
    """Adopt objects, one request each; a field that somebody else owns and has otherwise is refused, and told."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._apply = Apply(reach)

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read: the step has read the object, and the write insists on its UID."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Apply our marks, and what the object lacks, without force."""
        answers = self._reach.write_each(actions, self._write)
        return [self._judge(action, answer) for action, answer in zip(actions, answers, strict=True)]

    def observe(self, action: Action) -> Observation:
        """Look whether it carries our marks; applied again it ends in the same state."""
        return self._seen(action, self._reach.get(action))

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at many, by lists where these are fewer requests."""
        return observed(self._reach, actions, self._seen)

    def _seen(self, action: Action, obj: Object | None) -> Observation:
        _, ref = target_of(action)
        if obj is None:
            return Observation(State.ABSENT, evidence=f"{ref} is gone from green")
        marked = annotations_of(obj)
        ours = marked.get(marks.RUN) == self._reach.run
        if ours and marked.get(marks.SOURCE_HASH) == action.params["hash"]:
            return Observation(State.DONE, evidence=f"{ref} stands on green with this run's mark")
        return Observation(State.ABSENT, evidence=f"{ref} is not adopted")

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        body = self._reach.body(action, "blue")
        self._own(action)
        resource = self._reach.directory.resource(side, ref)
        return Write(Verb.APPLY, resource, ref.name, ref.namespace, body, uid=action.params["uid"])

    def _own(self, action: Action) -> None:
        """Let nothing be ours in the object but what this run writes.

        What an earlier run left is another hand's, though it has our manager's name: an apply of ours that does not say
        it would take it away, now or on the way back. What this run's release has patched since would stand in the way
        of the next adoption.
        """
        found = self._reach.get(action)
        if found is not None and annotations_of(found).get(marks.RUN) == self._reach.run:
            self._apply.own(action)
        else:
            reown(self._reach, action, lambda obj: set_apart(obj, FIELD_MANAGER, EARLIER))

    def _judge(self, action: Action, answer: Written) -> Outcome:
        _, ref = target_of(action)
        if isinstance(answer, Conflict):
            return Outcome(
                OutcomeState.FAILED,
                f"adopting {ref} on green: {answer}",
                "What others own on green is not written over. Make these fields alike on both sides, or leave green's "
                "object as it is: onConflict: skip in a rule of workloads.rules; then cnimigrate amend and run.",
                facts=refusal(answer),
            )
        if isinstance(answer, DoorError):
            return refused(f"adopting {ref} on green", answer, ref)
        if annotations_of(answer).get(marks.SOURCE_HASH) != action.params["hash"]:
            return Outcome(OutcomeState.FAILED, f"{ref}: green answered with another object than was sent")
        return Outcome(OutcomeState.DONE, f"adopted {ref}", facts=taken(self._reach, action, answer))


class Disown:
    """Give adopted objects up: nothing of ours is left in them, and nobody's object is deleted."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._apply = Apply(reach)

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read before."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Apply nothing, so that what we alone own goes, our marks with it.

        Only what had its default when it was adopted, `defaulted`, gets it again where that starts something.
        """
        spared = {action.key: outcome for action in actions if (outcome := self._spared(action)) is not None}
        ours = [action for action in actions if action.key not in spared]
        answers = self._reach.write_each(ours, self._write)
        judged = {a.key: self._judge(a, answer) for a, answer in zip(ours, answers, strict=True)}
        return [{**spared, **judged}[action.key] for action in actions]

    def observe(self, action: Action) -> Observation:
        """Look whether our mark is off; applied again it ends in the same state."""
        left = self._left(action)
        ref = target_of(action)[1]
        if left is None:
            return Observation(State.DONE, evidence=f"{ref} is not ours")
        return Observation(State.ABSENT, evidence=f"{ref} carries this run's mark")

    def _left(self, action: Action) -> Object | None:
        """The object while it is the one that was adopted and carries our mark; None where nothing is to be done."""
        obj = self._reach.get(action)
        same = obj is not None and dig(obj, "metadata", "uid") == action.params["uid"]
        return obj if same and annotations_of(obj or {}).get(marks.RUN) == self._reach.run else None

    def _spared(self, action: Action) -> Outcome | None:
        ref = target_of(action)[1]
        try:
            left = self._left(action)
        except DoorError as error:
            return refused(f"reading {ref}, which is to be given up", error, ref)
        return (
            None if left is not None else Outcome(OutcomeState.DONE, f"{ref} is not ours any more and stays")
        )

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        stays = [path for path in WAKING if path not in action.params.get("defaulted", ())]
        self._apply.own(action, unowned=stays)  # what else a release has patched goes with the rest
        resource = self._reach.directory.resource(side, ref)
        return Write(Verb.APPLY, resource, ref.name, ref.namespace, {}, uid=action.params["uid"])

    def _judge(self, action: Action, answer: Written) -> Outcome:
        _, ref = target_of(action)
        if isinstance(answer, NotFound):
            return Outcome(OutcomeState.DONE, f"{ref} is gone; nothing to give up")
        if isinstance(answer, DoorError):
            return refused(f"giving {ref} up on green", answer, ref)
        if left := _marks(answer):
            return Outcome(OutcomeState.FAILED, f"{ref}: green kept {', '.join(left)}", _BY_HAND)
        return Outcome(OutcomeState.DONE, f"gave {ref} up")


_BY_HAND = "Somebody else owns these annotations, too; take them away with kubectl annotate, and run again."


def _marks(obj: Mapping[str, object]) -> list[str]:
    return [key for key in annotations_of(obj) if marks.is_ours(key)]
