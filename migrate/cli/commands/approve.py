"""`cnimigrate approve`: open a gate, from any terminal."""

from __future__ import annotations

import getpass

import click

from migrate.cli import say
from migrate.cli.begun import whoami
from migrate.cli.bystander import beside, find_gate, remark
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.engine import gates
from migrate.errors import Stopped, UsageError
from migrate.model.ids import RouteName


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
    if gate.startswith("weight "):
        _acknowledge(project, gate, by or getpass.getuser())
        return
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


def _acknowledge(project: Project, gate: str, name: str) -> None:
    """Take a person's word that a route was turned by hand: `weight ROUTE PERCENT`."""
    from migrate.cutovers.manual import ManualTraffic

    words = gate.split()
    with wired(project) as live, beside(project) as (journal, _):
        traffic = live.doors.traffic
        if not isinstance(traffic, ManualTraffic) or len(words) != 3 or not words[2].isdigit():
            message = f"{gate!r} is nothing that a person turns here"
            raise UsageError(
                message, remedy='With cutover.kind manual: cnimigrate approve "weight ROUTE PERCENT"'
            )
        traffic.acknowledge(RouteName(words[1]), int(words[2]))
        journal.append([remark("turned by hand", gate=gate, by=name)])
    say.line(f"{words[1]}: {words[2]} % on green, by the word of {name}; cnimigrate run goes on")
