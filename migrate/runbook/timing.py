"""How long things take: from journals of real doors alone, and without the time in which nobody acted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from migrate.model.action_kinds import of_kind
from migrate.model.progress import Intent
from migrate.runbook.source import Source

NONE = "no measurement"


def durations(source: Source) -> Mapping[tuple[str, str], str]:
    """The duration of every step in words, by batch and step."""
    if not source.measured:
        return {(str(s.batch), str(s.step)): NONE for s in source.plan.steps}
    rate = objects_a_second(source.progress.intents())
    found: dict[tuple[str, str], str] = {}
    for step in source.plan.steps:
        acts, rehearsed = source.told(step)
        count = sum(of_kind(i.action.kind).of_objects for i in acts)
        if not rehearsed and acts:
            found[step.batch, step.step] = spoken(acting(acts))
        elif count and rate:
            words = f"{count} objects at a measured {rate:.0f}/s, about {spoken(count / rate)}"
            found[step.batch, step.step] = words
        else:
            found[step.batch, step.step] = NONE
    return found


def objects_a_second(intents: Iterable[Intent]) -> float:
    """The measured rate of writes to objects; 0 where there were none, or none that took time."""
    writes = [i for i in intents if of_kind(i.action.kind).of_objects and i.stands]
    taken = acting(writes)
    return len(writes) / taken if taken > 0 else 0.0


def acting(intents: Iterable[Intent]) -> float:
    """Seconds from intent to outcome, each batch once: gates, nights and dead runners are not counted."""
    batches: dict[datetime, datetime] = {}
    for intent in intents:
        if intent.ended:
            began, ended = datetime.fromisoformat(intent.at), datetime.fromisoformat(intent.ended)
            batches[began] = max(batches.get(began, began), ended)
    return sum((ended - began).total_seconds() for began, ended in batches.items())


def spoken(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
