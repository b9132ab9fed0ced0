"""Durations: measured on real doors, without the time in which nobody acted, or not told at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migrate.actions.create import create
from migrate.model.action import Outcome, OutcomeState
from migrate.model.entry import Entry, EntryKind
from migrate.model.ids import BatchName, StepId
from migrate.model.objects import Ref
from migrate.model.progress import Progress
from migrate.runbook import Origin, Source, book
from migrate.runbook.timing import acting, durations, objects_a_second, spoken

BATCH, REPLAY = BatchName("all"), StepId("replay.objects")
BEGIN = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


def _entries(starts: list[int], objects: int, seconds: int) -> list[Entry]:
    """Batches of creates that begin at `starts` and take `seconds` each."""
    found: list[Entry] = []

    def add(at: int, kind: EntryKind, data: dict[str, object]) -> int:
        moment = (BEGIN + timedelta(seconds=at)).isoformat()
        found.append(Entry(len(found) + 1, moment, 1, kind, BATCH, REPLAY, "", data))
        return len(found)

    for start in starts:
        actions = [
            create(Ref("", "ConfigMap", "web", f"c{start}-{n}"), key_hash="h", rule="r", wave=5, command="")
            for n in range(objects)
        ]
        seqs = [add(start, EntryKind.INTENT, {"action": a.as_json()}) for a in actions]
        for seq in seqs:
            add(
                start + seconds,
                EntryKind.OUTCOME,
                {"intent": seq, "outcome": Outcome(OutcomeState.DONE).as_json()},
            )
    add(starts[-1] + seconds, EntryKind.STEP, {"state": "done"})
    return found


def test_idle_time_is_not_counted() -> None:
    """Two batches of ten seconds with a night between them took twenty seconds."""
    progress = Progress(_entries([0, 40_000], objects=50, seconds=10))
    assert acting(progress.intents()) == 20
    assert objects_a_second(progress.intents()) == 5


def test_a_run_on_real_doors_tells_what_it_measured(weave: Source) -> None:
    """A step that was done has its own duration; one that is still to come the objects and their measured rate."""
    run = replace(
        weave,
        progress=Progress(_entries([0, 40_000], objects=50, seconds=10)),
        rehearsal=weave.progress,
        origin=Origin.RUN,
    )
    found = durations(run)
    assert found["all", "replay.objects"] == "20 s"
    assert found["", "build.calico"] == "35 objects at a measured 5/s, about 7.0 s"
    assert found["", "assess.sides"] == "no measurement"
    steps = {step["step"]: step for step in book(run)["steps"]}
    assert not steps["replay.objects"]["rehearsed"]
    assert steps["build.calico"]["rehearsed"]


@pytest.mark.parametrize("origin", [Origin.RECORDED, Origin.REHEARSAL, Origin.SIMULATED])
def test_whatever_is_simulated_is_no_measurement(weave: Source, origin: Origin) -> None:
    """The very same journal tells no duration unless its doors were real."""
    source = replace(weave, progress=Progress(_entries([0], objects=5, seconds=10)), origin=origin)
    assert set(durations(source).values()) == {"no measurement"}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (48, "48 s"), (300, "5 min"), (9000, "2.5 h")]
)
def test_seconds_are_spoken_as_people_do(seconds: float, words: str) -> None:
    """Short spans in seconds, long ones in minutes and hours."""
    assert spoken(seconds) == words
