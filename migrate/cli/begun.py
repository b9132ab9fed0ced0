"""A migration that was begun: its journal, opened without what a run needs besides.

Kept apart from the session, so that `status` imports no step, no door and nothing of Kubernetes.
"""

from __future__ import annotations

import getpass
import os
import socket

from migrate.cli.project import Project
from migrate.engine import journal as journals
from migrate.engine.journal import Journal, Now
from migrate.errors import PlanMismatch, UsageError
from migrate.model.entry import EntryKind
from migrate.model.plan import Plan
from migrate.model.progress import Progress


def whoami() -> dict[str, object]:
    """Who runs this: OS user, host and process."""
    return {"user": getpass.getuser(), "host": socket.gethostname(), "pid": os.getpid()}


def require_begun(project: Project) -> None:
    """Raise UsageError where a migration has no journal: what goes on with a run must not begin one."""
    if not project.journal.exists():
        message = f"{project.written.name} has not been begun: there is no journal in {project.state}"
        raise UsageError(message, remedy="Begin it with cnimigrate run, or name its state: --state DIR")


def open_journal(project: Project, clock: Now) -> tuple[Journal, Progress]:
    """Open the journal of a migration that was begun; raises UsageError where none was."""
    require_begun(project)
    journal = journals.open_(project.journal, clock)
    progress = Progress(journal.entries())
    _insist_on_name(project, progress)
    return journal, progress


def plan_begun(project: Project, clock: Now) -> Plan | None:
    """The Plan that a migration goes by, None where nothing was composed yet; raises UsageError where none was begun.

    A big journal takes seconds to read, and whoever goes on from here reads it whole: for comparing, the entries of its
    beginning do.
    """
    require_begun(project)
    with journals.open_(project.journal, clock) as journal:
        progress = Progress(journal.of_kinds(EntryKind.RUN, EntryKind.REVISION))
    _insist_on_name(project, progress)
    return progress.plan


def _insist_on_name(project: Project, progress: Progress) -> None:
    if progress.migration and progress.migration != project.written.name:
        message = (
            f"{project.journal} is the journal of migration {progress.migration}, not {project.written.name}"
        )
        raise PlanMismatch(message, remedy="Give the state directory of this migration: --state DIR")
