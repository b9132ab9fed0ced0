"""A person turns the traffic: what is wanted is written down, and what stands is measured where it can be."""

from __future__ import annotations

import math
from collections.abc import Mapping

from migrate.cutovers.prober import Report
from migrate.cutovers.routes import Routes
from migrate.cutovers.store import Store
from migrate.doors.clock import Clock
from migrate.doors.traffic import Counts, Sample, Share
from migrate.model.ids import RouteName, Side
from migrate.model.migration import Cutover

KIND = "manual"

MEASURE = 200
"""Requests through the mechanism for one reading; 200 tell 5 % from 25 %, not 1 % from 2 %."""

_ASK_SIDE = 3
_RATE = 100.0


class ManualTraffic:
    """Traffic that a person splits.

    `set` only writes down what is wanted, and raises nothing: the run waits at a gate meanwhile. `read` measures where
    the route has `probe`, `directBlue` and `directGreen` and the two sides answer with different markers (the header
    X-Cluster, or a body of "blue" or "green"). Else it tells the last percentage that a person acknowledged, and
    says that nothing was measured. `store` holds `manual/ROUTE/wanted` and `manual/ROUTE/acknowledged`.
    """

    def __init__(self, spec: Cutover, clock: Clock, store: Store) -> None:
        self._routes = Routes.of(spec)
        self._clock = clock
        self._store = store

    @property
    def kind(self) -> str:
        """As in the migration file."""
        return KIND

    def routes(self) -> tuple[RouteName, ...]:
        """The routes of the file; one named "default" where it lists none."""
        return self._routes.names()

    def wanted(self, route: RouteName) -> int | None:
        """What was asked for last; None before the first `set`."""
        return self._noted(route, "wanted")

    def acknowledge(self, route: RouteName, green: int) -> None:
        """Take a person's word that the route is split so."""
        self._routes.get(route)
        self._store[_key(route, "acknowledged")] = str(green)

    def read(self, route: RouteName) -> Share:
        """Measure the split by probing, or tell what was acknowledged (0 before the first time), not consistent."""
        self._routes.get(route)
        told = self._noted(route, "acknowledged")
        measured = self._measure(route)
        if measured is None:
            detail = (
                "acknowledged by a person, not measured"
                if told is not None
                else "not acknowledged, not measured"
            )
            return Share(told or 0, {}, consistent=False, detail=detail)
        hits, total = measured
        # Counts scatter: what is wanted, or was acknowledged, is taken as it is where the counts do not speak against it.
        for claim in (self.wanted(route), told):
            if claim is not None and fits(hits, total, claim):
                return Share(claim, {}, detail=f"{hits} of {total} probes were answered by green")
        nearest = round(100 * hits / total)
        return Share(nearest, {}, consistent=told is None, detail=_differs(hits, total, told))

    def set(self, route: RouteName, green: int) -> None:
        """Write down what is wanted; a person does it."""
        self._routes.get(route)
        self._store[_key(route, "wanted")] = str(green)

    def counts(self, route: RouteName) -> Mapping[Side, Counts] | None:
        """None: there is no target to ask."""
        self._routes.get(route)
        return None

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Send requests straight to one side."""
        return self._routes.probe(route, side, count=count, rate=rate)

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Send requests as a client would."""
        return self._routes.sample(route, count=count, rate=rate)

    def _noted(self, route: RouteName, what: str) -> int | None:
        text = self._store.get(_key(route, what))
        return None if text is None else int(text)

    def _measure(self, route: RouteName) -> tuple[int, int] | None:
        """Requests that green answered, of how many whose side is known; None where the sides cannot be told apart."""
        spec = self._routes.get(route)
        if not (spec.probe and spec.direct_blue and spec.direct_green):
            return None
        blue, green = (
            _marker(self._routes.ask_side(spec, side, count=_ASK_SIDE, rate=_RATE)) for side in Side
        )
        if not green or not blue or blue == green:
            return None
        report = self._routes.ask(spec, count=MEASURE, rate=_RATE)
        clusters = report.clusters if report else {}
        hits = clusters.get(green, 0)
        total = hits + clusters.get(blue, 0)
        return (hits, total) if total else None


def fits(hits: int, total: int, claim: int) -> bool:
    """Whether `hits` of `total` may come from a split of `claim` percent: within three standard deviations and a half.

    0 and 100 percent are exact: one reply from the other side speaks against them.
    """
    if claim in {0, 100}:
        return hits == total * claim // 100
    expected = total * claim / 100
    return abs(hits - expected) <= 3 * math.sqrt(expected * (1 - claim / 100)) + 0.5


def make(spec: Cutover, clock: Clock, store: Store) -> ManualTraffic:
    """Make this kind's side of the door."""
    return ManualTraffic(spec, clock, store)


def _key(route: RouteName, what: str) -> str:
    return f"{KIND}/{route}/{what}"


def _marker(report: Report | None) -> str:
    """The one marker of a side that answered every request alike; empty where it did not."""
    if report is None or report.failed or len(report.clusters) != 1:
        return ""
    return next(iter(report.clusters))


def _differs(hits: int, total: int, told: int | None) -> str:
    seen = f"{hits} of {total} probes were answered by green"
    return seen if told is None else f"{seen}, which speaks against the {told} % that a person acknowledged"
