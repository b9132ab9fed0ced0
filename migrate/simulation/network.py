"""What clients see: which side answers for a route, how fast, and how requests are split (by arithmetic only)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from migrate.model.ids import Side
from migrate.simulation.admission import ready_addresses
from migrate.simulation.failures import Failures
from migrate.simulation.store import Store
from migrate.simulation.ways_in import shut

BASE_SECONDS = 0.008
"""The median latency of a request, give or take 5 %."""

TAIL = 4.0
"""The 99th percentile in medians."""

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a side answers for a route, and why not."""

    percent_failed: int
    why: str = ""


class Network:
    """The routes of a world and the requests over them; nothing here takes wall-clock or simulated time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures = Failures(store)

    def answers(self, route: str, side: Side) -> Answer:
        """How a side answers for a route now: it fails when broken, not made, or no request gets to a Ready pod."""
        # A balancer in a world without any cluster answers by itself: there is nothing behind it to look at.
        if not self._made(side) and self._made(side.other):
            return Answer(100, f"{side.value} has not been made")
        if self._failures.broken(side):
            return Answer(100, f"{side.value} answers nothing")
        for service in self.services(route):
            namespace, _, name = service.rpartition("/")
            if not ready_addresses(self._store, side.value, namespace or "default", name):
                return Answer(100, f"{side.value}: Service {service} has no ready endpoint")
            why = shut(self._store, side, namespace or "default", name)
            if why:
                return Answer(100, f"{side.value}: {why}")
        percent = self._failures.percent(side)
        return Answer(percent, f"{side.value}: {percent} % of the requests fail" if percent else "")

    def _made(self, side: Side) -> bool:
        return self._store.value(f"cluster:{side.value}") is not None

    def services(self, route: str) -> list[str]:
        """The Services behind a route, as "namespace/name"."""
        rows = self._store.rows("SELECT services FROM routes WHERE name = ?", route)
        found: list[str] = orjson.loads(rows[0][0]) if rows else []
        return found

    def routes(self) -> list[str]:
        """The routes' names in their order."""
        return [row[0] for row in self._store.rows("SELECT name FROM routes ORDER BY rank")]

    def latencies(self, route: str, side: Side) -> tuple[float, float]:
        """Median and 99th percentile of a side in seconds; they follow from the world's seed and time alone."""
        now, seed = self._store.number("clock"), self._store.number("seed")
        digest = hashlib.sha256(f"{seed} {route} {side.value} {now}".encode()).digest()
        jitter = 1 + (digest[0] - 127.5) / 127.5 * 0.05
        tail_jitter = 1 + (digest[1] - 127.5) / 127.5 * 0.05
        median = BASE_SECONDS * jitter * self._failures.slowness(side)
        return median, median * TAIL * tail_jitter

    def flow(self, micros: int) -> None:
        """Let the outside client send for so many microseconds, with everything as it stands now."""
        for name, green, rate, due_before, split_before in self._store.rows(
            "SELECT name, green, rate, due_carry, split_carry FROM routes ORDER BY rank"
        ):
            due, due_carry = divmod(rate * micros + due_before, 1000 * _MICROS)
            to_green, split_carry = divmod(due * green + split_before, 100)
            self._store.run(
                "UPDATE routes SET due_carry = ?, split_carry = ? WHERE name = ?",
                due_carry,
                split_carry,
                name,
            )
            for side, count in ((Side.BLUE, due - to_green), (Side.GREEN, to_green)):
                if count:
                    self.record(name, side, "client", count, self.failed(name, side, count))

    def failed(self, route: str, side: Side, count: int) -> int:
        """How many of so many requests to a side fail now; rounded up, so that a fault is never invisible."""
        percent = self.answers(route, side).percent_failed
        return -(-count * percent // 100)

    def record(self, route: str, side: Side, source: str, requests: int, failed: int) -> None:
        """Add to the cumulative counts of a route and side."""
        self._store.run(
            "INSERT INTO answered VALUES (?, ?, ?, ?, ?) ON CONFLICT (route, side, source) DO UPDATE SET"
            " requests = requests + excluded.requests, failed = failed + excluded.failed",
            route, side.value, source, requests, failed,
        )  # fmt: skip

    def counted(self, route: str, side: Side | None = None, source: str = "") -> tuple[int, int]:
        """Requests and failed ones of a route: of one side or both, of one source ("client", "sample") or all."""
        where, values = "route = ?", [route]
        if side is not None:
            where, values = f"{where} AND side = ?", [*values, side.value]
        if source:
            where, values = f"{where} AND source = ?", [*values, source]
        sql = f"SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(failed), 0) FROM answered WHERE {where}"  # noqa: S608
        row = self._store.rows(sql, *values)[0]
        return int(row[0]), int(row[1])
