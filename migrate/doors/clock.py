"""The door to time; simulated if and only if every door is."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits; nothing else in the program does either."""

    def now(self) -> datetime:
        """The time, with its offset."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass; a simulated side lets its world go on meanwhile."""
        ...
