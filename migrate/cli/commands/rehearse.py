"""`cnimigrate rehearse`: the whole move on the simulated world, seeded from the real blue."""

from __future__ import annotations

import click

from migrate.cli.options import migration, output
from migrate.cli.project import Project
from migrate.cli.rehearsed import rehearsal
from migrate.cli.trial import on_server


@click.command("rehearse")
@migration()
@click.option("--server", is_flag=True, help="try each wave on green's own server, by dry runs, instead")
@output("text", "json")
def command(project: Project, output: str, *, server: bool) -> None:
    r"""Rehearse the whole move on a simulated world seeded from the real blue; writes nothing to any cluster.

    \b
    cnimigrate rehearse plan.yaml
    cnimigrate rehearse --server       (green stands: what its server would say to each object)

    Exit codes of --server: 0, 30 where green's server would refuse something, or green does not stand.
    """
    if server:
        on_server(project, output)
    else:
        rehearsal(project, output)
