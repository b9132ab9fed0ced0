"""SIGINT, SIGTERM and SIGHUP: the first stops at the next safe border, the second at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Leave at once, wherever the run is; raised by the second signal in the main thread."""


class Stop:
    """Whether somebody asked the run to stop; `name` is the first signal's."""

    def __init__(self, told: Callable[[str], None] = lambda _: None) -> None:
        self.name = ""
        self._told = told

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return bool(self.name)

    def receive(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal: the first is remembered, the next one raises Interrupted."""
        name = signal.Signals(number).name
        if self.name:
            raise Interrupted(name)
        self.name = name
        self._told(name)


@contextmanager
def listening(stop: Stop) -> Iterator[None]:
    """Route the signals to `stop` inside the block, and put the former handlers back after it."""
    # under nohup a lost terminal is none of the run's business
    heard = [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]
    former = {number: signal.signal(number, stop.receive) for number in heard}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
