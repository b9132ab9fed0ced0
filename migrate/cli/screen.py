"""How a run looks while it goes on: phases on a terminal, a line a fact elsewhere, an event a line as JSON."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from migrate.cli import say
from migrate.doors.clock import Clock
from migrate.engine.events import Event, Tell

WRITING = frozenset({"apply", "create", "delete", "patch", "provision", "weight"})
"""Kinds of Actions that change something."""

LOUD = frozenset({"batch-ended", "watching"})
"""Events that come often: they renew the last line of a terminal, and are left out of plain lines unless they say more."""


def listener(form: str, clock: Clock, *, would: bool = False) -> Tell:
    """Whoever shows a run's events in a form; `would` puts them into the mood of a rehearsal."""
    if form == "json":
        return _Json(clock)
    if say.fancy(sys.stderr):
        return _Terminal(would=would)
    return _Plain(clock, would=would)


class _Json:
    """One event a line on stdout."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, event: Event) -> None:
        """Print it."""
        at = self._clock.now().isoformat(timespec="milliseconds")
        say.record({"at": at, **event.as_json()})


class _Plain:
    """One line a fact with its time on stderr; no escape codes."""

    def __init__(self, clock: Clock, *, would: bool) -> None:
        self._clock = clock
        self._would = would
        self._counted = 0

    def __call__(self, event: Event) -> None:
        """Print it, unless it only counts."""
        if event.what == "watching" and not event.fields.get("errors"):
            return
        if event.what == "batch-ended":
            self._counted += int(event.fields.get("actions", 0))
            if not event.text:
                return
        self._print(event)
        if event.what in {"step-began", "step-done"}:
            self._counted = 0  # a step that had nothing to do never began

    def _print(self, event: Event) -> None:
        at = self._clock.now().isoformat(timespec="seconds")
        where = "/".join(filter(None, (event.batch, event.step)))
        count = f" ({self._counted} acts)" if event.what == "step-done" and self._counted > 1 else ""
        say.note(f"{at} {event.what:<12} {where:<22} {mood(event, would=self._would)}{count}")


class _Terminal:
    """A line a step with its mark, and one that is renewed below it."""

    def __init__(self, *, would: bool) -> None:
        self._would = would
        self._open = False
        self._counted = 0
        self._began = datetime.now().astimezone()

    def __call__(self, event: Event) -> None:
        """Show it in its place."""
        shown: dict[str, Callable[[Event], None]] = {
            "step-began": self._step,
            "step-done": self._done,
            "batch-ended": self._batch,
        }
        shown.get(event.what, self._other)(event)

    def _step(self, event: Event) -> None:
        self._counted, self._began = 0, datetime.now().astimezone()
        self._renew(f"{say.sign('now', sys.stderr)} {event.phase or '':<9} {mood(event, would=self._would)}")

    def _done(self, event: Event) -> None:
        took = (datetime.now().astimezone() - self._began).total_seconds()
        count = f"  {self._counted} acts" if self._counted > 1 else ""
        self._renew(f"{say.sign('ok', sys.stderr)} {event.phase or '':<9} {event.text}{count}  {took:.1f} s")
        self._end()
        self._counted, self._began = 0, datetime.now().astimezone()  # a step with nothing to do never begins

    def _batch(self, event: Event) -> None:
        self._counted += int(event.fields.get("actions", 0))
        took = max(0.001, (datetime.now().astimezone() - self._began).total_seconds())
        rate = f"  {self._counted / took:.0f}/s" if self._counted > 1 else ""
        sign = say.sign("now", sys.stderr)
        self._renew(
            f"{sign} {event.phase or '':<9} {mood(event, would=self._would)}  {self._counted} acts{rate}"
        )

    def _other(self, event: Event) -> None:
        keeps = event.what not in LOUD and event.what != "waiting"
        self._renew(f"  {event.text}")
        if keeps:
            self._end()

    def _renew(self, text: str) -> None:
        wide = shutil.get_terminal_size().columns - 1  # a line that wraps could not be taken back
        self._write(f"\r\x1b[2K{text[:wide]}")
        self._open = True

    def _end(self) -> None:
        if self._open:
            self._write("\n")
        self._open = False

    @staticmethod
    def _write(text: str) -> None:
        with suppress(OSError):  # a terminal that has gone hears nothing; the signal says so, too
            os.write(sys.stderr.fileno(), text.encode())


def mood(event: Event, *, would: bool) -> str:
    """What happened, or in a rehearsal what would have; what was looked at is so in either."""
    acted = event.what == "step-began" or (
        event.what == "batch-ended" and event.fields.get("kind") in WRITING
    )
    return f"would: {event.text}" if would and acted else event.text
