"""What an answer means: statuses of the API server in the words of `migrate.errors` (pure).

The statuses and reasons are those of k8s.io/apimachinery/pkg/api/errors; who answers how is noted at each line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from migrate.errors import (
    AlreadyExists,
    Conflict,
    DoorError,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Transient,
    Unauthorized,
    Unreachable,
)
from migrate.kube.flow import Flow, flow_of
from migrate.kube.transport import Answer, Request

# Authorization and admission both answer 403. Authorization says `User "x" cannot create resource …` (apiserver,
# handlers/responsewriters/errors.go) and, against escalation, `user "x" … is attempting to grant RBAC permissions`
# (kubernetes, registry/rbac/validation/rule.go); any other 403 on a write is an admission plugin's or a webhook's.
_MISSING_RIGHT = re.compile(r'User ".*" cannot |is attempting to grant RBAC permissions|cannot impersonate')

_FAILED_WEBHOOK = "failed calling webhook"
"""How admission says that a webhook could not be asked (apiserver, pkg/util/webhook/error.go); nothing was stored."""


_DENIED = "denied the request"
"""How a webhook's own refusal begins, in whatever code it wishes (apiserver, pkg/admission/plugin/webhook/errors)."""

_NOT_READY = "not yet ready to handle request"
"""How an admission plugin says, with a 403, that its caches are still empty (apiserver, pkg/admission)."""

_VERSION_ON_CREATE = "resourceVersion should not be set on objects to be created"
"""Answered with 500, yet before anything is stored (apiserver, pkg/storage/errors.go)."""

_NO_PATH = b"404 page not found"
"""How an API server answers for a group, a version or a kind that it does not serve: as Go's net/http does."""


class Waking(Transient):
    """Report a missing right or a bad token that a server names in its first seconds, before it knows any."""


class TurnedAway(Transient):
    """Report a request that the server did not begin, because there is too much to do or because it shuts down.

    `flow` has the priority level whose seats were all taken; it is empty where something else turned it away.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, flow: Flow | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.flow = flow or Flow()


class Hiccup(Transient):
    """Report a failure inside the server after which nothing has changed; worth a few repeats, not many."""

    of_the_object: ClassVar[bool] = True


def refusal(request: Request, answer: Answer) -> DoorError:
    """Turn an answer that is no success into the error to raise."""
    status, told = answer.status, _status_object(answer)
    said = str(told.get("message") or "")
    reason = str(told.get("reason") or "")
    words = _words(request, answer, told)
    message = f"{request.what}: {words} ({status}{' ' + reason if reason else ''})"
    if (status == 500 and _FAILED_WEBHOOK in said) or (status == 403 and _NOT_READY in said):
        return Hiccup(message)
    kind = _refused(request, status, told)
    if kind is not None:
        return kind(message, status=status, reason=reason, fields=_fields(told))
    wait = retry_after(answer, told)
    if status == 429 or (status == 503 and wait is not None):
        # flow control, or a server that shuts down (apiserver, filters/waitgroup.go): it had not begun
        # priority and fairness writes plain text; with a Status it let the request through, and what came next refused
        return TurnedAway(message, retry_after=wait, flow=None if told else flow_of(answer))
    if not request.safe:
        # 500 and 504 come after etcd had been asked as well as before; 502 and 503 from a proxy that lost the server
        return Unreachable(f"{message}; whether it took effect is not known")
    if status == 500:
        return Refused(message, status=status, reason=reason)
    return Unreachable(message)


def _refused(request: Request, status: int, told: Mapping[str, Any]) -> type[Refused] | None:
    message = str(told.get("message") or "")
    match status:
        case 401:
            return Unauthorized
        case 429 if _DENIED in message:
            return Invalid  # a webhook may refuse an object in any code; the server itself has room
        case 403:
            reading = request.method == "GET"
            return Forbidden if reading or _MISSING_RIGHT.search(message) else Invalid
        case 404:
            return NotFound
        case 409:
            return AlreadyExists if told.get("reason") == "AlreadyExists" else Conflict
        case 422 if "metadata.uid" in _fields(told):
            return Conflict  # how a merge patch says that the object is another one; PUT, apply and DELETE say 409
        case 400 | 413 | 422:
            return Invalid
        case 500 if _VERSION_ON_CREATE in message:
            return Invalid
        case 429:
            return None
        case _ if status < 500:  # 405, 406, 410 Expired, 415, and redirects of a proxy
            return Refused
        case _:
            return None


def retry_after(answer: Answer, told: Mapping[str, Any] | None = None) -> float | None:
    """Seconds that the server asks to wait, by its header or its Status object; None where it does not ask."""
    header = answer.headers.get("Retry-After", "")
    if header.isdecimal():
        return float(header)
    details = (told if told is not None else _status_object(answer)).get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, Mapping) else None
    return float(seconds) if isinstance(seconds, int) else None


def _status_object(answer: Answer) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, Mapping) and told.get("kind") == "Status" else {}


def _words(request: Request, answer: Answer, told: Mapping[str, Any]) -> str:
    if answer.body.strip() == _NO_PATH:
        return "404 page not found: nothing is served at this path"
    if not told and answer.status == 429:
        return "too many requests"
    if not told:
        kind = answer.headers.get("Content-Type", "nothing").partition(";")[0]
        return f"the answer is {kind}, not a Status of a Kubernetes API server"
    if not request.confidential:
        return str(told.get("message") or "no message")
    # validation quotes what it refuses (`Invalid value: "…"`), and here that is a Secret: only the fields are told
    fields = _fields(told)
    return (
        f"the server's words about a Secret are left out{'; fields: ' + ', '.join(fields) if fields else ''}"
    )


def _fields(told: Mapping[str, Any]) -> list[str]:
    """The fields that a refusal is about, by its causes."""
    details = told.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    return sorted({str(c["field"]) for c in causes or () if isinstance(c, Mapping) and c.get("field")})
