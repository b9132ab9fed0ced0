"""What commands beside a run share: the journal with a living runner or without, and rows that name their writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from migrate.cli.begun import open_journal, require_begun, whoami
from migrate.cli.project import Project
from migrate.engine import gates
from migrate.engine import lock as locks
from migrate.engine.journal import Journal
from migrate.errors import UsageError
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import NO_BATCH, BatchName, GateName
from migrate.model.migration import GateSpec
from migrate.model.progress import Progress
from migrate.planning.compose import batch_of, gate_specs


class LocalClock:
    """This machine's time, for rows that a person writes; a simulated run's own rows tell simulated time."""

    def now(self) -> datetime:
        """The time in the local zone."""
        return datetime.now(UTC).astimezone()


@contextmanager
def beside(project: Project) -> Iterator[tuple[Journal, Progress]]:
    """Open the journal of a run that may be alive elsewhere."""
    journal, progress = open_journal(project, LocalClock())
    with journal:
        yield journal, progress


@contextmanager
def holding(project: Project, doing: str) -> Iterator[None]:
    """Hold the local lock; who would run meanwhile is told `doing`. Raises LockHeld naming who has it."""
    since = LocalClock().now().isoformat(timespec="seconds")
    with locks.held(project.lock, {**whoami(), "since": since, "doing": doing}):
        yield


@contextmanager
def alone(project: Project, doing: str) -> Iterator[tuple[Journal, Progress]]:
    """Open the journal of a run that nobody is carrying out, and keep it so: who runs meanwhile is told `doing`.

    Raises LockHeld naming who has the lock, UsageError where nothing was begun.
    """
    require_begun(project)
    with holding(project, doing), beside(project) as opened:
        yield opened


def find_gate(project: Project, progress: Progress, name: str) -> gates.GateView:
    """Look at a gate by its id, or by its name alone; raises UsageError for an unknown one."""
    batch_text, _, gate = name.rpartition("/")
    batch = batch_of(project.migration)
    specs = gate_specs(project.migration.gates)
    if gate not in specs or batch_text not in {"", batch}:
        message = f"there is no gate {name}"
        raise UsageError(message, remedy=f"Write one of: {', '.join(f'{batch}/{g}' for g in specs)}")
    spec = specs[gate] or GateSpec(mode="approval")
    return gates.view(progress, batch, GateName(gate), spec, LocalClock().now())


def remark(what: str, **data: object) -> Draft:
    """Draft the row for what a person did or decided, with who it was."""
    return Draft(EntryKind.REMARK, {"what": what, **data, **whoami()}, BatchName(NO_BATCH))
