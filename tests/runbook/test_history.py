"""What went otherwise than planned is told from a run's journal, and only from a run's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.actions.traffic import weigh
from migrate.model.action import Outcome, OutcomeState
from migrate.model.entry import Entry, EntryKind
from migrate.model.ids import BatchName, RouteName, StepId
from migrate.model.progress import Progress
from migrate.runbook import Origin, Source, book, render

ALL, RAMP = BatchName("all"), StepId("cutover.ramp")


def _journal() -> Progress:
    action = weigh(RouteName("web"), 25, command="")
    back = weigh(RouteName("web"), 5, command="")
    failed = Outcome(OutcomeState.FAILED, "web at 25 %: 31 of 900 requests | failed")
    done = Outcome(OutcomeState.DONE, "web: 5 % on green")
    said: list[tuple[EntryKind, dict[str, object]]] = [
        (EntryKind.INTENT, {"action": action.as_json()}),
        (EntryKind.OUTCOME, {"intent": 1, "outcome": failed.as_json()}),
        (EntryKind.INTENT, {"action": back.as_json(), "undoes": 1}),
        (EntryKind.OUTCOME, {"intent": 3, "outcome": done.as_json()}),
        (EntryKind.REMARK, {"what": "abort", "reason": "green is slow", "user": "op", "pid": 4711}),
    ]
    return Progress(
        Entry(n, f"2026-03-01T22:0{n}:00+00:00", 1, kind, ALL, RAMP, "", data)
        for n, (kind, data) in enumerate(said, 1)
    )


def test_failures_ways_back_and_remarks_are_told_in_order(weave: Source) -> None:
    """A failed act with what was seen, how much was taken back, and what a person did and why."""
    run = replace(weave, progress=_journal(), origin=Origin.RUN)
    rows = [(row["what"], row["evidence"]) for row in book(run)["history"]]
    assert rows == [
        ("weight web 25 #1: failed", "web at 25 %: 31 of 900 requests | failed"),
        ("1 act taken back", ""),
        ("abort", "reason green is slow, user op"),
    ]
    assert "web at 25 %: 31 of 900 requests \\| failed |" in render(run)["runbook.md"]


@pytest.mark.parametrize("origin", [Origin.RECORDED, Origin.REHEARSAL])
def test_a_rehearsal_has_no_history(weave: Source, origin: Origin) -> None:
    """What happened on a stage is nobody's history."""
    assert book(replace(weave, progress=_journal(), origin=origin))["history"] == []
