"""Whether a Plan has been rehearsed to its end."""

from __future__ import annotations

from migrate.cli.project import Project
from migrate.engine import journal as journals
from migrate.engine.journal import Now
from migrate.errors import CnimigrateError
from migrate.model.plan import Plan
from migrate.model.progress import Progress


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
    from migrate.cli.wiring import SystemClock

    progress = rehearsal_of(project, SystemClock())
    if progress is None or progress.plan is None:
        return False
    done = all(progress.done(s.batch, s.step) for s in progress.plan.steps)
    return done and progress.plan.fingerprint == plan.fingerprint
