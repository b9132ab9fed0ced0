"""The same with real processes: `cnimigrate run`, SIGKILL at random moments, resumed to the end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.cli.project import Project
from migrate.cli.project import load as load_project
from tests.scenario.endings import Ending, difference, ending_of, told
from tests.scenario.moves import copied, seeded

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "migrate.cli.app", "run", "migration.yaml"]


@dataclass(frozen=True, repr=False)
class Reference:
    """An unbroken run by a process of its own: its ending, and how long it took."""

    fresh: Project
    ending: Ending
    took: float


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The run that the others are held against."""
    base = tmp_path_factory.mktemp("sigkill")
    fresh = seeded(base / "fresh")
    project = copied(fresh, base / "unbroken")
    began = time.monotonic()
    assert finished(project) == 0
    return Reference(fresh, ending_of(project), time.monotonic() - began)


def start(project: Project) -> subprocess.Popen[str]:
    """Start a run in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        COMMAND,
        cwd=project.file.resolve().parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(project: Project) -> int:
    """Run to the end and return the exit code."""
    with start(project) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return process.returncode


def killed(project: Project, after: float) -> bool:
    """Run for so many seconds, then SIGKILL; whether the process was still there to be killed."""
    with start(project) as process:
        try:
            process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    return process.returncode == -signal.SIGKILL


def schedule(reference: Reference, seed: int) -> list[float]:
    """Up to three moments, spread over the time that a whole run takes."""
    moments = random.Random(seed)
    return [moments.uniform(0.05, 1.0) * reference.took for _ in range(moments.randint(1, 3))]


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(s, marks=pytest.mark.slow) for s in range(10, 200))]
)
def test_sigkill(reference: Reference, tmp_path: Path, seed: int) -> None:
    """Processes killed at random moments and a last one that is left alone end where an unbroken one does."""
    project = copied(reference.fresh, tmp_path / "move")
    for after in schedule(reference, seed):
        killed(project, after)
    assert finished(project) == 0
    assert difference(reference.ending, ending_of(project)) == []
    assert told(project) == []


def test_some_kill_falls_into_the_run(reference: Reference, tmp_path: Path) -> None:
    """Moments over the whole of a run do kill processes: the sample is no list of unbroken runs."""
    project = copied(reference.fresh, tmp_path / "move")
    assert killed(project, reference.took * 0.5) or killed(project, reference.took * 0.3)


def test_a_run_killed_before_its_world_was_whole(tmp_path: Path) -> None:
    """Kills while the simulated world itself is being seeded leave nothing that the next run trips over."""
    from tests.scenario.moves import small_project

    project = small_project(tmp_path / "move")
    for after in (0.3, 0.5, 0.7, 0.9):
        killed(project, after)
    assert finished(load_project(str(project.file), None, None)) == 0
