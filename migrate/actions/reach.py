"""What every handler of objects needs: an Action's object, writes side by side, and what a refusal means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.actions.directory import Directory
from migrate.doors.cluster import Write
from migrate.engine.bodies import Bodies
from migrate.errors import Conflict, DoorError, Forbidden, NotFound, Refused, Transient, Unauthorized
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import RunId, Side
from migrate.model.objects import Object, Ref, dig

Written = Object | DoorError

TRIES = 5
"""Writes over newer versions of one object, before something else is said to write it all the time."""


@dataclass(frozen=True)
class Reach:
    """Where kinds are served, the bodies on their way, and the run's id."""

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

    def again(self, action: Action) -> Object | NotFound | None:
        """Read the very object that an Action names by its UID, to write over a newer version of it.

        NotFound where it is gone, or a namesake stands there; None where that cannot be seen.
        """
        try:
            obj = self.get(action)
        except DoorError:
            return None  # what was refused has not happened, whatever became of the look
        if obj is None or dig(obj, "metadata", "uid") != action.params["uid"]:
            message = f"{target_of(action)[1]} is gone since it was read"
            return NotFound(message, status=404, reason="NotFound")
        return obj

    def body(self, action: Action, source: str) -> Object:
        """The object that a step offered for an Action; raises Transient where only an earlier process had read it."""
        body = self.bodies.take(action.key)
        if body is None:
            message = f"{target_of(action)[1]} was read from {source} by an earlier process"
            raise Transient(message)
        return body

    def write_each(self, actions: Sequence[Action], write: Callable[[Action], Write]) -> list[Written]:
        """Write for each Action through the door's pool, side by side; results in the Actions' order."""
        return list(self.send_each(actions, write))

    def send_each(self, actions: Sequence[Action], write: Callable[[Action], Write]) -> Iterator[Written]:
        """Begin to write for each Action; whoever asks for the next result waits for it."""
        composed: list[Side | DoorError] = []
        by_side: dict[Side, list[Write]] = {}
        for action in actions:
            side = target_of(action)[0]
            try:
                by_side.setdefault(side, []).append(write(action))
                composed.append(side)
            except DoorError as error:
                composed.append(error)
        answers = {side: self.directory.cluster(side).send_many(writes) for side, writes in by_side.items()}
        return (next(answers[one]) if isinstance(one, Side) else one for one in composed)


def target_of(action: Action) -> tuple[Side, Ref]:
    """The side and the reference that an Action on an object names."""
    return Side(action.params["side"]), Ref.of_json(action.params["ref"])


def named(ref: Ref) -> str:
    """An object as keys of Actions name it: kind, group and place."""
    kind = f"{ref.kind}.{ref.group}" if ref.group else ref.kind
    return f"{kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{kind} {ref.name}"


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


def refused(doing: str, error: DoorError, ref: Ref) -> Outcome:
    """Turn a door's error into an outcome: a refusal is a failure, silence leaves the act in doubt."""
    words = f"{doing}: {error}"
    if isinstance(error, Refused | Transient):
        return Outcome(OutcomeState.FAILED, words, _remedy(error, ref), facts=refusal(error))
    return Outcome(OutcomeState.UNKNOWN, words)


def refusal(error: Refused | Transient) -> dict[str, Any]:
    """The facts of an outcome that tell one refusal from another; none where the server would answer anything else just so."""
    match error:
        case Unauthorized() | Forbidden():
            return {}
        case Refused():
            told = {"status": error.status, "reason": error.reason, "fields": list(error.fields)}
            return {"refused": {key: value for key, value in told.items() if value}}
        case _:
            return {"refused": {}} if error.of_the_object else {}


def _remedy(error: Refused | Transient, ref: Ref) -> str:
    """What helps against a refusal; only an object that the server does not accept may have to be left out."""
    match error:
        case Transient():
            return "It was not done. Mend what is named here, if it does not pass by itself; the same command goes on."
        case Conflict():
            return "Something else writes the same object; stop it, then run the same command."
        case Unauthorized() | Forbidden():
            return "Mend the credentials or their rights, then run the same command."
        case _:
            rule = f"{{kind: {ref.kind}, namespace: {ref.namespace or '*'}, name: {ref.name}, skip: true, reason: ...}}"
            return f"Mend it on blue, or what refuses it on green; or decide: workloads.rules: [{rule}]; then cnimigrate amend and run"
