"""What is sent again, how often and after which wait: only requests after which nothing had changed."""

from __future__ import annotations

import random
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception

from migrate.errors import Refused, Transient, Unreachable
from migrate.kube.answers import Hiccup, refusal
from migrate.kube.transport import Answer, NoAnswer, NotSent, Request

_FEW = 4
"""Attempts where a repeat seldom helps: a read that ends in 500, a webhook that cannot be asked."""

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0


class Patience:
    """Repeats a request for so many seconds at most; no attempt begins later than that."""

    def __init__(self, seconds: float, sleep: Callable[[float], None]) -> None:
        self._seconds = seconds
        self._sleep = sleep

    def checked(self, request: Request, answer: Answer) -> Answer:
        """Return an answer of success; raise what any other one means."""
        if 200 <= answer.status < 300:
            return answer
        raise refusal(request, answer)

    def call(self, request: Request, once: Callable[[], Answer]) -> Answer:
        """Call until it succeeds, or until a repeat is unsafe, useless or too late; raises a DoorError."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: _repeatable(request, error)),
            stop=self._stop,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(once)
        except NotSent as error:
            # nothing happened, but nobody is there: callers know that as Unreachable
            raise NoAnswer(str(error)) from error

    def _stop(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Hiccup | Refused) and state.attempt_number >= _FEW:
            return True
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep >= self._seconds


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
