"""Programs of a control plane as processes: started, ended, stopped and continued by their own pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import lifeline
from tests.lab.errors import ComponentFailed

# A child's lifeline is tied to the thread that started it, not to the process: a thread that ends would
# take its children along. So one thread, which lives as long as the process, starts them all.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-spawner")


def spawn(argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program that dies with this process, its output appended to the log."""
    return _SPAWNER.submit(_spawn, argv, log).result()


def _spawn(argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", lifeline.__file__, str(os.getpid()), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


class Component:
    """Hold one program of one control plane; it can be started again after it was ended."""

    def __init__(self, plane: str, name: str, argv: Sequence[str], log: Path) -> None:
        self.plane = plane
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the pid of the running program; asking for that of an ended one is an error."""
        if self._process is None:
            raise self.failed("is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Say whether the process exists; a stopped one (SIGSTOP) does."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the program; it is not ready when this returns."""
        if self.running:
            raise self.failed("is running already")
        self._process = spawn(self.argv, self.log)

    def check(self) -> None:
        """Raise with the end of the log where the program has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise self.failed(f"ended with {code}")

    def failed(self, problem: str) -> ComponentFailed:
        """Make the error that names this program and quotes its log."""
        return ComponentFailed(self.plane, self.name, problem, self.log)

    def terminate(self, patience: float) -> None:
        """End the program by SIGTERM, and by SIGKILL after so many seconds; harmless when it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End the program by SIGKILL, stopped or not; harmless when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def pause(self) -> None:
        """Stop the program (SIGSTOP): its connections stay open and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stopped program go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
