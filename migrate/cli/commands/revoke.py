"""`cnimigrate revoke`: close a gate again."""

from __future__ import annotations

import click

from migrate.cli import say
from migrate.cli.begun import whoami
from migrate.cli.bystander import beside, find_gate
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.engine import gates


@click.command("revoke")
@click.argument("gate")
@migration(positional=False, lenient=True)
@click.option("--note", metavar="TEXT", help="why")
def command(project: Project, gate: str, note: str | None) -> None:
    r"""Take the approvals of a gate back; a run that has passed it is not stopped by this (abort does that).

    \b
    cnimigrate revoke all/before-cutover --note "the network team asked to wait"
    """
    with beside(project) as (journal, progress):
        seen = find_gate(project, progress, gate)
        journal.append(
            [gates.event(seen, "revoked", note=note or "", **{**whoami(), "by": whoami()["user"]})]
        )
        passed = (
            " The run has passed it already; cnimigrate abort stops what is behind it." if seen.passed else ""
        )
        say.line(f"{seen.gate} is closed.{passed}")
