"""A Job that has done its work on blue does not do it again on green, whatever rule lets it move."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import GateName, Phase, Side
from migrate.model.objects import Object, Resource, dig
from migrate.simulation.controllers.kubelet import RUN_SECONDS
from migrate.simulation.faults import Killed
from tests.scenario.hands import created, deleted
from tests.scenario.moves import FILE, Death, Life, progress_of, roll_back_to, run, seeded, world_of

JOBS = Resource("batch", "v1", "jobs", "Job", namespaced=True)
RULE = "  rules: [{kind: Job, namespace: back, name: import, replay: true, reason: it goes on}]\n"
WRITERS = Until(gate=GateName("before-writers"))
STAYS = "record Job back/import stays at rest"
HOUR = 3600.0


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move that stands before its writers; one is a Job that works on blue for an hour."""
    project = seeded(tmp_path / "move", FILE + RULE)
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example/import:1"}]}
    template = {"metadata": {"annotations": {RUN_SECONDS: str(HOUR)}}, "spec": pod}
    created(project, Side.BLUE, JOBS, "back/import", spec={"template": template})
    assert not run(project, Life(until=WRITERS))
    return project


def job(project: Project, side: Side) -> Object | None:
    """The Job as a side has it."""
    with world_of(project) as world:
        return world.cluster(side).get(JOBS, "import", "back")


def worked(project: Project, seconds: float) -> None:
    """Let time pass on both sides."""
    with world_of(project) as world:
        world.clock().sleep(seconds)


def test_a_job_at_work_goes_on_on_green(project: Project) -> None:
    """Suspended on blue before it had ended, it is released on green."""
    assert run(project)
    assert dig(job(project, Side.BLUE), "spec", "suspend") is True
    assert not dig(job(project, Side.GREEN), "spec", "suspend")
    assert not progress_of(project).stands(STAYS)


def test_a_job_that_has_ended_stays_suspended_on_green(project: Project) -> None:
    """It is named with how it ended, no pod of it is ever made on green, and a rollback forgets what was said."""
    worked(project, 2 * HOUR)
    said: list[str] = []
    assert run(project, Life(tell=lambda event: said.append(event.text)))
    assert any(
        "Job back/import has ended on blue (Complete), and stays suspended on green" in text for text in said
    )
    worked(project, 2 * HOUR)
    assert dig(job(project, Side.GREEN), "spec", "suspend") is True
    assert not dig(job(project, Side.GREEN), "status", "succeeded")
    roll_back_to(project, Phase.VERIFY)
    assert not progress_of(project).stands(STAYS)


def test_a_job_that_its_time_to_live_took_away_has_ended(project: Project) -> None:
    """What goes from blue while its writers move is not begun anew on green; a run cut off there says so once."""
    release = "write patch green jobs.batch"
    with pytest.raises(Killed):
        run(project, Life(Death(1, only=lambda words: words.startswith("write patch blue"))))
    deleted(project, Side.BLUE, JOBS, "back/import")
    fuse = Death(1, only=lambda words: words.startswith("write patch green deploy"))
    with pytest.raises(Killed):
        run(project, Life(fuse))
    assert progress_of(project).stands(STAYS)
    assert run(project)
    assert dig(job(project, Side.GREEN), "spec", "suspend") is True
    assert progress_of(project).attempts(STAYS) == 1
    assert release not in fuse.calls
