"""Stand-in HTTP backends on loopback: small, real servers in a process of their own, driven while they serve.

Each answers GET with its cluster's name, in the header X-Cluster and as the body. Latency, failures and being up are
changed at run time. The process ends when its parent does, because its standard input then ends.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


class Backends:
    """Backends by name, each with the cluster that it says it belongs to; use it as a context manager."""

    def __init__(self, clusters: Mapping[str, str]) -> None:
        self.clusters = dict(clusters)
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), json.dumps(self.clusters)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ports = self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            with process:  # closes its pipes, on which it ends, and waits
                assert process.stdin is not None
                process.stdin.close()
            self._process = None

    def port(self, name: str) -> int:
        """The port on 127.0.0.1; it stays the same while the backend is down."""
        return self._ports[name]

    def url(self, name: str) -> str:
        """Where the backend answers."""
        return f"http://127.0.0.1:{self._ports[name]}/"

    def behave(
        self, name: str, *, up: bool = True, latency: float = 0.0, failure: str = "", part: float = 1.0
    ) -> None:
        """Change one backend's behaviour as a whole; what is not given goes back to its default.

        Down means that nothing listens and open connections are cut. `failure` is a status such as "500", "reset"
        (the connection is cut without a reply) or "short" (the body ends early); it strikes `part` of the requests.
        """
        self._tell({"name": name, "up": up, "latency": latency, "failure": failure, "part": part})

    def asked(self, name: str) -> int:
        """How many requests the backend has read."""
        return int(self._tell({"name": name})["asked"])

    def _tell(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@dataclass
class _Backend:
    """One backend inside the process."""

    cluster: str
    port: int = 0
    latency: float = 0.0
    failure: str = ""
    part: float = 1.0
    asked: int = 0
    server: asyncio.Server | None = None
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def turn(self, *, up: bool) -> None:
        if up and self.server is None:
            self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
            self.port = self.server.sockets[0].getsockname()[1]
        elif not up and self.server is not None:
            self.server.close()
            self.server = None
            for writer in tuple(self.open):
                writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            while await self.reply(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, or a health check never said anything
        finally:
            self.open.discard(writer)
            writer.close()

    async def reply(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection lasts."""
        self.asked += 1
        await asyncio.sleep(self.latency)
        failure = self.failure if random.random() < self.part else ""
        if failure == "reset":
            # Lingering for no time makes the kernel send RST; a mere close would be a polite end.
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            writer.transport.abort()
            return False
        last = b"connection: close" in request.lower() or failure == "short"
        body = self.cluster.encode()
        head = [
            f"HTTP/1.1 {failure if failure.isdigit() else 200} Stand-in",
            f"X-Cluster: {self.cluster}",
            f"Content-Length: {len(body) + (10 if failure == 'short' else 0)}",
            f"Connection: {'close' if last else 'keep-alive'}",
        ]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        return not last


async def _main(clusters: Mapping[str, str]) -> None:
    backends = {name: _Backend(cluster) for name, cluster in clusters.items()}
    for backend in backends.values():
        await backend.turn(up=True)
    loop = asyncio.get_running_loop()
    print(json.dumps({name: backend.port for name, backend in backends.items()}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        backend = backends[order["name"]]
        if "up" in order:
            backend.latency, backend.failure = order["latency"], order["failure"]
            backend.part = order["part"]
            await backend.turn(up=order["up"])
        print(json.dumps({"asked": backend.asked}), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.argv[1])))
