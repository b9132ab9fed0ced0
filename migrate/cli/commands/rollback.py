"""`cnimigrate rollback`: walk done steps backwards."""

from __future__ import annotations

from itertools import chain

import click

from migrate.actions.notes import left
from migrate.actions.retain import Keeping, kept
from migrate.cli import say
from migrate.cli.begun import require_begun
from migrate.cli.bystander import beside
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.screen import listener
from migrate.cli.session import Session, begun_plan, session
from migrate.cli.wiring import wired
from migrate.engine.undo import WayBack, roll_back, way_back
from migrate.errors import DoorError, Stopped, UsageError
from migrate.model.ids import Phase
from migrate.model.plan import PlannedStep
from migrate.steps.ledger import read_ledger
from migrate.steps.move_writers import MoveWriters


@click.command("rollback")
@migration()
@click.option("--batch", help="the batch (this release has one)")
@click.option(
    "--to",
    "to",
    type=click.Choice([p.value for p in Phase]),
    help="stand at the end of this phase [before all]",
)
@click.option("--dry-run", is_flag=True, help="show the way back, and take no step of it")
@click.option("--accept-data-loss", is_flag=True, help="go back over a point of no return")
def command(
    project: Project, batch: str | None, to: str | None, *, dry_run: bool, accept_data_loss: bool
) -> None:
    r"""Take back what was done, newest first, by what the journal recorded.

    \b
    cnimigrate rollback --dry-run
    cnimigrate rollback --to replay
    """
    _ = batch
    phase = Phase(to) if to else None
    if dry_run:
        with beside(project) as (_, progress):
            if progress.plan is None:
                message = "nothing was begun"
                raise UsageError(message)
            show(way_back(progress.plan, progress, phase), would=True)
        return
    require_begun(project)
    with wired(project, installing=False) as live:
        tell = listener("text", live.doors.clock)
        with session(project, live, tell, begun_plan(project, live)) as opened:
            opened.acting.settle()  # what turns out to stand is on the way back, too
            way = way_back(opened.plan, opened.scene.progress, phase)
            try:
                roll_back(
                    way,
                    opened.acting,
                    opened.plan,
                    accept_data_loss=accept_data_loss,
                    guard=lambda planned: _insist_on_blue(opened, planned),
                    securing=Keeping(opened.scene.doors, opened.scene.progress, opened.scene.run),
                )
            except DoorError as error:
                raise opened.acting.lost(error) from error
            kept_volumes = tuple(kept(opened.scene.progress))
            notes = tuple(chain(*left(opened.scene.progress).values()))
    show(way, would=False)
    for volume in kept_volumes:
        say.line(volume)
    if kept_volumes:
        say.line("what keeps its data stays, and costs what it costs, until you delete it")
    for note in notes:
        say.line(note)


def _insist_on_blue(opened: Session, planned: PlannedStep) -> None:
    """Refuse to take green's workloads away while clients are there: a hand, or a person, may have turned them."""
    if planned.step == MoveWriters.id:
        routes = read_ledger(opened.scene.progress).switched()
    elif planned.phase in {Phase.START, Phase.REPLAY, Phase.BUILD}:
        routes = opened.scene.doors.traffic.routes()
    else:
        return
    for route in routes:
        share = opened.scene.doors.traffic.read(route)
        if share.green:
            message = (
                f"{route} has {share.green} % of its traffic on green, so {planned.title} is not taken back"
            )
            raise Stopped(
                message, remedy="Put the traffic back first: cnimigrate abort; then rollback again."
            )


def show(way: WayBack, *, would: bool) -> None:
    """Say what is, or was, taken back."""
    for planned, intents in way.steps:
        acts = sum(i.action.inverse is not None for i in intents)
        loss = f"   LOSES: {planned.one_way}" if planned.one_way and intents else ""
        say.line(
            f"{'would go' if would else 'went'} back over {planned.step:<18} {acts:>6} acts   {planned.undo}{loss}"
        )
    if not way.steps:
        say.line("there is nothing to go back over")
