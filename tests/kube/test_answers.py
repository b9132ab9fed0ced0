"""Statuses of the API server in our words."""

from __future__ import annotations

import pytest

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
from migrate.kube.answers import refusal, retry_after
from migrate.kube.transport import Answer, Request

WRITE = Request("POST", "/x", "create ConfigMap shop/a", safe=False)
READ = Request("GET", "/x", "read ConfigMap shop/a")


def answer(code: int, reason: str = "", message: str = "") -> Answer:
    """A Status object on the wire."""
    text = f'{{"kind": "Status", "reason": "{reason}", "message": "{message}"}}'
    return Answer(code, text.encode(), {"Content-Type": "application/json"})


RBAC = 'User \\"me\\" cannot create resource \\"pods\\" in API group \\"\\"'
ESCALATION = 'user \\"me\\" (groups=[]) is attempting to grant RBAC permissions not currently held'


@pytest.mark.parametrize(
    ("request_", "code", "reason", "message", "kind"),
    [
        (WRITE, 400, "BadRequest", "no", Invalid),
        (WRITE, 401, "Unauthorized", "Unauthorized", Unauthorized),
        (WRITE, 403, "Forbidden", RBAC, Forbidden),
        (WRITE, 403, "Forbidden", ESCALATION, Forbidden),
        (WRITE, 403, "Forbidden", "exceeded quota: compute", Invalid),
        (WRITE, 403, "Forbidden", "violates PodSecurity", Invalid),
        (WRITE, 403, "", "admission webhook denied the request", Invalid),
        (READ, 403, "Forbidden", "anything", Forbidden),
        (WRITE, 404, "NotFound", "namespaces not found", NotFound),
        (WRITE, 405, "MethodNotAllowed", "no", Refused),
        (WRITE, 409, "AlreadyExists", "exists", AlreadyExists),
        (WRITE, 409, "Conflict", "modified", Conflict),
        (WRITE, 410, "Expired", "old", Refused),
        (WRITE, 413, "RequestEntityTooLarge", "large", Invalid),
        (WRITE, 422, "Invalid", "no", Invalid),
        (WRITE, 429, "TooManyRequests", "busy", Transient),
        (WRITE, 500, "InternalError", "etcd", Unreachable),
        (WRITE, 500, "InternalError", "failed calling webhook", Transient),
        (WRITE, 500, "", "resourceVersion should not be set on objects to be created", Invalid),
        (READ, 500, "InternalError", "conversion", Refused),
        (WRITE, 503, "ServiceUnavailable", "backend", Unreachable),
        (READ, 504, "Timeout", "etcd", Unreachable),
    ],
)
def test_each_status_has_one_meaning(
    request_: Request, code: int, reason: str, message: str, kind: type[DoorError]
) -> None:
    """The kind of error follows from status, reason and whether something can have changed."""
    error = refusal(request_, answer(code, reason, message))
    assert type(error) is kind or (kind is Transient and isinstance(error, Transient))
    assert str(error).startswith(f"{request_.what}: ")
    if isinstance(error, Refused):
        assert (error.status, error.reason) == (code, reason)


def test_an_answer_of_somebody_else_is_named_as_such() -> None:
    """A balancer's page is not passed on, only its kind."""
    error = refusal(
        READ, Answer(502, b"<html>internal hosts</html>", {"Content-Type": "text/html; charset=x"})
    )
    assert "the answer is text/html, not a Status" in str(error)
    assert "internal hosts" not in str(error)


def test_a_path_that_is_not_served_is_told_in_the_servers_words() -> None:
    """A version that is gone is answered by no Status."""
    error = refusal(WRITE, Answer(404, b"404 page not found\n", {"Content-Type": "text/plain"}))
    assert type(error) is NotFound
    assert str(error) == f"{WRITE.what}: 404 page not found: nothing is served at this path (404)"


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("5", b"", 5.0),
        ("", b'{"kind": "Status", "details": {"retryAfterSeconds": 2}}', 2.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", b"", None),
        ("", b"[]", None),
    ],
)
def test_the_wait_is_read_from_header_or_status(header: str, body: bytes, seconds: float | None) -> None:
    """Kubernetes says seconds; a date, which a proxy may say, is left to our own waits."""
    assert retry_after(Answer(429, body, {"Retry-After": header})) == seconds
