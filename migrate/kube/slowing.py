"""What a server's answers do to the pace of writes, and an account of what slowed them down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from migrate.kube.answers import TurnedAway
from migrate.kube.flow import LEVEL, Flow, flow_of
from migrate.kube.pace import Pace
from migrate.kube.transport import Answer, Request


@dataclass(frozen=True, slots=True)
class Held:
    """What was held up in one flow: requests turned away, the longest wait asked for, times slower."""

    refused: int = 0
    longest: float = 0.0
    slower: float = 0.0


class Slowing:
    """Learns from each answer; it lives on the transport's event loop, as its pace does."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._level = ""
        self._held: dict[Flow, Held] = {}

    @property
    def held(self) -> Mapping[Flow, Held]:
        """What was held up so far, by flow in UIDs."""
        return self._held

    def answered(self, request: Request, answer: Answer, began: float) -> None:
        """Learn from a success; a read takes as long as it is long, and says nothing about how writes fare."""
        if request.safe:
            return
        self._level = answer.headers.get(LEVEL, "")
        if self._pace.answered(began, time.monotonic() - began):
            flow = flow_of(answer)
            known = self._held.get(flow, Held())
            self._held[flow] = replace(known, slower=max(known.slower, self._pace.slower))

    def refused(self, request: Request, error: TurnedAway, began: float) -> None:
        """Learn from a request that was turned away.

        Levels have seats of their own: a read that finds no seat in one says nothing about writes in another.
        """
        known = self._held.get(error.flow, Held())
        longest = max(known.longest, error.retry_after or 0.0)
        self._held[error.flow] = replace(known, refused=known.refused + 1, longest=longest)
        if request.method != "GET" or error.flow.level in {"", self._level}:
            self._pace.refused(began)
