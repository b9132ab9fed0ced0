"""The open-loop prober: a request is due on schedule whatever became of the last one.

Latency counts from the moment a request was due, so that a stalled target cannot hide its own slowness by holding the
next request up; nothing is sent twice. The schedule and the latencies come from the machine's monotonic clock and not
from the door to time: they measure the outside world, whose time no simulation owns.
"""

from __future__ import annotations

import ipaddress
import math
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from itertools import pairwise
from typing import Self
from urllib.parse import SplitResult, urlsplit

from migrate.doors.traffic import Sample
from migrate.errors import Refused

MARKER = "X-Cluster"
"""The response header by which a backend may say which cluster it belongs to."""

THREADS = 64
"""Requests in flight at most; one that finds none free within its timeout has failed, and is counted as such."""

KINDS = 5
"""Kinds of failure named in a sample; the others are only counted."""

_AGENT = "cnimigrate-prober"
_LONGEST_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request: seconds from its due time, the marker of who answered, the failure ("" for none).

    `at` is the due time in seconds after the prober's start.
    """

    at: float
    latency: float
    cluster: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a prober has seen so far; `clusters` counts the good replies by their marker ("" for none)."""

    replies: Sequence[Reply]
    clusters: Mapping[str, int] = field(default_factory=dict)
    failed_by_cluster: Mapping[str, int] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        """Requests that were due and whose end is known."""
        return len(self.replies)

    @property
    def failed(self) -> int:
        """Requests that got no reply, a late one, or one with a status of 400 and above."""
        return sum(1 for reply in self.replies if reply.failure)

    @property
    def longest_gap(self) -> float:
        """The longest time in seconds without a good reply, by due times."""
        good = sorted(reply.at for reply in self.replies if not reply.failure)
        return max((later - earlier for earlier, later in pairwise(good)), default=0.0)

    def sample(self) -> Sample:
        """The same as the door's value: exact percentiles (nearest rank) over all replies, failed ones included."""
        latencies = sorted(reply.latency for reply in self.replies)
        kinds = Counter(reply.failure for reply in self.replies if reply.failure)
        errors = tuple(f"{count} x {kind}" for kind, count in kinds.most_common(KINDS))
        return Sample(self.sent, self.failed, percentile(latencies, 50), percentile(latencies, 99), errors)


def percentile(ordered: Sequence[float], rank: float) -> float:
    """The nearest-rank percentile of ascending values: the smallest with at least `rank` percent at or below; 0 of none."""
    return ordered[max(1, math.ceil(len(ordered) * rank / 100)) - 1] if ordered else 0.0


class Prober:
    """Sends GET requests to one URL at a rate until stopped, from its own threads; use it as a context manager.

    A new connection for each request by default, as a new client would; `keep_alive` gives each thread one that lasts.
    Redirects are not followed. `host` replaces the Host header, and the name asked for in TLS, where the URL has an
    address. `count` bounds the requests, None means until `stop`. Raises Refused for a URL that is no HTTP URL.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float,
        timeout: float = 5.0,
        count: int | None = None,
        keep_alive: bool = False,
        host: str = "",
    ) -> None:
        self.target = Target.of(url, host)
        self._tls = (
            ssl.create_default_context() if self.target.tls else None
        )  # once: it reads every root certificate
        self.rate, self.timeout, self.count, self.keep_alive = rate, timeout, count, keep_alive
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._next = 0
        self._start, self._end = 0.0, math.inf
        self._replies: list[Reply] = []
        # Little's law: rate x timeout requests are in flight when each of them times out; more threads never help.
        size = min(THREADS, math.ceil(rate * timeout) + 1, count or THREADS)
        self._threads = [threading.Thread(target=self._work, daemon=True, name=_AGENT) for _ in range(size)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; the first request is due at once."""
        self._start = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> Report:
        """Let no further request become due, wait for those that were and report."""
        self._end = min(self._end, time.monotonic())
        self._stop.set()
        return self.wait()

    def wait(self) -> Report:
        """Wait until `count` requests have ended and report."""
        for thread in self._threads:
            thread.join()
        return self.report()

    def report(self) -> Report:
        """Report what has ended so far; may be asked while requests are under way."""
        with self._lock:
            replies = tuple(self._replies)
        good = Counter(reply.cluster for reply in replies if not reply.failure)
        bad = Counter(reply.cluster for reply in replies if reply.failure)
        return Report(replies, dict(good), dict(bad))

    def _take(self) -> float | None:
        """Take the next request off the schedule: its due time in seconds after the start; None at the end."""
        with self._lock:
            if self.count is not None and self._next >= self.count:
                return None
            due = self._next / self.rate
            self._next += 1
        self._stop.wait(max(0.0, self._start + due - time.monotonic()))
        # What was due before the stop is still sent, or counted as failed: else a stalled target would look better.
        return due if self._start + due <= self._end else None

    def _work(self) -> None:
        connection: _Connection | None = None
        while (due := self._take()) is not None:
            deadline = self._start + due + self.timeout
            if time.monotonic() >= deadline:
                reply = Reply(
                    due,
                    time.monotonic() - self._start - due,
                    failure="not sent in time: every thread was busy",
                )
            else:
                connection = connection or _Connection(self.target, self._tls)
                cluster, failure = connection.get(deadline, keep_alive=self.keep_alive)
                reply = Reply(due, time.monotonic() - self._start - due, cluster, failure)
                if failure or not self.keep_alive:
                    connection.close()
                    connection = None
            with self._lock:
                self._replies.append(reply)
        if connection is not None:
            connection.close()


def send(
    url: str, *, count: int, rate: float, timeout: float = 5.0, keep_alive: bool = False, host: str = ""
) -> Sample:
    """Send `count` requests at `rate` a second and tell what came back; lasts about count / rate + timeout seconds."""
    return probe(url, count=count, rate=rate, timeout=timeout, keep_alive=keep_alive, host=host).sample()


def probe(
    url: str, *, count: int, rate: float, timeout: float = 5.0, keep_alive: bool = False, host: str = ""
) -> Report:
    """Send as `send` does, and report which cluster answered as well."""
    prober = Prober(url, rate=rate, timeout=timeout, count=count, keep_alive=keep_alive, host=host)
    prober.start()
    return prober.wait()


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: where to connect to, which Host to name, what to ask for."""

    tls: bool
    address: str
    port: int
    host: str
    path: str

    @classmethod
    def of(cls, url: str, host: str = "") -> Self:
        """Take a URL apart; `host`, where given, is named in place of the URL's own (a port may follow it)."""
        parts = _split(url)
        tls = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        name = host or parts.netloc.rpartition("@")[2]
        return cls(tls, parts.hostname or "", parts.port or (443 if tls else 80), name, path)

    @property
    def server_name(self) -> str:
        """The name for TLS: the Host without its port."""
        return urlsplit(f"//{self.host}").hostname or self.address


def names_an_address(url: str) -> bool:
    """Whether the URL's host is an IP address, so that the name of the service must come from elsewhere."""
    try:
        ipaddress.ip_address(_split(url).hostname or "")
    except ValueError:
        return False
    return True


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise Refused(f"{url!r} is no URL to probe; write for example http://shop.example.org/healthz")
    return parts


class _Connection:
    """One connection of the prober; made when first used."""

    def __init__(self, target: Target, tls: ssl.SSLContext | None) -> None:
        self.target = target
        self._tls = tls
        self._http: HTTPConnection | None = None

    def get(self, deadline: float, *, keep_alive: bool) -> tuple[str, str]:
        """Ask once; the marker of who answered and the failure ("" for none). `deadline` in monotonic seconds."""
        try:
            http = self._http = self._http or self._open(_left(deadline))
            http.sock.settimeout(_left(deadline))
            http.putrequest("GET", self.target.path, skip_host=True, skip_accept_encoding=True)
            http.putheader("Host", self.target.host)
            http.putheader("User-Agent", _AGENT)
            http.putheader("Connection", "keep-alive" if keep_alive else "close")
            http.endheaders()
            return self._answer(http, deadline)
        except TimeoutError:
            return "", "timeout"
        except (OSError, HTTPException) as error:
            return "", _word(error)

    def close(self) -> None:
        """Close what is open."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _answer(self, http: HTTPConnection, deadline: float) -> tuple[str, str]:
        response = http.getresponse()
        cluster = response.getheader(MARKER, "")
        body = _read(http, response, deadline)
        response.close()  # read1 leaves a response open that ended with its last byte, and the next request is then refused
        if not cluster and body.strip().lower() in {b"blue", b"green"}:
            cluster = body.strip().lower().decode()
        return cluster, f"status {response.status}" if response.status >= 400 else ""

    def _open(self, timeout: float) -> HTTPConnection:
        http = HTTPConnection(self.target.address, self.target.port, timeout=timeout)
        http.connect()  # looks the name up afresh; the look-up itself follows the resolver's timeout, not ours
        if self._tls is not None:
            # Wrapped here and not by HTTPSConnection, which would ask for the address instead of the service's name.
            try:
                http.sock = self._tls.wrap_socket(http.sock, server_hostname=self.target.server_name)
            except OSError:
                http.close()
                raise
        return http


def _read(http: HTTPConnection, response: HTTPResponse, deadline: float) -> bytes:
    """Read the body to its end, within the deadline; keeps its first KiB. A cut-off body raises."""
    kept, size = b"", 0
    while size <= _LONGEST_BODY:
        if (
            http.sock is not None
        ):  # http.client drops its reference once the response owns a closing connection
            http.sock.settimeout(_left(deadline))
        elif time.monotonic() > deadline:
            raise TimeoutError
        data = response.read1(65536)
        if not data:
            break
        kept, size = (kept + data)[:1024], size + len(data)
    if response.length:
        raise ConnectionResetError("the reply was cut off")
    return kept


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _word(error: Exception) -> str:
    """Name a kind of failure without what differs from one request to the next."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
