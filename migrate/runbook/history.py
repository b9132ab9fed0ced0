"""What went otherwise than planned in a run: failed acts, what was taken back, what people did."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from migrate.model.action import OutcomeState
from migrate.model.entry import Entry
from migrate.model.progress import Intent
from migrate.runbook.source import Origin, Source

_BAD = frozenset({OutcomeState.FAILED, OutcomeState.UNKNOWN})


def history(source: Source) -> list[dict[str, str]]:
    """Every failure, way back and remark of a run, by time; a rehearsal has no history to tell."""
    if source.origin in {Origin.RECORDED, Origin.REHEARSAL}:
        return []
    rows = [*_acts(source), *(_remark(entry) for entry in source.progress.remarks)]
    return sorted(rows, key=lambda row: row["at"])


def _acts(source: Source) -> Iterator[dict[str, str]]:
    for (taken_back, step), alike in groupby(
        source.progress.intents(), key=lambda i: (bool(i.undoes), i.step)
    ):
        intents = list(alike)
        if taken_back:
            count = f"{len(intents)} act{'s' if len(intents) != 1 else ''} taken back"
            yield {"at": intents[0].at, "step": step, "what": count, "evidence": ""}
        yield from (_failure(i) for i in intents if i.outcome is not None and i.outcome.state in _BAD)


def _failure(intent: Intent) -> dict[str, str]:
    assert intent.outcome is not None
    return {
        "at": intent.ended,
        "step": intent.step,
        "what": f"{intent.action.key}: {intent.outcome.state}",
        "evidence": intent.outcome.evidence,
    }


def _remark(entry: Entry) -> dict[str, str]:
    told = {key: value for key, value in entry.data.items() if key not in {"what", "pid"} and value}
    words = ", ".join(f"{key} {value}" for key, value in sorted(told.items()) if isinstance(value, str | int))
    return {
        "at": entry.at,
        "step": entry.step,
        "what": str(entry.data.get("what", "remark")),
        "evidence": words,
    }
