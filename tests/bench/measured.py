"""What a measurement gives, and how a process is timed from outside."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")


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
    result = log.with_name(f"{log.name}.took")
    with log.open("w") as file:
        subprocess.run(
            [sys.executable, "-S", "-E", str(LAUNCHER), str(result), *argv],
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=True,
        )
    return Took(**json.loads(result.read_text()))


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median with the least and the most."""
    middle = statistics.median(values)
    return f"{middle:{form}} ({min(values):{form}} to {max(values):{form}}, n={len(values)})"
