"""How a run looks while it goes on: phases on a terminal, a line a fact elsewhere, an event a line as JSON."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress

from migrate.cli import say, tables
from migrate.cli.begun import whoami
from migrate.cli.project import Project
from migrate.cli.wiring import Wired
from migrate.doors.clock import Clock
from migrate.engine.events import Event, Tell
from migrate.model.action_kinds import of_kind
from migrate.model.plan import Plan

PASSING = frozenset({"waiting", "watching", "acting"})
"""Events that say how it stands at this moment: the next one takes their place on a terminal."""


def head(live: Wired, project: Project, plan: Plan, run: str) -> None:
    """The first line of a run: what moves from where to where, and which run of which Plan this is."""
    blue, green = live.doors.blue.name, live.doors.green.name if live.real else project.written.name
    kind = "" if live.real else "   (simulated: no cluster is touched)"
    cni, who = plan.pinned["cni"], whoami()
    say.note(
        f"{plan.name}   blue ({blue}) {cni} {say.sign('next', sys.stderr)} green ({green}) calico"
        f"   run {run[:4]}   plan {plan.short} rev {plan.revision}   by {who['user']} on {who['host']}{kind}"
    )


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


QUIET = 10.0
"""Seconds for which a log may say nothing of a batch that goes on."""


class _Plain:
    """One line a fact with its time on stderr; no escape codes."""

    def __init__(self, clock: Clock, *, would: bool) -> None:
        self._clock = clock
        self._would = would
        self._counted = 0
        self._told = clock.now()

    def __call__(self, event: Event) -> None:
        """Print it, unless it only counts."""
        if event.what == "watching" and not event.fields.get("errors"):
            return
        if event.what == "acting" and (self._clock.now() - self._told).total_seconds() < QUIET:
            return
        if event.what == "batch-ended":
            self._counted += int(event.fields.get("actions", 0))
            if not event.text:
                return
        self._print(event)
        if event.what in {"step-began", "step-done"}:
            self._counted = 0  # a step that had nothing to do never began

    def _print(self, event: Event) -> None:
        self._told = self._clock.now()
        at = self._told.isoformat(timespec="seconds")
        where = "/".join(filter(None, (event.batch, event.step)))
        count = f" ({self._counted} acts)" if event.what == "step-done" and self._counted > 1 else ""
        say.note(f"{at} {event.what:<12} {where:<22} {mood(event, would=self._would)}{count}")


class _Terminal:
    """A line a step with its mark, and one that is renewed below it."""

    def __init__(self, *, would: bool) -> None:
        self._would = would
        self._open = False
        self._counted = 0
        self._began = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show it in its place."""
        match event.what:
            case "step-began":
                self._begin()
                self._fact("now", event)
            case "batch-ended":
                self._counted += int(event.fields.get("actions", 0))
                self._fact("now", event, *self._acts(f"{self._counted / max(0.001, self._took()):.0f}/s"))
            case "step-done":
                self._fact("ok", event, *self._acts(), f"{self._took():.1f} s", last=True)
                self._begin()  # a step that has nothing to do never says that it began
            case _:
                self._renew(f"  {mood(event, would=self._would)}", last=event.what not in PASSING)

    def _begin(self) -> None:
        self._counted, self._began = 0, time.monotonic()

    def _took(self) -> float:
        return time.monotonic() - self._began

    def _acts(self, *rate: str) -> tuple[str, ...]:
        """How many acts there were, and at which rate; one alone is told by its own words."""
        return (f"{self._counted} acts", *rate) if self._counted > 1 else ()

    def _fact(self, sign: str, event: Event, *figures: str, last: bool = False) -> None:
        """Show what a step came to, with its mark in front and figures behind."""
        said = f"{say.sign(sign, sys.stderr)} {event.phase or '':<9} {mood(event, would=self._would)}"
        self._renew("  ".join([said, *figures]), last=last)

    def _renew(self, text: str, *, last: bool = False) -> None:
        """Put a line in the place of the one that is renewed; the `last` one stays, and what follows goes below it.

        The cursor is left below the line, so that whatever ends a run is said on a line of its own.
        """
        wide = shutil.get_terminal_size().columns - 1  # a line that wraps could not be taken back
        up = "\x1b[A" if self._open else ""
        below = "\x1b[K"  # where a terminal shows the ^C that was typed
        with suppress(OSError):  # a terminal that has gone hears nothing; the signal says so, too
            shown = f"{up}\r\x1b[2K{say.printable(text)[:wide]}\n{below}"
            os.write(sys.stderr.fileno(), shown.encode())
        self._open = not last


def mood(event: Event, *, would: bool) -> str:
    """What happened, or in a rehearsal what would have; what was looked at is so in either."""
    acted = event.what == "step-began" or (
        event.what == "batch-ended" and of_kind(str(event.fields.get("kind"))).writes
    )
    text = tables.one_line(event.text)
    return f"would: {text}" if would and acted else text
