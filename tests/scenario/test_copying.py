"""Data that a mover copies: once before the cutover, and once more between a writer's off and its twin's on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migrate.cli.project import Project, load
from migrate.cli.rehearsed import rehearsal
from migrate.cli.wiring import wired
from migrate.doors.mover import Amount, Copied, Going, Pass
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.action import OutcomeState
from migrate.model.ids import GateName, Phase, Side
from migrate.model.objects import Ref
from migrate.simulation.faults import Killed
from migrate.simulation.mover import SimulatedMover
from tests.scenario.endings import difference, ending_of
from tests.scenario.looks import Watching, alive
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    copied,
    progress_of,
    roll_back_to,
    run,
    small_project,
    world_of,
)

MOVER = "as: copy, mover: {kind: command, command: [./copy.sh]}"
COPIED = FILE.replace("as: empty", MOVER)
CLAIM = Ref("", "PersistentVolumeClaim", "back", "work")
FINAL = "copy final PersistentVolumeClaim back/work"
WRITERS = Until(gate=GateName("before-writers"))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose worker's data is to be copied; not begun."""
    project = with_program(tmp_path_factory.mktemp("copying") / "fresh")
    with wired(project):
        pass
    fill(project, Side.BLUE, Amount(100, 3))
    return project


def with_program(directory: Path) -> Project:
    """A project with the program that its file names; nobody ever runs it, as blue is simulated."""
    directory.mkdir()
    (directory / "copy.sh").touch()
    return small_project(directory, COPIED)


@pytest.fixture
def moving(untouched: Project, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return copied(untouched, tmp_path / "move")


def fill(project: Project, side: Side, amount: Amount) -> None:
    """Say what lies on a side's volume."""
    with world_of(project) as world:
        world.mover().fill(side, CLAIM, amount)


def holds(project: Project, side: Side) -> Amount:
    """What lies on a side's volume."""
    with world_of(project) as world:
        return world.mover().holds(side, CLAIM)


def of_phase(phase: str) -> Callable[[str], bool]:
    """Whether a call of a door is the copying of a phase."""
    return lambda words: words.startswith(f"mover copy {phase}")


def test_what_came_between_the_passes_is_on_green(moving: Project) -> None:
    """The first pass is done before the cutover begins, the second when nobody writes on blue any more."""
    assert not run(moving, Life(until=WRITERS))
    assert holds(moving, Side.GREEN) == Amount(100, 3)
    fill(moving, Side.BLUE, Amount(140, 4))
    assert run(moving)
    assert holds(moving, Side.GREEN) == Amount(140, 4)
    last = progress_of(moving).of_key(FINAL)
    assert last is not None
    assert last.outcome is not None
    assert (
        last.outcome.evidence
        == f"{CLAIM}: 4 files, 140 bytes on green, 4 files, 140 bytes on blue, after the final pass"
    )


def test_the_final_pass_is_between_off_and_on(moving: Project) -> None:
    """Neither side's worker is alive when it is copied for the last time."""
    seen = []

    def look(words: str) -> None:
        if words.startswith("mover copy final"):
            with world_of(moving) as world:
                seen.append([alive(world, side) for side in Side])

    assert run(moving, Life(Watching(before=look)))
    assert seen == [[False, False]]


@pytest.mark.parametrize(
    ("phase", "left"),
    [("warm", Amount(0, 0)), ("final", Amount(0, 0)), ("final", Amount(90, 2)), ("final", Amount(90, 3))],
)
def test_a_target_that_lacks_data_ends_the_run(
    moving: Project, monkeypatch: pytest.MonkeyPatch, phase: str, left: Amount
) -> None:
    """Whatever the mover claims: green's writer does not start on less than blue had."""
    inner = SimulatedMover.copy

    def copy(self: SimulatedMover, task: Pass, deadline: float, going: Going) -> Copied:
        done = inner(self, task, deadline, going)
        return Copied(done.source, left) if task.phase == phase else done

    monkeypatch.setattr(SimulatedMover, "copy", copy)
    with pytest.raises(CheckFailed, match="is empty" if not left.files else "lacks 1"):
        run(moving)
    with world_of(moving) as world:
        assert not alive(world, Side.GREEN)
    monkeypatch.undo()
    assert run(moving)
    assert holds(moving, Side.GREEN) == Amount(100, 3)


@pytest.mark.parametrize("after", [True, False])
def test_a_copying_that_is_cut_off_is_asked_for_again(
    untouched: Project, tmp_path: Path, *, after: bool
) -> None:
    """Killed before or behind each pass: the mover is asked whether that very pass was done, and the end is the same."""
    whole, broken = copied(untouched, tmp_path / "whole"), copied(untouched, tmp_path / "broken")
    assert run(whole)
    for phase in ("warm", "final"):
        with pytest.raises(Killed):
            run(broken, Life(Death(1, after=after, only=of_phase(phase))))
    assert run(broken)
    assert difference(ending_of(whole), ending_of(broken)) == []
    found = progress_of(broken).of_key(FINAL)
    assert found is not None
    assert found.outcome is not None
    assert found.outcome.state is (OutcomeState.ADOPTED if after else OutcomeState.DONE)


def test_a_pass_after_the_way_back_is_another(moving: Project) -> None:
    """What was copied before is not taken for what is on blue by now."""
    run(moving, Life(until=Until(phase=Phase.SOAK)))
    roll_back_to(moving, Phase.VERIFY)
    fill(moving, Side.BLUE, Amount(500, 9))
    with pytest.raises(Killed):
        run(moving, Life(Death(1, only=of_phase("final"))))
    assert run(moving)
    assert holds(moving, Side.GREEN) == Amount(500, 9)
    attempts = [i.action.params["attempt"] for i in progress_of(moving).intents() if i.action.key == FINAL]
    assert attempts == [1, 2, 3]


def test_the_way_back_over_a_copying_that_died_has_its_mover_let_go(
    moving: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pass does not stand, and so has no way back; what it left is taken away by that of the act before it."""
    asked: list[Pass] = []
    monkeypatch.setattr(SimulatedMover, "let_go", lambda _, task, *__: asked.append(task))
    with pytest.raises(Killed):
        run(moving, Life(Death(1, only=of_phase("warm"))))
    assert asked == []
    roll_back_to(moving, Phase.BUILD)
    assert [(task.phase, task.claim) for task in asked] == [("warm", CLAIM)]


def test_a_file_that_names_volsync_moves_alike(tmp_path: Path) -> None:
    """Where blue is simulated, so is its mover: nothing of VolSync has to be served there."""
    spec = "as: copy, mover: {kind: volsync, volsync: {countImage: busybox}}"
    project = small_project(tmp_path, FILE.replace("as: empty", spec))
    with wired(project):
        pass
    fill(project, Side.BLUE, Amount(100, 3))
    assert run(project)
    assert holds(project, Side.GREEN) == Amount(100, 3)


def test_a_rehearsal_copies_nothing(moving: Project) -> None:
    """Its mover is the simulated one, whatever the file names."""
    rehearsal(moving, "text")
    assert holds(moving, Side.GREEN) == Amount(0, 0)


def test_a_program_is_found_beside_the_file(tmp_path: Path) -> None:
    """As with every program that the file names."""
    project = with_program(tmp_path / "here")
    mover = load(str(project.file), None, None).migration.workloads.volumes[0].mover
    assert mover is not None
    assert mover.command == (str(project.file.resolve().parent / "copy.sh"),)
