"""`cnimigrate abort`: the red button."""

from __future__ import annotations

import sqlite3
import sys

import click

from migrate.cli import say
from migrate.cli.aborting import Aborted, abort, turn_back
from migrate.cli.bystander import beside
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.wiring import turning
from migrate.engine.signals import Stop, listening
from migrate.errors import (
    CnimigrateError,
    FailedMidway,
    JournalDamaged,
    PlanMismatch,
    StateNotWritable,
    UsageError,
)


@click.command("abort")
@migration(lenient=True)
@click.option("--batch", help="the batch (this release has one)")
def command(project: Project, batch: str | None) -> None:
    r"""Put all traffic back to blue at once, from any terminal, over any lock; a living runner is fenced (exit 41).

    \b
    cnimigrate abort plan.yaml

    Workloads stay where they are: what was moved by before-writers goes back with cnimigrate rollback.
    """
    _ = batch
    with listening(Stop(_goes_on)), turning(project) as (traffic, clock):
        try:
            with beside(project) as (journal, progress):
                ended = abort(project, traffic, clock, journal, progress)
        except (CnimigrateError, OSError, sqlite3.Error) as error:
            # whoever presses this needs the traffic back, not a journal; a runner that cannot write acts no more
            _show(turn_back(traffic))
            raise _unwritten(error) from error
    _show(ended)
    if ended.writers:
        say.note(
            f"{say.sign('bad', sys.stderr)} {ended.writers} workloads have moved to green and are off on blue; "
            "bring them back with cnimigrate rollback --to verify --accept-data-loss"
        )


def _unwritten(error: Exception) -> CnimigrateError:
    """The error that kept the abort from being journalled, after the traffic went back all the same."""
    said = "the traffic was put back without being journalled, because "
    if isinstance(error, JournalDamaged | PlanMismatch | UsageError):
        return type(error)(f"{said}{error.message}", remedy=error.remedy.removeprefix("Nothing was done. "))
    remedy = "Mend it; the runner, if one lives, stops at its next look."
    return StateNotWritable(f"{said}{error}", remedy=remedy)


def _show(ended: Aborted) -> None:
    """Say where every route is now; raises FailedMidway where one could not be put back."""
    for line in ended.lines:
        say.line(line)
    if ended.failed:
        message = "not all traffic is back on blue: " + "; ".join(ended.failed)
        raise FailedMidway(
            message,
            remedy="Put it back by hand: the runbook's sheet for the day without the tool has the commands.",
        )


def _goes_on(name: str) -> None:
    say.note(f"{name}: the abort goes on, it takes seconds; once more stops it at once")
