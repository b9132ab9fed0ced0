"""Trouble on the way to a real API server: writes that are lost, refused or cut off, and a way that is shut."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from tests.kube.faulty import Drop, Hang, Received, Reply, status

REVIEWS = "/apis/authorization.k8s.io/"


class Trouble(StrEnum):
    """What befalls one write; behind `LOST` and `FAILED` the server has carried it out."""

    LOST = "lost"
    FAILED = "failed"
    BUSY = "busy"
    CUT = "cut"


@dataclass
class Lossy:
    """Meddle with every `every`th write, with one trouble after the other; reads go through.

    A proxy's `Meddle`, safe to call from many threads. `met` counts the troubles made.
    """

    every: int
    troubles: Sequence[Trouble] = tuple(Trouble)
    met: Counter[Trouble] = field(default_factory=Counter)
    _writes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, received: Received, ask: Callable[[], Reply]) -> Reply | Drop | Hang:
        """Decide on one request."""
        trouble = self._next() if is_write(received) else None
        match trouble:
            case None:
                return ask()
            case Trouble.LOST:
                ask()
                return Drop()
            case Trouble.FAILED:
                ask()
                return status(500, "InternalError", "etcdserver: request timed out")
            case Trouble.BUSY:
                reply = status(429, "TooManyRequests", "too many requests", retryAfterSeconds=1)
                return Reply(reply.status, reply.body, {"Retry-After": "1"})
            case Trouble.CUT:
                return Drop()

    def _next(self) -> Trouble | None:
        with self._lock:
            self._writes += 1
            if self._writes % self.every:
                return None
            trouble = self.troubles[(self._writes // self.every - 1) % len(self.troubles)]
            self.met[trouble] += 1
            return trouble


def is_write(received: Received) -> bool:
    """Whether a request could change something: no read, no review, no server dry run."""
    reading = received.method == "GET" or received.path.startswith(REVIEWS)
    return not reading and received.query.get("dryRun") != "All"


class Gate:
    """A way through to a local TCP port that can be shut, which cuts what is open and refuses what comes.

    TLS passes through, so that the other end's own certificate is seen. Use it as a context manager.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = self._accept()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def shut(self) -> None:
        """Refuse connections from now on, and cut those that are open; harmless when repeated."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let connections through again, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accepting = self._accept()

    def _accept(self) -> threading.Thread:
        thread = threading.Thread(target=self._take, args=(self._listener,), daemon=True)
        thread.start()
        return thread

    def _take(self, listener: socket.socket) -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as server:
            with self._lock:
                self._open |= {client, server}
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()
            with self._lock:
                self._open -= {client, server}


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
