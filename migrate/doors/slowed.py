"""How a server slowed a run down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REMEDY = (
    "A FlowSchema that leads this user to a priority level of its own makes it faster; "
    "a lower limits.inFlight leaves more to others."
)
"""What helps, and whom (kubernetes.io/docs/concepts/cluster-administration/flow-control)."""


@dataclass(frozen=True, slots=True)
class Slowed:
    """What one priority level of an API server held up since its door was opened.

    `refused` requests were turned away, and each was sent again after a wait, `longest` in seconds as the server asked
    for it. `slower` is how many times as long as the quickest an answer took when that alone made the door send less; 0
    where it never did. No more than `in_flight` writes are under way now. `level` and `schema` are the names of
    the priority level and of the FlowSchema that led there, or their UIDs where the names may not be read; both are
    empty where the server named none: one without priority and fairness, one that shuts down, or a proxy.
    """

    refused: int
    longest: float
    slower: float
    in_flight: int
    level: str = ""
    schema: str = ""

    def said(self, cluster: str) -> str:
        """It in a sentence, about a cluster of that name."""
        told = []
        if self.refused:
            wait = f", asking for waits of up to {self.longest:.0f} s" if self.longest else ""
            told.append(f"turned {self.refused} request{'s' if self.refused != 1 else ''} away{wait}")
        if self.slower:
            told.append(f"took {self.slower:.0f} times as long as at its quickest")
        where = f" in priority level {self.level} (FlowSchema {self.schema})" if self.level else ""
        return f"{cluster} {' and '.join(told)}{where}; {self.in_flight} at a time now"

    def as_json(self) -> dict[str, Any]:
        """It as fields of an event."""
        return {
            "refused": self.refused,
            "longestWait": self.longest,
            "timesSlower": round(self.slower, 1),
            "inFlight": self.in_flight,
            "priorityLevel": self.level,
            "flowSchema": self.schema,
        }
