"""The rehearsal of a move: carry it out on the simulated world, and tell afterwards whether a Plan had one."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from migrate.cli import say
from migrate.cli.project import Project
from migrate.cli.screen import head, listener
from migrate.cli.session import Session, compose, session
from migrate.cli.wiring import SystemClock, rehearsing, wired
from migrate.engine import journal as journals
from migrate.engine.journal import Now
from migrate.errors import CnimigrateError
from migrate.model.action_kinds import of_kind
from migrate.model.plan import Plan
from migrate.model.progress import Progress
from migrate.planning.grades import grade


def rehearsal(project: Project, output: str) -> None:
    """Rehearse: same file, same kinds, simulated doors; gates open by themselves and say that they would wait."""
    project.make_state()
    with _uncollected(), wired(project) as live:
        plan = compose(project, live)
        with rehearsing(project, live) as stage:
            staged = replace(project, state=project.rehearsal)
            tell = listener(output, stage.doors.clock, would=True)
            with session(staged, stage, tell, plan) as opened:
                if output == "text":
                    head(stage, project, opened.plan, opened.scene.run)
                opened.rehearse()
                _sum(opened, output, real=live.real)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles: of a big blue a rehearsal makes millions of objects and none worth the looking."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _sum(opened: Session, form: str, *, real: bool) -> None:
    """The grade of every step, and what would have been done."""
    progress = opened.scene.progress
    rows = []
    for planned in opened.plan.steps:
        acts = progress.standing(planned.batch, planned.step)
        written = sum(of_kind(i.action.kind).writes for i in acts)
        rows.append(
            {
                "phase": planned.phase.value,
                "step": planned.step,
                "writes": written,
                "grade": grade(planned.step, real=real),
            }
        )
    if form == "json":
        say.document({"plan": opened.plan.fingerprint, "steps": rows}, "json")
        return
    say.line(f"rehearsed plan {opened.plan.short} to its end; nothing was changed")
    for row in rows:
        say.line(f"  {row['phase']:<9} {row['step']:<18} would write {row['writes']:>6}   {row['grade']}")
    decided = progress.recorded("decisions")
    if decided:
        counts = ", ".join(f"{count} {form}" for form, count in decided.items())
        say.line(f"objects of blue: {counts}")
    say.line("durations: no measurement (time was simulated)")


def rehearsal_of(project: Project, clock: Now) -> Progress | None:
    """What the latest rehearsal's journal adds up to; None where there is none that can be read."""
    path = project.rehearsal / "journal.db"
    if not path.exists():
        return None
    try:
        with journals.open_(path, clock) as journal:
            return Progress(journal.entries())
    except CnimigrateError:
        return None


def rehearsed(project: Project, plan: Plan) -> bool:
    """Whether the latest rehearsal was of this very Plan and came to its end."""
    progress = rehearsal_of(project, SystemClock())
    if progress is None or progress.plan is None:
        return False
    done = all(progress.done(s.batch, s.step) for s in progress.plan.steps)
    return done and progress.plan.fingerprint == plan.fingerprint
