"""The door to what sends clients to one cluster or the other.

Weights are absolute and are read back; counts come from the balancer itself; latency from our own open-loop prober,
whose requests are due on schedule whatever became of the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from migrate.model.ids import RouteName, Side


@dataclass(frozen=True, slots=True)
class Share:
    """How a route's traffic is split: green's part in percent (0 to 100), and each server's state in the target's words.

    `consistent` is False where servers or processes of one side disagree; `detail` says how.
    """

    green: int
    servers: Mapping[str, str]
    consistent: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests that a side has answered since the target started; both only grow, unless the target was restarted.

    `errors` counts failed connections, refused ones and 5xx responses; `sessions` are open now; `epoch` changes when
    the target has started again (its counters are then new).
    """

    requests: int
    errors: int
    sessions: int = 0
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What an open-loop prober saw: requests due, failed ones, and latencies counted from the due time, in seconds."""

    sent: int
    failed: int
    p50: float = 0.0
    p99: float = 0.0
    errors: tuple[str, ...] = ()


class Traffic(Protocol):
    """One cutover mechanism."""

    @property
    def kind(self) -> str:
        """The mechanism's name, as in the migration file's `cutover.kind`."""
        ...

    def routes(self) -> tuple[RouteName, ...]:
        """The routes this mechanism carries, in the order of the migration file."""
        ...

    def read(self, route: RouteName) -> Share:
        """Read how a route is split now."""
        ...

    def set(self, route: RouteName, green: int) -> None:
        """Split a route absolutely: green's part in percent; both sides stay reachable for running sessions."""
        ...

    def counts(self, route: RouteName) -> Mapping[Side, Counts] | None:
        """Read the target's own counts; None where the mechanism has none (then only probes speak)."""
        ...

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Send requests straight to one side, whatever its weight; `rate` a second."""
        ...

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Send requests as a client would, through the mechanism."""
        ...
