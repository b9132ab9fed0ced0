"""Requests over kept connections: sent once, counted, and their failures told apart by whether anything was sent."""

from __future__ import annotations

import asyncio
import io
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from migrate.errors import CnimigrateError, Refused, Transient, Unauthorized, Unreachable
from migrate.kube.access import Access, Credentials

WIDTH = 64
"""The most requests in flight at a time, where the migration file says nothing."""

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML, and the server reads it as such

_LONGEST_HEADER = 64 << 10
"""Bytes of one header; servers that warn of many fields write long ones."""

_MOST_HEADERS = 4096
"""Lines of headers: an API server writes up to 4096 characters of warnings, each on a line (apiserver, endpoints/filters/warning.go)."""

_LONG = 64 << 10
"""Bytes of a body that is handed over in parts, and of each part."""

_WHOLE = 10
"""How many times the timeout, which is for each part of it, a whole answer may take."""

_RATE = 16 << 10
"""Bytes a second of an answer for which it may take longer: a slow network is waited for, a trickle is not."""

_CONNECT_WITHIN = 10.0
"""Seconds for a connection and its handshake; a dead address is to be noticed long before the read timeout."""


_UNCONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""Failures that say by their kind that there was no connection."""


class NotSent(Transient):
    """Report that no connection could be made, so that nothing can have happened."""


class NoAnswer(Unreachable):
    """Report a connection that was lost, or an answer that did not come, after the request was sent."""


class _Lost(aiohttp.ClientError):
    """Report a connection that was lost under a request, in a kind that aiohttp does not send again for."""


class _Stuck(TimeoutError):
    """Report a server that has stopped taking a request."""


class _Trickling(TimeoutError):
    """Report an answer that goes on coming and does not end."""


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
    """What came back; header names are case-insensitive, and what came more than once is one, by commas."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none. Integers of 64 bits stay exact, as the API's are."""
        return orjson.loads(self.body)


class Transport:
    """Sends requests, each exactly once and never more than `in_flight` at a time; it lives on one event loop."""

    def __init__(self, access: Access, *, timeout: float, in_flight: int = WIDTH) -> None:
        self._access = access
        self._patience = timeout
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=min(timeout, _CONNECT_WITHIN), sock_read=timeout
        )
        self._in_flight = in_flight
        self._sessions: dict[ssl.SSLContext, aiohttp.ClientSession] = {}
        self._seats = asyncio.Semaphore(in_flight)
        self._sent = 0

    @property
    def in_flight(self) -> int:
        """The ceiling on requests under way at a time, reads and writes together."""
        return self._in_flight

    @property
    def sent(self) -> int:
        """How many requests went over a connection."""
        return self._sent

    async def send(self, request: Request) -> Answer:
        """Send a request and read its whole answer, whatever its status.

        After a 401 the credentials are read afresh and, where they have changed, the request is sent once more: it
        had not been looked at. Raises NotSent, NoAnswer, or Refused where the server's certificate is not accepted.
        """
        credentials = await self._credentials()
        answer = await self._exchange(request, credentials)
        if answer.status == 401 and await self._renewed(request, credentials):
            answer = await self._exchange(request, await self._credentials())
        return answer

    async def close(self) -> None:
        """Close every kept connection; the next request opens others."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._seats = asyncio.Semaphore(self._in_flight)  # the loop that ends now may be known to the old one

    async def _credentials(self) -> Credentials:
        latest = self._access.latest
        # an exec plugin may take its time, and nothing else that is under way is to wait for it
        return await asyncio.to_thread(self._access.credentials) if latest.stale else latest

    async def _renewed(self, request: Request, refused: Credentials) -> bool:
        try:
            return await asyncio.to_thread(self._access.renew, refused)
        except CnimigrateError as error:  # in the middle of a run that is no reason to doubt the command line
            raise Unauthorized(f"{request.what}: {error}", status=401) from error

    def _session(self, tls: ssl.SSLContext) -> aiohttp.ClientSession:
        """The session whose connections are made with this certificate; those of an older one end what is under way."""
        if tls not in self._sessions:
            self._sessions[tls] = _session(self._access, tls, self._timeout)
        return self._sessions[tls]

    def _payload(self, body: bytes) -> bytes | _Parts:
        # what is short fits into the buffers, and only its answer is waited for
        return body if len(body) < _LONG else _Parts(body, self._patience)

    async def _exchange(self, request: Request, credentials: Credentials) -> Answer:
        headers = [*credentials.headers, ("Accept", request.accept)]
        body = None
        if request.body is not None:
            headers.append(("Content-Type", request.content_type))
            body = self._payload(orjson.dumps(request.body))
        if request.large:
            # worth the server's time for a page of a list, not for one object on a near network
            headers.append(("Accept-Encoding", "gzip"))
        sent, connected = True, asyncio.Event()
        if self._access.proxy is None:
            connected.set()  # without one, every failure to connect says so by its kind
        await self._seats.acquire()  # here and nowhere else requests go out, so nothing gets past the ceiling
        whole = asyncio.timeout(_WHOLE * self._patience)
        try:
            async with (
                whole,
                self._session(credentials.tls).request(
                    request.method,
                    URL(self._access.server + request.target, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    server_hostname=self._access.server_name,
                    trace_request_ctx=connected,
                ) as response,
            ):
                return Answer(response.status, await _read(response, whole), _joined(response.headers))
        except (aiohttp.ClientError, OSError) as error:
            sent = connected.is_set() and not isinstance(error, _UNCONNECTED)
            why = _Trickling(f"{_WHOLE * self._patience:.0f} s and more") if whole.expired() else error
            raise (_no_answer if sent else _not_sent)(request, self._access.server, why) from error
        finally:
            self._seats.release()
            self._sent += sent


def _session(access: Access, tls: ssl.SSLContext, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    """A session with connections of its own, which never repeats a request by itself."""
    options: dict[str, Any] = {"ssl": tls, "limit": 0}  # the seats are the limit
    through = access.proxy
    if through is not None and through.startswith("socks"):
        from aiohttp_socks import ProxyConnector  # type: ignore[import-not-found]

        connector, through = ProxyConnector.from_url(through, **options), None
    else:
        connector = aiohttp.TCPConnector(**options)
    return aiohttp.ClientSession(
        connector=connector,
        middlewares=(_once,),
        trace_configs=[_tracing()] if through is not None else None,
        proxy=through,
        timeout=timeout,
        skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_field_size=_LONGEST_HEADER,
        max_headers=_MOST_HEADERS,
    )


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request, and leave aiohttp nothing to repeat.

    After a lost connection it would send a PUT or a DELETE again, and nobody would know that the first one counted.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # there was no connection: aiohttp does not repeat that
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(str(error)) from error


async def _read(response: aiohttp.ClientResponse, whole: asyncio.Timeout) -> bytes:
    """Read an answer to its end, and give it more time for what has come."""
    parts = []
    async for part in response.content.iter_any():
        parts.append(part)
        whole.reschedule((whole.when() or 0.0) + len(part) / _RATE)
    return b"".join(parts)


def _joined(headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    """Headers with a repeated one as a list (RFC 9110, 5.3): an API server writes a Warning each."""
    names = {name.lower() for name in headers}
    if len(names) == len(headers):
        return headers
    return CIMultiDict({name: ", ".join(headers.getall(name)) for name in names})


def _tracing() -> aiohttp.TraceConfig:
    """Tell each request when its connection is there: what a proxy does before that has sent nothing."""

    async def there(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
        context.trace_request_ctx.set()

    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(there)
    config.on_connection_reuseconn.append(there)
    return config


class _Parts(aiohttp.BytesIOPayload):
    """A long body, sent in parts between which other requests have their turn.

    aiohttp limits how long an answer takes and begins with that once all is written; how long the server takes none of
    it nobody limits but this: so many seconds a part.
    """

    def __init__(self, body: bytes, within: float) -> None:
        super().__init__(io.BytesIO(body))
        self._within = within

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write all of it; the length is the body's own."""
        _ = content_length
        self._value.seek(0)
        while part := self._value.read(_LONG):
            try:
                async with asyncio.timeout(self._within):
                    await writer.write(part)
            except TimeoutError as error:
                if isinstance(writer, StreamWriter) and writer.transport is not None:
                    writer.transport.abort()  # closed in order, it would wait for what is not taken
                raise _Stuck from error
            await asyncio.sleep(0)


def _not_sent(request: Request, server: str, error: Exception) -> NotSent | Refused:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        # repeating helps nothing: either the kubeconfig or somebody in between is wrong
        why = getattr(error.certificate_error, "verify_message", str(error.certificate_error))
        return Refused(
            f"{request.what}: the certificate of {server} is not accepted: {why}", reason="Certificate"
        )
    return NotSent(f"{request.what}: {server} cannot be reached ({_why(error)})")


def _why(error: Exception) -> str:
    """The cause in a few words, without URLs: a proxy's could carry a password."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"by the proxy: Tunnel connection failed: {error.status} {error.message}"
        case aiohttp.ClientProxyConnectionError():
            return f"by the proxy: {_of_system(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return _of_system(error.os_error)
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time"
        case _:
            return "by the proxy: it dropped the connection"


def _of_system(error: OSError) -> str:
    return (
        os.strerror(error.errno)
        if error.errno and error.errno > 0
        else error.strerror or type(error).__name__
    )


def _no_answer(request: Request, server: str, error: Exception) -> NoAnswer:
    match error:
        case _Stuck():
            how = "stopped taking the request"
        case _Trickling():
            how = f"had not ended its answer after {error}"
        case TimeoutError():
            how = "did not answer in time"
        case _:
            how = "dropped the connection"
    doubt = "" if request.safe else "; whether it took effect is not known"
    return NoAnswer(f"{request.what}: {server} {how}{doubt}")
