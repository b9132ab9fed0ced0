"""`cnimigrate run`: carry the move out, or go on with it."""

from __future__ import annotations

import sys

import click

from migrate.cli import say
from migrate.cli.bystander import remark
from migrate.cli.ending import ending
from migrate.cli.options import migration, output
from migrate.cli.project import Project
from migrate.cli.rehearsed import rehearsal, rehearsed
from migrate.cli.screen import head, listener
from migrate.cli.session import composed_glancing, session
from migrate.cli.wiring import Wired, wired
from migrate.engine.runner import Until
from migrate.errors import Stopped, UsageError
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import GateName, Phase
from migrate.model.plan import Plan
from migrate.planning.compose import batch_of, gate_specs

GATES = ("before-replay", "before-start", "before-cutover", "before-full", "before-writers")


def until_of(text: str | None) -> Until | None:
    """Read `--until`: a phase to end with, or a gate to stop before."""
    if text is None:
        return None
    if text in GATES:
        return Until(gate=GateName(text))
    if text in {p.value for p in Phase}:
        return Until(phase=Phase(text))
    message = f"--until {text}: neither a phase nor a gate"
    raise UsageError(message, remedy=f"Write one of: {', '.join([*(p.value for p in Phase), *GATES])}")


@click.command("run")
@migration()
@output("text", "json")
@click.option("--batch", help="the batch to move (this release has one)")
@click.option("--until", metavar="PHASE-or-GATE", help="end with this phase, or before this gate")
@click.option("--wait", is_flag=True, help="wait at a closed gate instead of leaving with exit 20")
@click.option("--yes", is_flag=True, help="do not ask for the migration's name")
@click.option("--no-rehearsal", metavar="REASON", help="run real clusters without a rehearsal of this Plan")
@click.option(
    "--accept-deletions",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="so many objects that this run made may go from green, as blue has them no more",
)
@click.option("--dry-run", is_flag=True, help="the same as cnimigrate rehearse")
def command(
    project: Project,
    output: str,
    batch: str | None,
    until: str | None,
    *,
    wait: bool,
    yes: bool,
    no_rehearsal: str | None,
    accept_deletions: int | None,
    dry_run: bool,
) -> None:
    r"""Carry the move out; run the same command again to go on after anything.

    Until the cutover begins, each run also brings over what has changed on blue since (cnimigrate plan --delta).

    \b
    cnimigrate run plan.yaml                       up to the next closed gate
    cnimigrate run plan.yaml --until before-cutover
    cnimigrate run plan.yaml --wait                waits at gates for cnimigrate approve
    """
    if dry_run:
        rehearsal(project, output)
        return
    if batch is not None and batch != batch_of(project.migration):
        message = f"--batch {batch}: there is one batch, {batch_of(project.migration)}"
        raise UsageError(message, remedy="Leave --batch out.")
    end = until_of(until)
    with wired(project) as live:
        plan, blue = composed_glancing(project, live)
        fresh = not project.journal.exists()
        if live.real and fresh:
            _insist(project, live, plan, no_rehearsal, yes=yes)
        tell = listener(output, live.doors.clock)
        with session(project, live, tell, plan, blue=blue, deletions=accept_deletions or 0) as opened:
            if no_rehearsal and fresh:
                opened.acting.write(
                    [Draft(EntryKind.REMARK, {"what": "no rehearsal", "reason": no_rehearsal})]
                )
            if accept_deletions:
                opened.acting.write([remark("deletions accepted", number=accept_deletions)])
            if output == "text":
                head(live, project, opened.plan, opened.scene.run)
            done = opened.run(end, gate_specs(project.migration.gates), wait=wait)
        if output != "text":
            return
        if not done:
            where = "before" if end is not None and end.gate is not None else "after"
            say.line(f"stopped {where} {until}, as asked; cnimigrate run goes on")
            return
        say.line(f"{say.sign('ok')} done: {opened.plan.name} has moved")
        for line in ending(opened.plan, opened.scene.progress, real=live.real):
            say.line(line)


def _insist(project: Project, live: Wired, plan: Plan, no_rehearsal: str | None, *, yes: bool) -> None:
    """Ask for a rehearsal of this very Plan, and for the migration's name, before real clusters are touched."""
    if no_rehearsal is None and not rehearsed(project, plan):
        message = f"plan {plan.short} has not been rehearsed"
        raise Stopped(message, remedy="cnimigrate rehearse; or cnimigrate run --no-rehearsal REASON")
    if yes:
        return
    if not sys.stdin.isatty():
        message = "a run on real clusters asks for the migration's name, and there is no terminal to ask at"
        raise UsageError(message, remedy="Add --yes.")
    say.note(
        f"This moves blue ({live.doors.blue.name}) to green, plan {plan.short}: {len(plan.steps)} steps."
    )
    if click.prompt("Type the migration's name to begin", err=True) != plan.name:
        message = "that is not the migration's name; nothing was begun"
        raise UsageError(message)
