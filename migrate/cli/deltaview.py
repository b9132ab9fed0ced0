"""`cnimigrate plan --delta`: what the next run would bring over from blue, shown; reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from migrate.cli import tables
from migrate.cli.begun import open_journal, require_begun
from migrate.cli.looking import looking, scene_of
from migrate.cli.project import Project
from migrate.engine.again import not_begun
from migrate.errors import UsageError
from migrate.model.ids import Phase
from migrate.model.progress import Progress
from migrate.steps.base import CUTOVER
from migrate.steps.delta import Upcoming, upcoming


def delta(project: Project) -> tuple[Upcoming, bool]:
    """Ask both clusters; also whether a run would bring it over still. Raises UsageError where nothing was replayed."""
    require_begun(project)
    with looking(project) as doors:
        journal, progress = open_journal(project, doors.doors.clock)
        with journal:
            followed = _insist_on_replay(progress)
            scene = scene_of(project, doors, progress, run=progress.run, key=journal.key)
            return upcoming(scene), followed


def _insist_on_replay(progress: Progress) -> bool:
    plan = progress.plan
    replayed = plan is not None and any(
        any(True for _ in progress.standing(s.batch, s.step)) for s in plan.steps if s.phase is Phase.REPLAY
    )
    if plan is None or not replayed:
        message = "--delta: nothing was replayed yet, so there is nothing to hold blue against"
        raise UsageError(message, remedy="cnimigrate plan --objects lists what the replay will write.")
    return not_begun(plan, progress, CUTOVER)


def document(found: Upcoming, *, followed: bool) -> dict[str, Any]:
    """The delta as one JSON document."""
    return {
        "followed": followed,
        "counts": dict(Counter(change.act for change in found.changes)),
        "changes": [change.as_json() for change in found.changes],
        "stops": [verdict.as_json() for verdict in found.stops],
    }


def lines(found: Upcoming, *, followed: bool) -> Iterator[str]:
    """The delta in lines for a person."""
    counts = Counter(change.act for change in found.changes)
    said = ", ".join(f"{number} to {act}" for act, number in counts.items())
    yield f"delta since the replay: {said or 'nothing'}"
    for change in found.changes:
        wave = f"wave {change.wave}" if change.wave else ""
        yield f"  {change.act:<7} {wave:<8} {change.ref}: {tables.one_line(change.what)}"
    for verdict in found.stops:
        yield f"would stop: {tables.one_line(verdict.evidence)}"
        yield f"  {tables.one_line(verdict.remedy)}"
    if not followed:
        yield "the cutover has begun: a run brings nothing over any more (cnimigrate rollback --to verify opens it again)"
