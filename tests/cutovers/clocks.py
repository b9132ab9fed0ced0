"""A clock for tests that never wait."""

from __future__ import annotations

from datetime import UTC, datetime


class StillClock:
    """A clock that stands, and over which sleep passes at once."""

    def now(self) -> datetime:
        return datetime(2026, 12, 5, 22, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        pass
