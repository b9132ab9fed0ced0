"""The errors of the lab.

LabError
├── LabUnavailable     the programs are not there and cannot be built; a test skips with this reason
│   └── BuildFailed    the Go build ended with an error
├── ComponentFailed    a program of a control plane ended or did not become ready; quotes its log
├── ApiError           the API server answered with a status that is no success
└── ApiUnreachable     the API server did not answer
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LOG_LINES = 15


class LabError(Exception):
    """Mark every error that the lab raises."""


class LabUnavailable(LabError):
    """Say why there can be no lab on this machine."""


class BuildFailed(LabUnavailable):
    """Say which program did not build, with the end of the compiler's words."""


class ComponentFailed(LabError):
    """Say which program of which control plane failed, and quote the end of its log."""

    def __init__(self, plane: str, component: str, problem: str, log: Path) -> None:
        self.plane = plane
        self.component = component
        self.problem = problem
        self.log = log
        super().__init__(f"{component} of control plane {plane}: {problem}; {log} ends:\n{tail(log)}")


class ApiError(LabError):
    """Carry the status and the body of an answer that is no success."""

    def __init__(self, method: str, path: str, status: int, body: Any) -> None:
        self.method = method
        self.path = path
        self.status = status
        self.body = body
        message = body.get("message", "") if isinstance(body, dict) else body
        super().__init__(f"{method} {path}: {status} {message}")


class ApiUnreachable(LabError):
    """Say that a request got no answer; whether it was carried out is unknown."""


def tail(log: Path, lines: int = LOG_LINES) -> str:
    """Return the last lines of a log, indented, or a word that says there are none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (empty)"
