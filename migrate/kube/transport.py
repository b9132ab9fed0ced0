"""Requests over kept connections: sent once, counted, and their failures told apart by whether anything was sent."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from migrate.errors import CnimigrateError, Refused, Transient, Unauthorized, Unreachable
from migrate.kube.access import Access, Credentials
from migrate.kube.pool import WIDTH

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML, and the server reads it as such

_CONNECT_WITHIN = 10.0
"""Seconds for a connection and its handshake; a dead address is to be noticed long before the read timeout."""


class NotSent(Transient):
    """Report that no connection could be made, so that nothing can have happened."""


class NoAnswer(Unreachable):
    """Report a connection that was lost, or an answer that did not come, after the request was sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `what` says it in words for messages; `safe` where it cannot change anything.

    `confidential` where the server's words may quote a Secret's value and must not be repeated.
    """

    method: str
    target: str
    what: str
    body: Any = field(default=None, repr=False)
    content_type: str = JSON
    accept: str = JSON
    safe: bool = True
    confidential: bool = False
    large: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are case-insensitive."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none. Integers of 64 bits stay exact, as the API's are."""
        return orjson.loads(self.body)


class Transport:
    """Sends requests, each exactly once and never more than `in_flight` at a time; safe to share between threads."""

    def __init__(self, access: Access, *, timeout: float, in_flight: int = WIDTH) -> None:
        self._access = access
        self._timeout = urllib3.Timeout(connect=min(timeout, _CONNECT_WITHIN), read=timeout)
        self._in_flight = in_flight
        self._seats = threading.BoundedSemaphore(in_flight)
        self._sent = 0
        self._lock = threading.Lock()

    @property
    def in_flight(self) -> int:
        """The ceiling on requests under way at a time, reads and writes together."""
        return self._in_flight

    @property
    def sent(self) -> int:
        """How many requests went over a connection."""
        return self._sent

    def send(self, request: Request) -> Answer:
        """Send a request and read its whole answer, whatever its status.

        After a 401 the credentials are read afresh and, where they have changed, the request is sent once more: it
        had not been looked at. Raises NotSent, NoAnswer, or Refused where the server's certificate is not accepted.
        """
        credentials = self._access.credentials()
        answer = self._exchange(request, credentials.pool, credentials.headers)
        if answer.status == 401 and self._renewed(request, credentials):
            credentials = self._access.credentials()
            answer = self._exchange(request, credentials.pool, credentials.headers)
        return answer

    def _renewed(self, request: Request, refused: Credentials) -> bool:
        try:
            return self._access.renew(refused)
        except CnimigrateError as error:  # in the middle of a run that is no reason to doubt the command line
            raise Unauthorized(f"{request.what}: {error}", status=401) from error

    def _exchange(
        self, request: Request, pool: urllib3.HTTPConnectionPool, identity: urllib3.HTTPHeaderDict
    ) -> Answer:
        headers = identity.copy()
        headers["Accept"] = request.accept
        body = None
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            body = orjson.dumps(request.body)
        if (
            request.large
        ):  # worth the server's time for a page of a list, not for one object on a near network
            headers["Accept-Encoding"] = "gzip"
        sent = True
        self._seats.acquire()  # here and nowhere else requests go out, so nothing gets past the ceiling
        try:
            response = pool.urlopen(
                request.method,
                self._access.prefix + request.target,
                body=body,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                assert_same_host=False,  # a proxy of plain HTTP is another host than the URL's
            )
            return Answer(response.status, response.data, response.headers)
        except (NewConnectionError, ConnectTimeoutError, ProxyError) as error:
            sent = False
            raise _not_sent(request, self._access.server, error) from error
        except (HTTPError, OSError) as error:
            raise _no_answer(request, self._access.server, error) from error
        finally:
            self._seats.release()
            if sent:
                with self._lock:
                    self._sent += 1


def _not_sent(request: Request, server: str, error: HTTPError) -> NotSent | Refused:
    inner = error.original_error if isinstance(error, ProxyError) else error
    why = getattr(inner, "why", type(inner).__name__)
    if isinstance(error, ProxyError):
        why = f"by the proxy: {why}"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:  # repeating helps nothing: either the kubeconfig or somebody in between is wrong
        return Refused(
            f"{request.what}: the certificate of {server} is not accepted: {cause.verify_message}",
            reason="Certificate",
        )
    return NotSent(f"{request.what}: {server} cannot be reached ({why})")


def _no_answer(request: Request, server: str, error: Exception) -> NoAnswer:
    late = isinstance(error, ReadTimeoutError) or isinstance(error.__cause__, TimeoutError)
    how = "did not answer in time" if late else "dropped the connection"
    doubt = "" if request.safe else "; whether it took effect is not known"
    return NoAnswer(f"{request.what}: {server} {how}{doubt}")
