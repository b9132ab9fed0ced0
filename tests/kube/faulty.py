"""A server on the loopback address that answers as it is told, or does not: for faults that a real one will not make."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import yaml


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer; `cut` closes the connection after so many bytes of the body.

    With `trickle` it comes `at_once` bytes at a time, so many seconds apart.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    trickle: float = 0.0
    at_once: int = 1


class Drop:
    """Close the connection without an answer, after the request was read."""


class Hang:
    """Answer nothing, until the server is closed."""


Behaviour = Callable[[Received], Reply | Drop | Hang]


def status(code: int, reason: str, message: str, **details: Any) -> Reply:
    """A Status object, as the API server answers refusals."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return Reply(code, {**body, "reason": reason, "message": message, "details": details})


def in_turn(*replies: Reply | Drop | Hang) -> Behaviour:
    """Give these answers one after the other, then the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


class FaultyServer:
    """Serve one behaviour on a port of its own; use it as a context manager."""

    def __init__(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.behaviour = behaviour
        self.received: list[Received] = []
        self.most_at_once = 0
        self.closing = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()
        self._scheme = "https" if tls else "http"
        self._server = _Listener(("127.0.0.1", port), _handler(self))
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def handle(self, received: Received) -> Reply | Drop | Hang:
        with self._lock:
            self.received.append(received)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.behaviour(received)
        finally:
            with self._lock:
                self._at_once -= 1


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that gives up is what many of these tests are about."""


def _handler(server: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            url = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            body = json.loads(text) if text else None
            match server.handle(Received(self.command, url.path, query, dict(self.headers), body)):
                case Drop():
                    self.close_connection = True
                case Hang():
                    server.closing.wait()
                    self.close_connection = True
                case Reply() as reply:
                    self._send(reply)

        def _send(self, reply: Reply) -> None:
            html = isinstance(reply.body, str)
            text = reply.body.encode() if html else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "text/html" if html else "application/json")
            self.send_header("Content-Length", str(len(text)))
            for name, value in reply.headers.items():
                for line in value.split("\n"):  # a header that comes more than once
                    self.send_header(name, line)
            self.end_headers()
            text = text if reply.cut is None else text[: reply.cut]
            step = reply.at_once if reply.trickle else max(len(text), 1)
            for start in range(0, len(text), step):
                if server.closing.wait(reply.trickle if start else 0.0):
                    break
                self.wfile.write(text[start : start + step])
            if reply.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)
    return Handler


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kubeconfig(path: Path, server: str, user: Mapping[str, Any] | None = None, **cluster: Any) -> Path:
    """Write a kubeconfig with one context, `them`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "them",
        "contexts": [{"name": "them", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": dict(user if user is not None else {"token": "t0ken"})}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path
