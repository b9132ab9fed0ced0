"""`cnimigrate runbook`: the documents that a change board reads."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from migrate import __version__
from migrate.cli import say
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.rehearsed import rehearsal_of
from migrate.cli.wiring import SystemClock, staged, written_name
from migrate.errors import Stopped, UsageError
from migrate.model.progress import Progress
from migrate.planning import compose as composing
from migrate.runbook import Origin, Source, render, stale
from migrate.steps.ledger import LEDGER


@click.command("runbook")
@migration(lenient=True)
@click.option(
    "--recorded",
    metavar="FILE",
    help="rehearse on this recorded blue, and render from that: a file, a directory of them, or a snapshot",
)
@click.option(
    "--dir", "directory", metavar="DIR", default="runbooks", show_default=True, help="where to write"
)
@click.option(
    "--templates", metavar="DIR", help="templates that take the place of ours (NAME.md.j2), or are more"
)
@click.option("--check", is_flag=True, help="write nothing; exit 30 where what lies there is stale")
def command(
    project: Project, recorded: str | None, directory: str, templates: str | None, *, check: bool
) -> None:
    r"""Render the runbook, the back-out, the change request, go or no-go, and the sheet for a day without this tool.

    \b
    cnimigrate runbook                             from this project's journal, or its latest rehearsal
    cnimigrate runbook plan.yaml --recorded blue.yaml --dir runbooks/
    cnimigrate runbook plan.yaml --recorded blue.yaml --dir runbooks/ --check

    The documents go to DIR/NAME. Exit codes: 0 done, 2 usage, 30 stale (with --check) or a check of the rehearsal.
    """
    own = _directory(templates) if templates else None
    source = rehearsed_on(project, Path(recorded)) if recorded else of_project(project)
    texts = render(source, own)
    place = Path(directory) / project.written.name
    if check:
        _insist_fresh(place, texts)
        say.line(f"{place}: {len(texts)} documents are fresh")
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{place} cannot be written: {error.strerror or error}"
        raise UsageError(message, remedy="Name a directory that you may write: --dir DIR") from error
    for name in texts:
        say.line(str(place / name))


def rehearsed_on(project: Project, recording: Path) -> Source:
    """Rehearse a migration file on a recorded blue, in a temporary world and without network."""
    with tempfile.TemporaryDirectory(prefix="cnimigrate-") as place:
        return _staged(_for_the_stage(project, Path(place)), recording)


def of_project(project: Project) -> Source:
    """What this project's own journal tells: of its run, else of its latest rehearsal; raises UsageError without either."""
    rehearsal = rehearsal_of(project, SystemClock())
    run = _run_of(project)
    if run is not None:
        simulated = project.written.blue.simulated is not None
        origin = Origin.SIMULATED if simulated else Origin.RUN
        progress = run
    elif rehearsal is not None and rehearsal.plan is not None:
        progress, origin, rehearsal = rehearsal, Origin.REHEARSAL, None
    else:
        message = (
            f"{project.written.name} has neither been rehearsed nor begun: no journal in {project.state}"
        )
        raise UsageError(
            message, remedy="cnimigrate rehearse; or name its state: --state DIR; or give --recorded FILE"
        )
    plan = progress.plan
    assert plan is not None  # both were looked at above
    if rehearsal is not None and (rehearsal.plan is None or rehearsal.plan.base != plan.base):
        rehearsal = None  # of another Plan: it says nothing of this one
    install = project.written.green.calico.install
    return Source(
        project.written,
        plan,
        progress,
        origin,
        written_name(project.written),
        __version__,
        ledger=_ledger(progress) or (_ledger(rehearsal) if rehearsal else {}),
        rehearsal=rehearsal,
        stand_in=not install.source and project.written.blue.simulated is not None,
    )


def _staged(project: Project, recording: Path) -> Source:
    from migrate.cli.session import session
    from migrate.engine.events import quiet
    from migrate.steps.assess_sides import look
    from migrate.steps.registry import planned_steps
    from migrate.steps.sides import facts_of

    project.make_state()
    with staged(project, recording) as stage:
        _, facts = facts_of(stage.doors.blue)
        batch = composing.batch_of(project.migration)
        # green's UID is left out: the one that stands on the stage is nobody's
        plan = composing.compose(project.written, planned_steps(batch), facts, green_uid="", digests={})
        with session(project, stage, quiet, plan) as opened:
            _, _, findings = look(opened.scene)
            opened.rehearse()
            return Source(
                project.written,
                opened.plan,
                opened.scene.progress,
                Origin.RECORDED,
                stage.doors.blue.name,
                __version__,
                ledger=_ledger(opened.scene.progress),
                facts=facts,
                findings=findings,
                stand_in=True,
            )


def _for_the_stage(project: Project, place: Path) -> Project:
    """The project with its state elsewhere, and without what only the operator's machine has."""
    migration = project.migration
    # the stand-in is a manifest install; the operator's key for Secrets is not here
    install = migration.green.calico.install.model_copy(update={"kind": "manifest"})
    calico = migration.green.calico.model_copy(update={"install": install})
    green = migration.green.model_copy(update={"calico": calico})
    snapshot = migration.snapshot.model_copy(update={"secrets_key": None})
    changed = migration.model_copy(update={"green": green, "snapshot": snapshot})
    return replace(project, migration=changed, state=place / "state")


def _run_of(project: Project) -> Progress | None:
    from migrate.cli.bystander import beside

    if not project.journal.exists():
        return None
    with beside(project) as (_, progress):
        return progress if progress.plan is not None else None


def _ledger(progress: Progress) -> Mapping[str, Any]:
    return progress.recorded(LEDGER)


def _directory(templates: str) -> Path:
    place = Path(templates)
    if not place.is_dir():
        message = f"--templates: {templates} is no directory"
        raise UsageError(message, remedy="Name a directory with files such as runbook.md.j2.")
    return place


def _insist_fresh(place: Path, texts: Mapping[str, str]) -> None:
    found = {
        name: (place / name).read_text(encoding="utf-8") if (place / name).exists() else None
        for name in texts
    }
    old = stale(texts, found)
    if old:
        raise Stopped(
            f"stale in {place}: {', '.join(old)}",
            remedy="Render them again: the same command without --check.",
        )
