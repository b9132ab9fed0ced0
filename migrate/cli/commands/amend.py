"""`cnimigrate amend`: a new revision after the file changed."""

from __future__ import annotations

import sys

import click

from migrate.cli import say
from migrate.cli.bystander import beside, remark
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.session import compose
from migrate.cli.wiring import wired
from migrate.engine import lock
from migrate.errors import LockHeld, UsageError
from migrate.model.entry import Draft, EntryKind
from migrate.planning.compose import amended, changes


@click.command("amend")
@migration()
@click.option("--yes", is_flag=True, help="do not ask")
def command(project: Project, *, yes: bool) -> None:
    r"""Show what differs between the file and the approved Plan, and record it as a new revision.

    \b
    cnimigrate amend

    rules, hold, start, gates, ramp and window may change; approvals given on the former revision are void.
    """
    if lock.is_held(project.lock):
        message = "the runner is alive"
        raise LockHeld(message, remedy="Stop it at a border with Ctrl-C, then amend.")
    with wired(project) as live, beside(project) as (journal, progress):
        if progress.plan is None:
            message = "nothing was begun, so there is nothing to amend"
            raise UsageError(message, remedy="cnimigrate run takes the file as it is.")
        composed, _ = compose(project, live)
        fresh = amended(progress.plan, composed)
        different = changes(progress.plan, composed)
        if not different:
            say.line(f"the file is as revision {progress.plan.revision} has it")
            return
        for line in different:
            say.line(f"  {line}")
        if not yes:
            if not sys.stdin.isatty():
                message = "amend asks before it records, and there is no terminal to ask at"
                raise UsageError(message, remedy="Add --yes.")
            click.confirm(
                f"Record revision {fresh.revision}? Approvals given before become void.", abort=True, err=True
            )
        journal.append(
            [remark("amend", changes=list(different)), Draft(EntryKind.REVISION, {"plan": fresh.as_json()})]
        )
        say.line(f"revision {fresh.revision}, plan {fresh.short}; cnimigrate run goes on")
