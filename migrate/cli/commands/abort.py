"""`cnimigrate abort`: the red button."""

from __future__ import annotations

import sys

import click

from migrate.cli import say
from migrate.cli.aborting import abort
from migrate.cli.bystander import beside
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.errors import FailedMidway


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
    with wired(project) as live, beside(project) as (journal, progress):
        ended = abort(project, live, journal, progress)
    for line in ended.lines:
        say.line(line)
    if ended.failed:
        message = "not all traffic is back on blue: " + "; ".join(ended.failed)
        raise FailedMidway(
            message, remedy="Put it back by hand: runbooks' without-the-tool sheet has the commands."
        )
    if ended.writers:
        say.note(
            f"{say.sign('bad', sys.stderr)} {ended.writers} workloads have moved to green and are off on blue; "
            "bring them back with cnimigrate rollback --to verify --accept-data-loss"
        )
