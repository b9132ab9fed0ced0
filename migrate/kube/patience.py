"""What is sent again, how often and after which wait: only requests after which nothing had changed."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from migrate.errors import DoorError, Refused, Transient, Unreachable
from migrate.kube.answers import Hiccup, TurnedAway, refusal
from migrate.kube.transport import Answer, NoAnswer, NotSent, Request

_FEW = 4
"""Attempts where a repeat seldom helps: a read that ends in 500, a webhook that cannot be asked."""

_BUSY = 2.0
"""Times as patient with a server that answers "not now": it is there, and asks for waits of up to 32 s (apiserver,
util/flowcontrol/dropped_requests_tracker.go)."""

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0


Once = Callable[[], Awaitable[Answer]]
"""Send a request, once; raises a DoorError."""


class Patience:
    """Repeats a request for so many seconds at most, twice as many where the server turns it away, and then no more."""

    def __init__(self, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._seconds = seconds
        self._sleep = sleep

    def checked(self, request: Request, answer: Answer) -> Answer:
        """Return an answer of success; raise what any other one means."""
        if 200 <= answer.status < 300:
            return answer
        raise refusal(request, answer)

    async def call(self, request: Request, once: Once) -> Answer:
        """Call until it succeeds, or until a repeat is unsafe, useless or too late; raises a DoorError."""
        began = time.monotonic()
        try:
            return await once()  # nearly always the only attempt: it costs none of the bookkeeping below
        except DoorError as error:
            first: DoorError | None = error

        async def attempt() -> Answer:
            nonlocal first
            if first is not None:
                failed, first = first, None
                raise failed
            return await once()

        def enough(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, Hiccup | Refused) and state.attempt_number >= _FEW:
                return True
            seconds = self._seconds * (_BUSY if isinstance(error, TurnedAway) else 1.0)
            return time.monotonic() - began + state.upcoming_sleep >= seconds

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: _repeatable(request, error)),
            stop=enough,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except NotSent as error:
            # nothing happened, but nobody is there: callers know that as Unreachable
            raise NoAnswer(str(error)) from error


def _repeatable(request: Request, error: BaseException) -> bool:
    if isinstance(error, Transient):
        return True
    if not request.safe:
        return False
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status == 500)


def _wait(state: RetryCallState) -> float:
    """Wait what the server asks for, else twice as long each time; spread, so that many do not come back at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Transient) else None
    spread = 1 + random.random() / 4  # noqa: S311 - no secret depends on it
    if asked is not None:
        return max(asked, _FIRST_WAIT) * spread
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(state.attempt_number - 1, 10))) * spread
