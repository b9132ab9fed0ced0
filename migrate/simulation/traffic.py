"""The simulated balancer: absolute weights in the world's file, counts of its own, probes by the same network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from migrate.doors.traffic import Counts, Sample, Share
from migrate.errors import NotFound, Refused
from migrate.model.ids import RouteName, Side
from migrate.simulation.network import Network
from migrate.simulation.store import Store
from migrate.simulation.worldfile import dump


class Routed(Protocol):
    """What the simulation asks of a route; `migrate.model.migration.RouteSpec` is one."""

    @property
    def name(self) -> str:
        """The route's name."""
        ...

    @property
    def services(self) -> tuple[str, ...]:
        """The Services behind it, as "namespace/name"."""
        ...


class SimulatedTraffic:
    """One balancer with two servers a route.

    Probes and samples take no simulated time: the outside client sends only while the clock sleeps. A probe goes
    past the balancer and is in no count of it; a sample goes through and is.
    """

    kind = "simulated"

    def __init__(self, store: Store, routes: Sequence[Routed], *, rate: float) -> None:
        self._store = store
        self._network = Network(store)
        self._routes = tuple(RouteName(route.name) for route in routes)
        with store.transaction():
            for route in routes:
                self._known(route, len(self._network.routes()), round(rate * 1000))

    def _known(self, route: Routed, rank: int, rate: int) -> None:
        services = dump(list(route.services))
        self._store.run(
            "INSERT INTO routes VALUES (?, ?, ?, 0, ?, 0, 0, 0) ON CONFLICT (name) DO UPDATE SET"
            " services = excluded.services, rate = excluded.rate",
            route.name, rank, services, rate,
        )  # fmt: skip

    def routes(self) -> tuple[RouteName, ...]:
        """The routes, in the order of the migration file."""
        return self._routes

    def read(self, route: RouteName) -> Share:
        """Read how a route is split now."""
        green = self._weight(route)
        servers = {
            side.value: f"{percent}%" for side, percent in ((Side.BLUE, 100 - green), (Side.GREEN, green))
        }
        return Share(green, servers)

    def set(self, route: RouteName, green: int) -> None:
        """Split a route; an effect only where the weight really changes."""
        if not 0 <= green <= 100:
            message = f"a share is 0 to 100 percent, not {green}"
            raise Refused(message)
        with self._store.transaction():
            if self._weight(route) != green:
                self._store.run("UPDATE routes SET green = ? WHERE name = ?", green, route)
                key = f"set route {route} {green}"
                self._store.run(
                    "INSERT INTO effects VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1", key
                )

    def counts(self, route: RouteName) -> Mapping[Side, Counts] | None:
        """Read the balancer's counts: the outside client's requests and the samples."""
        self._weight(route)
        return {side: Counts(*self._network.counted(route, side), epoch="1") for side in Side}

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Send requests straight to one side."""
        del rate
        self._weight(route)
        failed = self._network.failed(route, side, count)
        return self._sample(route, {side: (count, failed)})

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Send requests through the balancer, split by the weight; what does not come out even is carried over."""
        del rate
        with self._store.transaction():
            green = self._weight(route)
            carry = int(self._store.rows("SELECT sample_carry FROM routes WHERE name = ?", route)[0][0])
            to_green, carry = divmod(count * green + carry, 100)
            self._store.run("UPDATE routes SET sample_carry = ? WHERE name = ?", carry, route)
            seen: dict[Side, tuple[int, int]] = {}
            for side, sent in ((Side.BLUE, count - to_green), (Side.GREEN, to_green)):
                if sent > 0:
                    seen[side] = (sent, self._network.failed(route, side, sent))
                    self._network.record(route, side, "sample", *seen[side])
            return self._sample(route, seen)

    def _sample(self, route: RouteName, seen: Mapping[Side, tuple[int, int]]) -> Sample:
        sent = sum(count for count, _ in seen.values())
        failed = sum(bad for _, bad in seen.values())
        errors = tuple(self._network.answers(route, side).why for side, (_, bad) in seen.items() if bad)
        good = {side: count - bad for side, (count, bad) in seen.items() if count > bad}
        if not good:
            return Sample(sent, failed, errors=errors)
        times = {side: self._network.latencies(route, side) for side in good}
        total = sum(good.values())
        median = sum(times[side][0] * count for side, count in good.items()) / total
        # The tail of the mix is the slower side's where that side has more than the slowest hundredth.
        tail = max(times[side][1] for side, count in good.items() if count * 100 >= total)
        return Sample(sent, failed, median, tail, errors)

    def _weight(self, route: RouteName) -> int:
        rows = self._store.rows("SELECT green FROM routes WHERE name = ?", route)
        if not rows:
            raise NotFound(f"no route {route}", status=404, reason="NotFound")
        return int(rows[0][0])
