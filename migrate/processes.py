"""Programs of the operator's that outlive whoever started them: which one it was, and ending it with its children."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def born(pid: int) -> str:
    """When a process was started, in the kernel's ticks: with the pid it names one process; empty where it is gone.

    A zombie counts as gone. Source: proc(5), /proc/PID/stat; the name in parentheses may hold anything.
    """
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def end_group(pid: int, grace: float, ended: Callable[[], bool]) -> None:
    """End a process group: ask first, kill what is left after the grace."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 1.0)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        until = time.monotonic() + patience
        while time.monotonic() < until and not ended():
            time.sleep(0.05)
    # The program may be gone with its children still there: they are in its group, too.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
