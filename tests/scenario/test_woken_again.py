"""A CronJob that wakes on blue when a run goes back makes up for nothing that green ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import dig
from tests.scenario.blue import CRON
from tests.scenario.hands import CRON_JOBS
from tests.scenario.moves import Life, roll_back_to, run, seeded, world_of


def test_no_time_fires_on_both_sides(tmp_path: Path) -> None:
    """Green ran it every minute; blue goes on with the next one, and would else begin with the latest of those."""
    project = seeded(tmp_path / "move")
    assert not run(project, Life(until=Until(phase=Phase.CUTOVER)))
    with world_of(project) as world:
        world.clock().sleep(330)
    roll_back_to(project, Phase.VERIFY)
    with world_of(project) as world:
        woken = world.clock().now()
        world.clock().sleep(90)
        assert not world.fired_twice()
        blue = world.cluster(Side.BLUE).get(CRON_JOBS, CRON[1], CRON[0])
    assert not dig(blue, "spec", "suspend")
    assert str(dig(blue, "status", "lastScheduleTime")) > woken.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_missing_right_stops_in_front_of_the_waking(tmp_path: Path) -> None:
    """The way back says what would run twice, and goes on once it may."""
    project = seeded(tmp_path / "move")
    assert not run(project, Life(until=Until(phase=Phase.CUTOVER)))
    with world_of(project) as world:
        world.failures.refuse(Side.BLUE, verb="patch", resource="cronjobs.batch", error="forbidden", times=1)
    with pytest.raises(CheckFailed, match="count from now"):
        roll_back_to(project, Phase.VERIFY)
    with world_of(project) as world:
        assert dig(world.cluster(Side.BLUE).get(CRON_JOBS, CRON[1], CRON[0]), "spec", "suspend")
    roll_back_to(project, Phase.VERIFY)
    with world_of(project) as world:
        assert not dig(world.cluster(Side.BLUE).get(CRON_JOBS, CRON[1], CRON[0]), "spec", "suspend")
