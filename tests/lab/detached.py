"""Blue and green in the background, for people: one process holds both, and all ends with it.

Its state stands under .lab/ in the project's root. A lock that the holder keeps as long as it lives says
whether it is up: a pid in a file may have become somebody else's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.build import build
from tests.lab.control_plane import ControlPlane, start_all
from tests.lab.errors import LabError, tail
from tests.lab.pairs import SPECS

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
HOLDER, READY, LOG = STATE / "holder", STATE / "ready.json", STATE / "lab.log"
UP_WITHIN = 120.0
DOWN_WITHIN = 15.0


def up() -> dict[str, Any]:
    """Bring blue and green up, unless they are, and return what status returns."""
    build()  # in the foreground, where its progress is seen
    if (there := status()) is not None:
        return there
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(mode=0o700)
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab", "hold"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + UP_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if READY.exists() and (there := status()) is not None:
            return there
        time.sleep(0.1)
    process.terminate()
    raise LabError(f"blue and green did not come up; {LOG} ends:\n{tail(LOG)}")


def down() -> bool:
    """Take blue and green down and remove their state; False where they were gone already."""
    pid = _holder()
    if pid is not None:
        _end(pid)
    shutil.rmtree(STATE, ignore_errors=True)
    return pid is not None


def status() -> dict[str, Any] | None:
    """Return the holder's pid and the kubeconfigs of both, or None where they are not up."""
    if _holder() is None or not READY.exists():
        return None
    found: dict[str, Any] = json.loads(READY.read_text(encoding="utf-8"))
    return found


def hold() -> None:
    """Start both, say so in the state, and stay until SIGTERM; ends with an error when a program ends."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with _held():
        planes = [ControlPlane(spec, build(), STATE / spec.name) for spec in SPECS]
        try:
            start_all(planes)
            _say_ready(planes)
            while not told.wait(1.0):
                for plane in planes:
                    plane.check()
        finally:
            for plane in planes:
                plane.stop()


def _say_ready(planes: list[ControlPlane]) -> None:
    state = {
        "pid": os.getpid(),
        "planes": {
            plane.name: {
                "kubeconfig": str(plane.kubeconfig),
                "limited": str(plane.limited_kubeconfig),
                "setup": str(plane.setup_kubeconfig),
            }
            for plane in planes
        },
    }
    draft = READY.with_suffix(".draft")
    draft.write_text(json.dumps(state, indent=2), encoding="utf-8")
    draft.rename(READY)


@contextmanager
def _held() -> Iterator[None]:
    """Keep the holder's lock, with this pid written into it."""
    with HOLDER.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("blue and green are held by another process") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _holder() -> int | None:
    """Return the pid of the process that holds the lock, or None where nobody does."""
    with contextlib.suppress(FileNotFoundError), HOLDER.open("r", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read() or "0") or None
    return None


def _end(pid: int) -> None:
    """Ask the holder to end, and make it after a while; its children die with it either way."""
    for number, patience in ((signal.SIGTERM, DOWN_WITHIN), (signal.SIGKILL, 5.0)):
        os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if _holder() is None:
                return
            time.sleep(0.05)
    raise LabError(f"process {pid} holds blue and green and does not end")
