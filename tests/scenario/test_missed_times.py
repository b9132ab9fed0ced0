"""A CronJob whose time comes while it moves runs for it on neither side, and that is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.engine.runner import Until
from migrate.model.ids import GateName, Side
from migrate.simulation.faults import Killed
from tests.scenario.blue import CRON
from tests.scenario.hands import CRON_JOBS
from tests.scenario.moves import Death, Life, progress_of, run, seeded, world_of


def test_a_time_that_came_between_off_and_on_is_told(tmp_path: Path) -> None:
    """Cut off between blue's off and green's on for ten minutes, the run that goes on names what was missed, once."""
    project = seeded(tmp_path / "move")
    assert not run(project, Life(until=Until(gate=GateName("before-writers"))))
    create = "write create green cronjobs"
    with pytest.raises(Killed):
        run(project, Life(Death(1, only=lambda words: words.startswith(create))))
    with world_of(project) as world:
        world.clock().sleep(600)
    said: list[str] = []
    assert run(project, Life(tell=lambda event: said.append(event.text)))
    told = [text for text in said if "CronJob back/nightly was due at" in text]
    assert len(told) == 1
    assert "and is not run for it: kubectl -n back create job --from=cronjob/nightly" in told[0]
    assert progress_of(project).stands("record missed times of CronJob back/nightly")
    with world_of(project) as world:
        assert not world.fired_twice()
        assert world.cluster(Side.GREEN).get(CRON_JOBS, CRON[1], CRON[0])
