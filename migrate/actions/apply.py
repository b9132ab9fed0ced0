"""Apply objects server-side under our one field manager: Calico's manifests, and what is merged into green's own."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.actions.delete import delete
from migrate.actions.reach import Reach, named, refused, target_of
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.errors import DoorError
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, dig


def apply(side: Side, ref: Ref, *, body_hash: str, command: str, source: str, force: bool = False) -> Action:
    """Apply an object server-side; its inverse deletes it where it was absent before.

    With `force` fields are taken from whoever owns them; only for objects that carry this run's mark.
    """
    params = {"side": side.value, "ref": ref.as_json(), "hash": body_hash, "source": source, "force": force}
    return Action("apply", ActionKey(f"apply {side} {named(ref)}"), params, command)


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
                outcomes.append(refused(f"applying {ref} on {action.params['side']}", answer, ref))
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
        body = self._reach.body(action, "its manifest")
        resource = self._reach.directory.resource(side, ref)
        return Write(
            Verb.APPLY, resource, ref.name, ref.namespace, body, force=bool(action.params.get("force"))
        )


def _applied_by_us(obj: Object) -> bool:
    owners = dig(obj, "metadata", "managedFields", default=())
    return any(o.get("manager") == FIELD_MANAGER and o.get("operation") == "Apply" for o in owners)
