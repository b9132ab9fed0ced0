"""The world's clock: time passes only when somebody sleeps, and then everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from migrate.simulation.network import Network
from migrate.simulation.store import Store
from migrate.simulation.worldfile import from_micros, to_micros

DETAIL = 60 * 1_000_000
"""Microseconds at either end of a long sleep in which every event is played; see `SimulatedClock.sleep`."""

_JUMPED = "jumped-from"


class SimulatedClock:
    """Tells and passes the world's time.

    A sleep goes from event to event (a Job that ends, a CronJob that fires, a retry), lets the controllers settle at
    each, and lets the outside client send in between. Of a sleep longer than twice `DETAIL` only both ends are played
    so; in the middle the client goes on by arithmetic and firings are recorded, but only a CronJob's last one makes
    its Job.
    """

    def __init__(self, store: Store, settle: Callable[[], None]) -> None:
        self._store = store
        self._settle = settle
        self._network = Network(store)

    def now(self) -> datetime:
        """The world's time, in UTC."""
        return self._store.now()

    def sleep(self, seconds: float) -> None:
        """Let the world go on for so long; every part of it is durable on its own, so a kill leaves it in between."""
        self._settle()
        end = to_micros(self._store.now() + timedelta(seconds=max(seconds, 0)))
        start = self._store.number("clock")
        if end - start > 2 * DETAIL:
            self._play(start + DETAIL)
            self._jump(end - DETAIL)
        self._play(end)

    def _play(self, end: int) -> None:
        while True:
            now = self._store.number("clock")
            due = self._next_due()
            step = end if due is None else min(end, max(due, now))
            with self._store.transaction():
                self._pass(step - now)
            if step >= end and (due is None or due > end):
                self._settle()
                return
            self._settle()

    def _jump(self, end: int) -> None:
        with self._store.transaction():
            now = self._store.number("clock")
            self._store.set_value(_JUMPED, now)
            self._pass(end - now)
        self._settle()
        self._store.set_value(_JUMPED, None)

    def _pass(self, micros: int) -> None:
        if micros > 0:
            self._network.flow(micros)
            self._store.next_number("clock", micros)

    def _next_due(self) -> int | None:
        found = self._store.rows("SELECT MIN(due) FROM timers")[0][0]
        return None if found is None else int(found)


def jumped_from(store: Store) -> datetime | None:
    """Since when events were jumped over, while that is so."""
    micros = store.value(_JUMPED)
    return None if micros is None else from_micros(int(micros))
