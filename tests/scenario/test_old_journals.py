"""Journals of earlier releases: they are gone on with or refused with exit 50, and never taken for completed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from migrate.cli.project import Project
from migrate.errors import PlanMismatch
from migrate.model.ids import Side
from migrate.model.objects import kind_of, name_of, namespace_of
from tests.scenario.endings import bodies, effects_of, weights
from tests.scenario.moves import entries_of, progress_of, run, world_of
from tests.scenario.old_journals import CASES, taken_out

FINISHED = sorted(CASES.glob("finished-*"))
HALF_DONE = sorted(CASES.glob("half-done-*"))

MOVED = {
    ("Deployment", "shop", "web"), ("Deployment", "shop", "api"), ("Deployment", "back", "worker"),
    ("CronJob", "back", "nightly"), ("Service", "shop", "web"), ("Secret", "shop", "api-token"),
}  # fmt: skip


def test_there_are_old_journals() -> None:
    """A case of each sort is kept, so that the tests below do test something."""
    assert FINISHED
    assert HALF_DONE


@pytest.mark.parametrize("case", [*FINISHED, *HALF_DONE], ids=lambda case: case.name)
def test_an_old_journal_is_whole(case: Path, tmp_path: Path) -> None:
    """The chain of an old journal holds, and every entry is read."""
    project = taken_out(case, tmp_path / "move")
    entries = entries_of(project)
    assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
    assert len(entries) > 100


@pytest.mark.parametrize("case", FINISHED, ids=lambda case: case.name)
def test_a_finished_move_is_left_alone(case: Path, tmp_path: Path) -> None:
    """A finished move does nothing again, or is refused with exit 50."""
    project = taken_out(case, tmp_path / "move")
    with world_of(project) as world:
        before = effects_of(world)
    with suppress(PlanMismatch):  # exit 50
        assert run(project)
    with world_of(project) as world:
        assert effects_of(world) == before


@pytest.mark.parametrize("case", HALF_DONE, ids=lambda case: case.name)
def test_a_half_done_move_is_never_taken_for_completed(case: Path, tmp_path: Path) -> None:
    """A half-done move is brought to a real end, each thing on green once, or is refused with exit 50 untouched."""
    project = taken_out(case, tmp_path / "move")
    assert progress_of(project).in_doubt() != ()
    with world_of(project) as world:
        before = effects_of(world)
        assert on_green(project) & MOVED < MOVED
    done = False
    with suppress(PlanMismatch):  # exit 50
        done = run(project)
    if not done:
        with world_of(project) as world:
            assert effects_of(world) == before
        return
    assert on_green(project) >= MOVED
    with world_of(project) as world:
        assert weights(world) == {"shop": 100}
        assert {k: n for k, n in effects_of(world).items() if k.startswith("create ") and n != 1} == {}


def on_green(project: Project) -> set[tuple[str, str, str]]:
    """What stands on green."""
    with world_of(project) as world:
        return {(kind_of(o), namespace_of(o), name_of(o)) for o in bodies(world, Side.GREEN)}
