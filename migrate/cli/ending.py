"""What a finished run says at its end: how long, where the traffic is, what moved, what stays, what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from migrate.engine.undo import way_back
from migrate.model.ids import NO_BATCH, Phase, Side
from migrate.model.plan import Plan
from migrate.model.progress import Progress
from migrate.model.reasons import Why, patched
from migrate.steps.freeze_blue import FreezeBlue
from migrate.steps.ledger import read_ledger


def ending(plan: Plan, progress: Progress, *, real: bool) -> Iterator[str]:
    """The last lines of a run whose steps are all done; every figure is read from the journal."""
    traffic = ", ".join(f"{route} {green} % on green" for route, green in progress.weights().items())
    if traffic:
        yield f"  traffic  {traffic}"
    yield f"  objects  {_objects(progress)}"
    yield f"  took     {_durations(plan, progress)}" + ("" if real else "   (simulated time)")
    yield f"  blue     {_blue(progress)}"
    way = way_back(plan, progress, None)
    loss = f"; LOSES {way.one_way[0].one_way}" if way.one_way else ""
    yield f"  back     cnimigrate rollback: {way.acts} acts{loss}"
    yield "  next     keep blue until you trust green; cnimigrate export --out FILE keeps the evidence"


def _objects(progress: Progress) -> str:
    counts = progress.recorded("decisions")
    said = ", ".join(f"{count} {form}" for form, count in counts.items() if count)
    held = read_ledger(progress).held
    return (
        f"{said or 'none'}; all {len(held)} that were held or deferred are released"
        if held
        else said or "none"
    )


def _durations(plan: Plan, progress: Progress) -> str:
    ends = [progress.steps_done[s.batch, s.step] for s in plan.steps if progress.done(s.batch, s.step)]
    whole = _between(progress.began, max(ends, key=datetime.fromisoformat)) if ends else timedelta()
    parts = [
        f"{phase} {_spoken(took)}" for phase, took in _phases(plan, progress) if took >= timedelta(seconds=1)
    ]
    return f"{_spoken(whole)} from the first entry to the last" + (f": {', '.join(parts)}" if parts else "")


def _phases(plan: Plan, progress: Progress) -> Iterator[tuple[Phase, timedelta]]:
    """Each phase from its first act to its last step's end; waiting at a gate before it is no part of it."""
    for phase in Phase:
        steps = {(s.batch, s.step) for s in plan.steps if s.phase is phase}
        began = [
            i.at for i in progress.intents() if (i.batch, i.step) in steps and not i.undoes and not i.undone
        ]
        ended = [progress.steps_done[place] for place in steps if place in progress.steps_done]
        if began and ended:
            first, last = min(began, key=datetime.fromisoformat), max(ended, key=datetime.fromisoformat)
            yield phase, _between(first, last)


def _blue(progress: Progress) -> str:
    off = sum(
        patched(i.action, Why.REST) and i.action.params["side"] == Side.BLUE for i in progress.effects()
    )
    frozen = sum(patched(i.action, Why.PAUSE) for i in progress.standing(NO_BATCH, FreezeBlue.id))
    resting = f"{off} workloads that moved are off there" if off else "nothing is off there"
    paused = (
        f"{frozen} controllers stay paused, because blue must stay off" if frozen else "nothing stays paused"
    )
    return f"still there: {resting}, {paused}"


def _between(one: str, other: str) -> timedelta:
    return datetime.fromisoformat(other) - datetime.fromisoformat(one)


def _spoken(took: timedelta) -> str:
    seconds = round(took.total_seconds())
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
