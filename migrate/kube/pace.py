"""How many requests may be in flight: a limit that follows the server, up while it keeps up and down when it says so."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

START = 16
"""Below the seats that API priority and fairness gives one ordinary user by default (flow-control documentation)."""

_SLOW = 4.0  # times the quickest answer: the server queues, and more in flight would only wait there
_VERY_SLOW = 12.0
_ENOUGH = 4  # a server that is slow for another's sake gets no quicker by our sending less than this
_NOTICEABLE = 0.05  # seconds; below it a multiple of almost nothing says nothing


class Pace:
    """Bound the requests in flight by additive increase and multiplicative decrease, as TCP does its window.

    A slot held while a refused request waits its Retry-After is a slot not used, so waiting slows everything down by
    itself. It lives on one event loop, and needs no lock.
    """

    def __init__(self, *, start: int = START, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = float(min(start, most))
        self._most = most
        self._clock = clock
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._quickest = float("inf")
        self._smoothed = 0.0
        self._cut_at = float("-inf")

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return int(self._limit)

    @property
    def slower(self) -> float:
        """How many times as long as the quickest answers take of late."""
        return self._smoothed / max(self._quickest, _NOTICEABLE / _SLOW)

    async def take(self) -> None:
        """Wait for a free slot, first come first served, and hold it until `give`."""
        if self._in_flight < self.limit:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn  # whoever woke it has taken the slot for it

    def give(self) -> None:
        """Give a slot back."""
        self._in_flight -= 1
        self._wake()

    def answered(self, began: float, took: float) -> bool:
        """Learn from an answer that took so many seconds; True where less is sent for it."""
        self._quickest = min(self._quickest, took)
        self._smoothed = took if not self._smoothed else 0.9 * self._smoothed + 0.1 * took
        slower = self.slower
        if slower < _SLOW:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)
            self._wake()
        elif slower > _VERY_SLOW and self._limit > _ENOUGH:
            return self._cut(began, 0.8)
        return False

    def refused(self, began: float) -> None:
        """Learn from a 429 or from a server that shuts down."""
        self._cut(began, 0.5)

    def _wake(self) -> None:
        while self._waiting and self._in_flight < self.limit:
            self._in_flight += 1
            self._waiting.popleft().set_result(None)

    def _cut(self, began: float, factor: float) -> bool:
        # requests that were under way at the last cut tell of the time before it, and must not cut again
        if began < self._cut_at:
            return False
        self._limit = max(1.0, self._limit * factor)
        self._cut_at = self._clock()
        return True
