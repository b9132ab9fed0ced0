"""What green's server says to an object that is only tried: taken, refused, or nothing yet that counts.

On a green that was just made most namespaces do not stand. What belongs there is tried in another namespace: its fields
are checked as they will be, what its own namespace would say is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migrate.errors import AlreadyExists, DoorError, NotFound, Refused
from migrate.model.decision import Decision
from migrate.model.objects import Object, Ref
from migrate.replay import kinds
from migrate.replay.canary import PASSING
from migrate.replay.conflicts import Taken
from migrate.replay.decisions import MERGED_RULES
from migrate.replay.kinds import Kind

BORROWED = "default"
"""The namespace that every cluster has."""

ELSEWHERE = f"tried in namespace {BORROWED}, as its own does not stand yet"

UNANSWERED = "failed calling webhook"
"""What a server says while nobody answers for a webhook that insists; its backend may be of a wave that is not written."""

_OF_A_PLACE = ("denied request", "denied the request")
"""How policies and webhooks refuse, which look at namespaces (apiserver, pkg/admission/plugin/policy, webhook/errors)."""

FORBIDDEN = 403


class Said(StrEnum):
    """What came of trying an object."""

    TAKEN = "taken"
    STANDS = "stands"
    REFUSED = "refused"
    LATER = "later"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Tried:
    """One object that was tried, or could not be; `words` say what the server said, or what is missing yet."""

    ref: Ref
    wave: int
    said: Said
    words: str = ""
    path: str = ""

    def as_json(self) -> dict[str, Any]:
        """The object and the answer as JSON."""
        told = {"said": self.said.value, "words": self.words, "path": self.path}
        return {"object": self.ref.as_json(), "wave": self.wave, **told}


BAD = frozenset({Said.REFUSED, Said.UNDECIDED})
"""What a run would stop at."""


def later(decision: Decision, served: Collection[Kind], namespaces: Collection[str]) -> str:
    """Why an object cannot be tried yet; empty where it can be."""
    ref = decision.ref
    if decision.rule in MERGED_RULES:
        return "what green makes by itself is changed, once it stands"
    if (ref.group, ref.kind) not in served:
        return "its definition does not stand yet"
    if (ref.group, ref.kind) == kinds.POD and ref.namespace not in namespaces:
        return "its namespace, and the ServiceAccount of a pod, do not stand yet"
    return ""


def placed(body: Object, namespace: str, namespaces: Collection[str]) -> Object:
    """A body as it is tried: in its own namespace where that stands, else in one that does."""
    if not namespace or namespace in namespaces:
        return body
    metadata: Mapping[str, Any] = body["metadata"]
    return {**body, "metadata": {**metadata, "namespace": BORROWED}}


def met(decision: Decision, taken: Taken, path: str) -> Tried:
    """What is said of a name that an object of others has on green: what the file says of it, as the run will go by it."""
    said = Said.REFUSED if taken.policy == "stop" else Said.STANDS
    return Tried(decision.ref, decision.wave, said, f"{taken} ({taken.why})", path)


def undecided(decision: Decision) -> Tried:
    """What waits for a word of the file's."""
    words = "; ".join(filter(None, (decision.reason, decision.evidence)))
    return Tried(decision.ref, decision.wave, Said.UNDECIDED, words)


def judged(decision: Decision, answer: Object | DoorError, path: str, *, borrowed: bool) -> Tried:
    """What an answer says of an object; `borrowed` where it was not tried in its own namespace."""
    ref, wave, elsewhere = decision.ref, decision.wave, ELSEWHERE if borrowed else ""
    if not isinstance(answer, DoorError):
        return Tried(ref, wave, Said.TAKEN, elsewhere)
    words = str(answer)
    if isinstance(answer, AlreadyExists):  # told last of all, after every check
        return Tried(ref, wave, Said.TAKEN if borrowed else Said.STANDS, elsewhere)
    passing = any(told in words for told in (*PASSING, UNANSWERED)) or isinstance(answer, NotFound)
    denied = any(told in words for told in _OF_A_PLACE)
    if passing or (borrowed and (denied or (isinstance(answer, Refused) and answer.status == FORBIDDEN))):
        return Tried(ref, wave, Said.LATER, f"{words}; {elsewhere}" if borrowed else words, path)
    return Tried(ref, wave, Said.REFUSED, words, path)
