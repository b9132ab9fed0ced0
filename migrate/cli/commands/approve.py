"""`cnimigrate approve`: open a gate, from any terminal."""

from __future__ import annotations

import getpass

import click

from migrate.cli import say
from migrate.cli.bystander import beside, find_gate
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.session import whoami
from migrate.engine import gates
from migrate.errors import Stopped


@click.command("approve")
@click.argument("gate")
@migration(positional=False, lenient=True)
@click.option("--by", "by", metavar="NAME", help="who approves [your login]")
@click.option("--ticket", metavar="ID", help="the change's number")
@click.option("--note", metavar="TEXT", help="what else to write down")
def command(project: Project, gate: str, by: str | None, ticket: str | None, note: str | None) -> None:
    r"""Approve a gate as it stands now: this Plan, these verdicts, nothing later.

    \b
    cnimigrate approve all/before-cutover --by ana --ticket CHG-1234
    """
    with beside(project) as (journal, progress):
        seen = find_gate(project, progress, gate)
        if seen.passed:
            say.line(f"{seen.gate} has been passed already")
            return
        if not any(e.event == "reached" for e in progress.gate_events(seen.gate)):
            message = f"{seen.gate} has not been reached: there is nothing to judge yet"
            raise Stopped(message, remedy="cnimigrate run stops there and says so.")
        name = by or getpass.getuser()
        extra = {k: v for k, v in (("ticket", ticket), ("note", note)) if v}
        journal.append([gates.event(seen, "approved", by=name, **extra, **whoami())])
        progress.feed(journal.entries(after=progress.last.seq if progress.last else 0))
        now = find_gate(project, progress, gate)
        say.line(f"{seen.gate} approved by {name}: plan {seen.fingerprint[:6]}, verdicts {seen.verdicts[:6]}")
        say.line("it is open: cnimigrate run goes on" if now.open else f"it still {now.missing}")
