"""A real HAProxy on loopback in front of stand-in backends: two servers a side, the socket at level admin.

`retries 0` and no redispatch: a failed request stays one, so that what a client sees is what happened.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.model.migration import Cutover, HAProxy, RouteSpec
from tests.backends import Backends

CLUSTERS = {"b1": "blue", "b2": "blue", "g1": "green", "g2": "green"}

_CONFIGURATION = """
global
  stats socket {folder}/admin.sock level admin
  stats socket {folder}/user.sock level user
  {state}
  maxconn 500
defaults
  mode http
  retries 0
  timeout connect 2s
  timeout client 20s
  timeout server 20s
  timeout check 10s
  {load}
frontend front
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  balance roundrobin
  {cookie}
{shop}
backend fixed
  balance static-rr
{fixed}
backend bare
  balance source
{bare}
backend single
  balance first
{shop}
backend odd
  balance leastconn
{odd}
"""


def require() -> str:
    """The haproxy program; skips without one, or fails where CNIMIGRATE_REQUIRE_LAB=1 demands it."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        say = pytest.fail if os.environ.get("CNIMIGRATE_REQUIRE_LAB") == "1" else pytest.skip
        say("haproxy is not installed (apt-get install haproxy)")
    return found


@dataclass
class Balancer:
    """A running HAProxy and the backends behind it."""

    folder: Path
    port: int
    backends: Backends
    process: subprocess.Popen[bytes]
    state_file: Path

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def socket(self) -> str:
        """The runtime socket at level admin."""
        return f"{self.folder}/admin.sock"

    def cutover(self, backend: str = "shop", *, socket: str = "", keep: bool = False) -> Cutover:
        """The part of a migration file that speaks of this balancer."""
        part = HAProxy(
            socket=socket or self.socket,
            backend=backend,
            blue=("b1", "b2"),
            green=("g1", "g2"),
            state_file=str(self.state_file) if keep else None,
        )
        route = RouteSpec(
            name="shop",
            probe=self.url,
            direct_blue=self.backends.url("b1"),
            direct_green=self.backends.url("g1"),
        )
        return Cutover(kind="haproxy", haproxy=part, routes=(route,))

    def ask(self, command: str) -> str:
        """Talk to the socket without the code under test."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode().strip()

    def reload(self) -> None:
        """Reload as `systemctl reload haproxy` does: a new worker process takes over from the old one."""
        before = self._pid()
        sent = -math.inf

        def reloaded() -> bool:
            nonlocal sent
            # The master drops a signal that comes before its loop runs, a moment after its first worker answers.
            if time.monotonic() - sent > 2:
                self.process.send_signal(signal.SIGUSR2)
                sent = time.monotonic()
            return self._pid() not in {"", before}

        wait_until(reloaded, "a new worker")

    def stop(self) -> None:
        """End it, by its own process id."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)

    def _pid(self) -> str:
        try:
            info = self.ask("show info")
        except OSError:  # the socket changes hands
            return ""
        return next((line[5:] for line in info.splitlines() if line.startswith("Pid: ")), "")


@contextmanager
def running(
    *,
    load_state: bool = False,
    cookie: bool = False,
    check: str = "check inter 250ms fall 2 rise 1",
    held: str = "",
) -> Iterator[Balancer]:
    """Run HAProxy with its backends; `held` is added to green's servers, such as "disabled"."""
    program = require()
    # The folder's path must be short: a Unix socket's is 107 bytes at most, and pytest's folders can be longer.
    with tempfile.TemporaryDirectory(prefix="hap") as name, Backends(CLUSTERS) as backends:
        folder = Path(name)
        process, port = _start(
            program, folder, backends, load_state=load_state, cookie=cookie, check=check, held=held
        )
        balancer = Balancer(folder, port, backends, process, folder / "servers.state")
        try:
            wait_until(lambda: bool(balancer._pid()), "HAProxy", process)
            yield balancer
        finally:
            balancer.stop()


def wait_until(
    holds: object, what: str, process: subprocess.Popen[bytes] | None = None, seconds: float = 15.0
) -> None:
    """Wait for a condition, or fail with what was waited for."""
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while not holds():
        if process is not None and process.poll() is not None:
            pytest.fail(f"HAProxy ended with {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)


def _start(
    program: str, folder: Path, backends: Backends, *, load_state: bool, cookie: bool, check: str, held: str
) -> tuple[subprocess.Popen[bytes], int]:
    port = _free_port()
    state = f"server-state-file {folder}/servers.state" if load_state else ""
    load = "load-server-state-from-file global" if load_state else ""
    weights = {"b1": 1, "b2": 1, "g1": 0, "g2": 0}

    def servers(option: str = check, green: int = 0, *, marked: bool = cookie) -> str:
        lines = []
        for server, configured in weights.items():
            weight = configured or green
            mark = f"cookie {server}" if marked else ""
            hold = held if server in {"g1", "g2"} else ""
            lines.append(
                f"  server {server} 127.0.0.1:{backends.port(server)} {option} weight {weight} {mark} {hold}"
            )
        return "\n".join(lines)

    text = _CONFIGURATION.format(
        folder=folder,
        port=port,
        state=state,
        load=load,
        cookie="cookie NODE insert indirect" if cookie else "",
        shop=servers(),
        fixed=servers("", green=3, marked=False),
        bare=servers("", marked=False),
        odd=servers("", marked=False)
        + f"\n  server x1 127.0.0.1:{backends.port('b1')} weight 5\n  server z1 127.0.0.1:9 backup",
    )
    configuration = folder / "haproxy.cfg"
    configuration.write_text(text)
    if load_state:
        (folder / "servers.state").touch()  # HAProxy only warns of a missing one; a first start has none
    with (folder / "haproxy.log").open("wb") as log:
        # Master and worker, in the foreground: a reload is a signal to a process id that stays.
        process = subprocess.Popen([program, "-W", "-db", "-f", str(configuration)], stdout=log, stderr=log)
    return process, port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
