"""Watch a route while a weight stands: the balancer's counts and our open-loop prober, until the pause is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from migrate.actions.judging import Seen, Thresholds, hopeless, judge
from migrate.actions.record import Looking, judged
from migrate.doors.doors import Doors
from migrate.doors.traffic import Counts, Sample
from migrate.engine.events import Event, Tell
from migrate.engine.lock import SharedLock
from migrate.engine.signals import Stop
from migrate.errors import DoorError
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import ActionKey, RouteName, Side
from migrate.model.verdict import inconclusive

MOST_TICK = 15.0
"""Seconds between two looks at the counts during a ramp, at most; also how long one look may probe."""

PATIENCE = 4
"""How many pauses to wait for enough samples before calling a weight inconclusive."""


def watch(
    name: str,
    route: RouteName,
    *,
    pause: float,
    rate: int,
    limits: Thresholds,
    attempt: int,
    weight: int,
    patience: int = PATIENCE,
) -> Action:
    """Watch a route for `pause` seconds (up to `patience` pauses while samples are missing), then judge it.

    `weight` is the percentage that must stand all the while: a reload, or a hand, may turn it.
    """
    params = {
        "name": name,
        "route": route,
        "pause": pause,
        "rate": rate,
        "limits": limits.as_json(),
        "patience": patience,
        "weight": weight,
    }
    return Action("watch", ActionKey(f"watch {name} #{attempt}"), params, deadline=60.0)


class Watch(Looking):
    """Judge a weight by what happens under it; changes nothing."""

    def __init__(self, doors: Doors, tell: Tell, stop: Stop, lock: SharedLock) -> None:
        self._doors = doors
        self._tell = tell
        self._stop = stop
        self._lock = lock

    def look(self, action: Action) -> Outcome:
        """Look tick by tick until the pause is over, the rate is lost, or a signal came."""
        name, pause = str(action.params["name"]), float(action.params["pause"])
        limits = Thresholds.of_json(action.params["limits"])
        clock = self._doors.clock
        began = clock.now()
        looking = _Looking(
            self._doors,
            RouteName(action.params["route"]),
            int(action.params["rate"]),
            int(action.params["weight"]),
        )
        tick = _tick(pause)
        while True:
            problem = looking.look(tick)
            if problem:
                return judged(
                    [inconclusive(f"{name} errors", problem, "Mend the way to the balancer, then run again.")]
                )
            seen = looking.seen
            waited = (clock.now() - began).total_seconds()
            enough = seen.requests + seen.probes >= limits.min_samples
            if hopeless(seen, limits) or (
                waited >= pause and (enough or waited >= pause * float(action.params["patience"]))
            ):
                return judged(judge(name, seen, limits))
            if self._stop.asked:
                return Outcome(OutcomeState.ABSENT, f"stopped while watching {name}")
            end = began + timedelta(seconds=pause)
            self._tell(
                Event(
                    "watching",
                    f"{name}: {seen.errors + seen.probe_errors} failed of {seen.requests + seen.probes}",
                    fields={"until": end.isoformat(), "requests": seen.requests, "errors": seen.errors},
                )
            )
            self._lock.renew(max(60.0, 2 * tick), "")


class _Looking:
    """Adds up what ticks see; a balancer that began anew counts from zero."""

    def __init__(self, doors: Doors, route: RouteName, rate: int, weight: int) -> None:
        self._doors = doors
        self._route = route
        self._rate = rate
        self._weight = weight
        self._base: Counts | None = None
        self._gathered = Counts(0, 0)
        self._green: list[Sample] = []
        self._blue: list[Sample] = []
        self.seen = Seen()

    def look(self, tick: float) -> str:
        """Probe and count for one tick; returns what went wrong with the looking itself, or nothing."""
        clock, traffic = self._doors.clock, self._doors.traffic
        began = clock.now()
        try:
            if self._base is None:
                self._base = _green(traffic.counts(self._route))
            count = max(1, int(self._rate * min(tick, MOST_TICK) / 2))
            self._green.append(traffic.probe(self._route, Side.GREEN, count=count, rate=self._rate))
            self._blue.append(traffic.probe(self._route, Side.BLUE, count=count, rate=self._rate))
            clock.sleep(max(0.0, tick - (clock.now() - began).total_seconds()))
            now = _green(traffic.counts(self._route))
            stands = traffic.read(self._route).green
        except DoorError as error:
            return str(error)
        self._add(now)
        if stands != self._weight:
            return f"{self._route} has {stands} % on green, not {self._weight}: something else turned it"
        return ""

    def _add(self, now: Counts | None) -> None:
        if now is not None and self._base is not None:
            restarted = now.epoch != self._base.epoch or now.requests < self._base.requests
            base = Counts(0, 0) if restarted else self._base
            self._gathered = Counts(
                self._gathered.requests + now.requests - base.requests,
                self._gathered.errors + now.errors - base.errors,
            )
            self._base = now
        self.seen = Seen(
            self._gathered.requests,
            self._gathered.errors,
            sum(s.sent for s in self._green),
            sum(s.failed for s in self._green),
            max((s.p99 for s in self._green), default=0.0),
            max((s.p99 for s in self._blue), default=0.0),
        )


def _tick(pause: float) -> float:
    """Seconds between two looks: seconds in a ramp, up to half an hour in a soak of days."""
    return max(0.05, min(MOST_TICK, pause / 4)) if pause <= MOST_TICK * 60 else pause / 12


def _green(counts: Mapping[Side, Counts] | None) -> Counts | None:
    return counts[Side.GREEN] if counts is not None else None
