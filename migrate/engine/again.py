"""Steps that are done again: until a later step has begun, a run takes what has changed since along.

A step that recurs is asked in every run what there is to do. Where there is nothing, nothing is journalled, and what was
approved stands. Where there is something it is opened again, durably and before the first act, and with it the steps that
judge what it writes: a run that is killed in between finds them open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from migrate.engine.step import Step
from migrate.model.action import Action
from migrate.model.action_kinds import Delta, of_kind
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import BatchName, StepId
from migrate.model.plan import Plan, PlannedStep
from migrate.model.progress import Progress


def recurring(plan: Plan, steps: Mapping[StepId, Step], progress: Progress) -> frozenset[PlannedStep]:
    """The steps of a Plan that are done again in this run, as far as there is something to do."""
    open_: dict[StepId, bool] = {}
    found = []
    for planned in plan.steps:
        step = steps.get(planned.step)
        until = step.again_until if step is not None and step.version == planned.version else None
        if until is not None:
            if until not in open_:
                open_[until] = not_begun(plan, progress, until)
            if open_[until]:
                found.append(planned)
    return frozenset(found)


def not_begun(plan: Plan, progress: Progress, until: StepId) -> bool:
    """Whether a step is not done, and nothing that comes after it is or stands.

    The red button opens the cutover again, and leaves the workloads that have moved where they are.
    """
    places = [(planned.batch, planned.step) for planned in plan.steps]
    first = next((at for at, (_, step) in enumerate(places) if step == until), len(places))
    later = frozenset(places[first + 1 :])
    if any(progress.done(*place) for place in places[first:]):
        return False
    return not any((i.batch, i.step) in later for i in progress.effects())


def opened(
    planned: PlannedStep,
    plan: Plan,
    steps: Mapping[StepId, Step],
    progress: Progress,
    among: Collection[PlannedStep],
) -> list[Draft]:
    """Draft that a done step is open again, and with it what follows from it."""
    after = plan.steps[plan.steps.index(planned) + 1 :]
    followers = [p for p in after if p in among and steps[p.step].follows and progress.done(p.batch, p.step)]
    return [Draft(EntryKind.STEP, {"state": "again"}, p.batch, p.step) for p in (planned, *followers)]


def counts(progress: Progress, batch: BatchName, step: StepId) -> Mapping[str, int]:
    """How many objects a step has created, changed and deleted since it was last opened again.

    An object counts once: what was created and linked, or unlinked and deleted, has not changed beside.
    """
    done: dict[Delta, set[str]] = {delta: set() for delta in Delta}
    for intent in progress.since_again(batch, step):
        delta = of_kind(intent.action.kind).delta
        if delta is not None and intent.outcome is not None and intent.outcome.stands:
            done[delta].add(_object(intent.action))
    done[Delta.CHANGED] -= done[Delta.CREATED] | done[Delta.DELETED]
    return {delta.past: len(objects) for delta, objects in done.items()}


def _object(action: Action) -> str:
    """The object that an Action is done to; a copy names its claim."""
    params = action.params
    return str(params.get("ref") or params.get("claim") or action.key)


def told(progress: Progress, batch: BatchName, step: StepId) -> str:
    """The same in words; empty where it did nothing to objects."""
    return ", ".join(f"{number} {word}" for word, number in counts(progress, batch, step).items() if number)
