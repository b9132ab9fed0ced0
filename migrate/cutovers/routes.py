"""What every mechanism shares: its routes, and how each is probed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from migrate.cutovers.prober import Report, names_an_address, probe
from migrate.doors.traffic import Sample
from migrate.errors import MigrationFileError, NotFound
from migrate.model.ids import RouteName, Side
from migrate.model.migration import Cutover, RouteSpec

TIMEOUT = 5.0
"""Seconds after which a probe that was due has failed."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of one mechanism, by name and in the order of the migration file."""

    by_name: Mapping[RouteName, RouteSpec]

    @classmethod
    def of(cls, spec: Cutover, default: str = "default") -> Routes:
        """Take the routes of the file, or one named `default` where it lists none."""
        listed = spec.routes or (RouteSpec(name=default),)
        return cls({RouteName(route.name): route for route in listed})

    def names(self) -> tuple[RouteName, ...]:
        """The names, in order."""
        return tuple(self.by_name)

    def get(self, route: RouteName) -> RouteSpec:
        """The route of that name; raises NotFound."""
        found = self.by_name.get(route)
        if found is None:
            raise NotFound(
                f"no route {route!r}; the migration file has {', '.join(self.by_name)}", reason="NotFound"
            )
        return found

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Send requests straight to one side; without a URL for it, a sample of none that says which key is missing.

        Where the direct URL has an address, the requests name the host of the route's `probe`, as clients do.
        """
        spec = self.get(route)
        report = self.ask_side(spec, side, count=count, rate=rate)
        return report.sample() if report else _none(route, f"direct{side.value.capitalize()}")

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Send requests as a client would; without a URL for it, a sample of none that says which key is missing."""
        report = self.ask(self.get(route), count=count, rate=rate)
        return report.sample() if report else _none(route, "probe")

    @staticmethod
    def ask_side(spec: RouteSpec, side: Side, *, count: int, rate: float) -> Report | None:
        """Probe one side and tell who answered; None without a URL."""
        url = spec.direct_blue if side is Side.BLUE else spec.direct_green
        if not url:
            return None
        host = urlsplit(spec.probe).netloc if spec.probe and names_an_address(url) else ""
        return probe(url, count=count, rate=rate, timeout=TIMEOUT, host=host)

    @staticmethod
    def ask(spec: RouteSpec, *, count: int, rate: float) -> Report | None:
        """Probe through the mechanism and tell who answered; None without a URL."""
        return probe(spec.probe, count=count, rate=rate, timeout=TIMEOUT) if spec.probe else None


def missing(kind: str) -> MigrationFileError:
    """Say that the part of the file that a kind needs is not there."""
    return MigrationFileError(
        [f"cutover.kind is {kind}, but cutover.{kind} is missing; write it beside kind"]
    )


def _none(route: RouteName, key: str) -> Sample:
    # No samples is inconclusive, never a pass: the deciders see 0 sent and hold, with this sentence.
    return Sample(0, 0, errors=(f"not probed: route {route} has no {key} URL (cutover.routes[].{key})",))
