"""Until when, and whether still, a pass may go on: whatever copies asks between two looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from migrate.doors.clock import Clock
from migrate.doors.mover import Amount, Going
from migrate.errors import Transient, Unreachable

_TURN = 1.0

T = TypeVar("T")


class Limits:
    """A pass's deadline, in seconds from now, and the word of whoever may end it; `title` begins every sentence."""

    def __init__(self, title: str, clock: Clock, deadline: float, going: Going) -> None:
        self.title = title
        self._clock = clock
        self._until = clock.now() + timedelta(seconds=deadline)
        self._going = going

    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, (self._until - self._clock.now()).total_seconds())

    def tell(self, amount: Amount) -> None:
        """Say how much is on green by now, whoever wants to stop."""
        self._going(amount)

    def check(self, seen: Amount | None) -> None:
        """Say how much is on green by now; raises Transient where somebody asked to stop, Unreachable past the deadline."""
        self._go_on(seen)
        if not self.left():
            raise Unreachable(f"{self.title} was not done before its deadline, and was ended")

    def until(self, what: str, look: Callable[[], T | None], most: float | None = None) -> T:
        """Wait for what `look` finds, at most `most` seconds; raises as `check`, with what it has waited for."""
        last, trouble = self._until, ""
        if most is not None:
            last = min(last, self._clock.now() + timedelta(seconds=most))
        while True:
            try:
                if found := look():
                    return found
                trouble = ""
            except (Transient, Unreachable) as error:
                # whoever copies goes on meanwhile: hours of copying outlive a server's restart
                trouble = f": {error}"
            self._go_on(None)
            if self._clock.now() >= last:
                raise Unreachable(f"{self.title} has waited for {what} until its deadline{trouble}")
            self._clock.sleep(_TURN)

    def _go_on(self, seen: Amount | None) -> None:
        if not self._going(seen):
            raise Transient(f"{self.title} was stopped; the next run asks for it again")
