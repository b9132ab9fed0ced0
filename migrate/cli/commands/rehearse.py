"""`cnimigrate rehearse`: the whole move on the simulated world, seeded from the real blue."""

from __future__ import annotations

import click

from migrate.cli.options import migration, output
from migrate.cli.project import Project
from migrate.cli.rehearsed import rehearsal


@click.command("rehearse")
@migration()
@output("text", "json")
def command(project: Project, output: str) -> None:
    r"""Rehearse the whole move on a simulated world seeded from the real blue; writes nothing to any cluster.

    \b
    cnimigrate rehearse plan.yaml
    """
    rehearsal(project, output)
