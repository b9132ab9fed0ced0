"""What a measurement gives, and how a process is timed from outside."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the figure with its unit, and what to hold it against."""

    what: str
    figure: str
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Took:
    """A process that ended: its exit code, wall and CPU seconds, and its largest memory in MB."""

    code: int
    wall: float
    cpu: float
    peak: float


def took(argv: Sequence[str], folder: Path, log: Path) -> Took:
    """Run a command to its end in a folder, with what it says in a file."""
    begin = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(argv, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    return Took(process.returncode, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median with the least and the most."""
    middle = statistics.median(values)
    return f"{middle:{form}} ({min(values):{form}} to {max(values):{form}}, n={len(values)})"
