"""`cnimigrate unlock`: take the Lease away from a runner that is dead."""

from __future__ import annotations

import click

from migrate.actions.lease import BlueLease
from migrate.cli import say
from migrate.cli.begun import whoami
from migrate.cli.bystander import beside, holding, remark
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.wiring import wired


@click.command("unlock")
@migration(lenient=True)
@click.option("--reason", required=True, metavar="TEXT", help="how you know that the runner is dead")
def command(project: Project, reason: str) -> None:
    r"""Begin a new epoch and delete the Lease in blue: whoever held it is fenced from then on.

    \b
    cnimigrate unlock --reason "ops1 burnt down"

    Beside a living runner of this machine this is refused (exit 40).
    """
    project.make_state()
    with holding(project, "unlocked"), wired(project) as live:
        taken = BlueLease.force(live.doors.blue, project.written.name)
        if project.journal.exists():
            with beside(project) as (journal, _):
                journal.take_over()
                journal.append([remark("unlock", reason=reason, lease=taken, by=whoami()["user"])])
    say.line(f"unlocked: {taken or 'there was no Lease'}")
