"""Apply objects server-side under our one field manager: Calico's manifests, and what is merged into green's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from migrate.actions.delete import delete
from migrate.actions.owning import reown
from migrate.actions.reach import Reach, Written, named, refusal, refused, target_of
from migrate.actions.taken import KEPT, taken
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.errors import Conflict, DoorError, Invalid
from migrate.model import marks
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, dig, metadata_of
from migrate.model.ownership import APPLY, UPDATE, Entry, as_applied, entries_of, owns_by

BLUE = "blue"
"""The source of what this run made on green itself, of blue's objects."""

STAYS = "FieldsStay"
"""The reason of the Conflict by which an apply is not sent, as it would leave what it no longer says."""


def apply(side: Side, ref: Ref, *, body_hash: str, command: str, source: str) -> Action:
    """Apply an object server-side; its inverse deletes it where it was absent before.

    `source` says where the object is from: `BLUE`, then one that stands must carry this run's mark, or "calico".
    """
    params = {"side": side.value, "ref": ref.as_json(), "hash": body_hash, "source": source}
    return Action("apply", application_key(side, ref), params, command)


def application_key(side: Side, ref: Ref) -> ActionKey:
    """The key of the Action that applies an object on a side."""
    return ActionKey(f"apply {side} {named(ref)}")


class Apply:
    """Apply objects server-side under our one field manager, never by force: what others changed is theirs."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read which object was there; where none was, the way back is to delete it."""
        prepared = []
        for action in actions:
            side, ref = target_of(action)
            found = self._reach.get(action)
            if found is None:
                prepared.append(action.with_prior({"existed": False}, delete(side, ref, ours=False)))
            else:
                prior = {"existed": True, "uid": str(metadata_of(found).get("uid", ""))}
                prepared.append(action.with_prior(prior, None))
        return prepared

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Apply each where nothing else of ours would be left in it, and read in the answer whether it stands as sent."""
        answers = self._reach.write_each(actions, self._write)
        return [self._judge(action, answer) for action, answer in zip(actions, answers, strict=True)]

    def observe(self, action: Action) -> Observation:
        """Applying again is harmless and has the same end, so what is in doubt is simply not yet done.

        What was absent before and is ours now was made by this very act: it is adopted, with its way back. So is the
        object that was there and carries the hash of this very state.
        """
        obj = self._reach.get(action)
        if obj is None:
            return Observation(State.ABSENT, evidence=f"{target_of(action)[1]} does not exist")
        if dig(action.prior, "existed") is False and owns_by(obj, FIELD_MANAGER, APPLY):
            return Observation(State.DONE, evidence=f"{target_of(action)[1]} stands as applied")
        marked, same = annotations_of(obj), dig(action.prior, "uid") == metadata_of(obj).get("uid")
        if same and (marked.get(marks.RUN), marked.get(marks.SOURCE_HASH)) == (
            self._reach.run,
            action.params["hash"],
        ):
            return Observation(State.DONE, evidence=f"{target_of(action)[1]} stands as applied")
        return Observation(State.PARTIAL, evidence="apply again: it is absolute")

    def _write(self, action: Action) -> Write:
        side, ref = target_of(action)
        body = self._reach.body(action, "its manifest")
        resource = self._reach.directory.resource(side, ref)
        uid = str(dig(action.prior, "uid", default=""))
        if uid:
            self.own(action)
        return Write(Verb.APPLY, resource, ref.name, ref.namespace, body, uid=uid)

    def own(self, action: Action, *, unowned: Collection[str] = ()) -> None:
        """Count what we created and patched as applied, so that the apply takes away what it no longer says.

        No field changes by it, and done twice it is done once; the fields at `unowned` stay as they are. Raises Conflict where the object is not ours any more,
        is written over all the time, or has fields from us that cannot be counted so.
        """
        side, ref = target_of(action)

        def counted(obj: Object) -> Sequence[Entry] | None:
            if action.params.get("source") == BLUE and annotations_of(obj).get(marks.RUN) != self._reach.run:
                message = f"{ref} does not carry this run's mark any more"
                raise Conflict(message, status=409, reason="Conflict")
            entries = as_applied(obj, FIELD_MANAGER, unowned=unowned)
            left = entries_of(obj) if entries is None else entries
            if owns_by({"metadata": {"managedFields": left}}, FIELD_MANAGER, UPDATE):
                said = f"{ref}: fields that {side} has from this run in another version of its API would stay"
                raise Conflict(said, status=409, reason=STAYS)
            return entries

        reown(self._reach, action, counted)

    def _judge(self, action: Action, answer: Written) -> Outcome:
        side, ref = target_of(action)
        if isinstance(answer, Conflict) and answer.reason == STAYS:
            remedy = f"Delete it on {side}, and run again: it is made anew."
            return Outcome(OutcomeState.FAILED, str(answer), remedy, facts=refusal(answer))
        if isinstance(answer, Conflict) and action.params.get("source") == BLUE:
            return Outcome(
                OutcomeState.FAILED,
                f"blue has changed {ref}, and so has somebody else on {side}: {answer}",
                "What was changed on green is not written over. Make these fields alike on both sides (the one that is "
                "right wins), or leave the object as it is on green by a rule of workloads.rules; then run again.",
                facts=refusal(answer),
            )
        if isinstance(answer, Invalid) and action.params.get("source") == BLUE:
            return replace(refused(f"applying {ref} on {side}", answer, ref), remedy=_made_anew(ref))
        if isinstance(answer, DoorError):
            return refused(f"applying {ref} on {side}", answer, ref)
        body = self._reach.bodies.take(action.key) or {}
        if annotations_of(answer).get(marks.SOURCE_HASH) != annotations_of(body).get(marks.SOURCE_HASH):
            return Outcome(OutcomeState.FAILED, f"{ref}: {side} answered with another object than was sent")
        facts = taken(self._reach, action, answer)
        # it was applied, whoever else has what was given up: whether green may stand so is for its parity, each time anew
        kept = f"; others keep {', '.join(facts[KEPT])}" if KEPT in facts else ""
        return Outcome(OutcomeState.DONE, f"applied {ref}{kept}", facts=facts)


def _made_anew(ref: Ref) -> str:
    """What helps where a server does not take a change: some fields stay as they were made, and an object may hold data."""
    kind = f"{ref.kind}.{ref.group}" if ref.group else ref.kind
    space = f" -n {ref.namespace}" if ref.namespace else ""
    rule = (
        f"{{kind: {ref.kind}, namespace: {ref.namespace or '*'}, name: {ref.name}, skip: true, reason: ...}}"
    )
    return (
        "Where a field cannot change once it is made, and what goes with the object may go: "
        f"kubectl delete {kind.lower()} {ref.name}{space} on green, and run again: it is made anew. "
        f"Or leave it out: workloads.rules: [{rule}]; then cnimigrate amend and run"
    )
