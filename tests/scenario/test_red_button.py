"""Traffic back to blue: by a person, by the ramp itself; and other ways in which a whole move stops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.cli.aborting import STEP, abort
from migrate.cli.begun import open_journal
from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.cutovers.manual import ManualTraffic
from migrate.engine.runner import Until
from migrate.errors import (
    Fenced,
    ForeignObject,
    GateClosed,
    TrafficReturned,
)
from migrate.model.ids import GateName, Phase, Side
from migrate.model.migration import CommandTraffic, GateSpec
from migrate.model.objects import kind_of, name_of
from tests.scenario.endings import bodies, weights
from tests.scenario.looks import Watching
from tests.scenario.moves import (
    Life,
    progress_of,
    run,
    world_of,
)


def pressed(project: Project) -> list[str]:
    """Abort from another terminal."""
    with wired(project) as live:
        journal, progress = open_journal(project, live.doors.clock)
        with journal:
            return abort(project, live.doors.traffic, live.doors.clock, journal, progress).lines


def test_abort_with_the_runner_dead(project: Project) -> None:
    """After a runner died in the ramp, abort puts all traffic on blue; the run goes forward again to its end."""
    run(project, Life(until=Until(gate=GateName("before-full"))))
    with world_of(project) as world:
        assert weights(world) == {"shop": 50}
    assert pressed(project) == ["shop: 0 % on green"]
    with world_of(project) as world:
        assert weights(world) == {"shop": 0}
    assert run(project)
    with world_of(project) as world:
        assert weights(world) == {"shop": 100}


def test_an_abort_gives_each_weight_the_time_of_the_file(project: Project) -> None:
    """An operator's program is called three times for one weight, in an abort as in a ramp."""
    run(project, Life(until=Until(gate=GateName("before-full"))))
    command = CommandTraffic(read=("read",), set=("set",), deadline="2m")
    cutover = project.migration.cutover.model_copy(update={"command": command})
    slow = replace(project, migration=project.migration.model_copy(update={"cutover": cutover}))
    with wired(project) as live:
        journal, progress = open_journal(project, live.doors.clock)
        with journal:
            abort(slow, live.doors.traffic, live.doors.clock, journal, progress)
    assert [i.action.deadline for i in progress_of(project).intents() if i.step == STEP] == [360.0]


def test_an_abort_of_what_a_person_turns_asks_him_and_accuses_nobody(project: Project) -> None:
    """Until he has turned it the route reads as before: that is no weight that came back."""
    run(project, Life(until=Until(gate=GateName("before-full"))))
    with wired(project) as live:
        clock = live.doors.clock
        by_hand = ManualTraffic(project.migration.cutover, clock, {"manual/shop/acknowledged": "50"})
        journal, progress = open_journal(project, clock)
        with journal:
            ended = abort(project, by_hand, clock, journal, progress)
    assert ended.failed == ["shop: a person turns it to 0 %"]
    assert ended.lines == ended.failed


def test_abort_with_the_runner_alive(project: Project) -> None:
    """A living runner is fenced by an abort: its next entry is refused with exit 41, and traffic stays on blue."""
    aborted: list[str] = []

    def look(words: str) -> None:
        if words == "traffic set shop 50" and not aborted:
            aborted.extend(pressed(project))

    with pytest.raises(Fenced):
        run(project, Life(Watching(after_each=look)))
    assert aborted
    with world_of(project) as world:
        assert weights(world) == {"shop": 0}
    assert run(project)


def test_a_broken_green_sends_the_traffic_back(project: Project) -> None:
    """Errors during the ramp send the traffic to the last good weight by itself: exit 30, and mended it goes on."""

    def look(words: str) -> None:
        if words == "traffic set shop 50":
            with world_of(project) as world:
                world.failures.break_side(Side.GREEN)

    with pytest.raises(TrafficReturned, match="went back to 0 %") as caught:
        run(project, Life(Watching(after_each=look)))
    assert caught.value.exit_code == 30
    with world_of(project) as world:
        assert weights(world) == {"shop": 0}
        world.failures.forgive()
    assert run(project)
    with world_of(project) as world:
        assert weights(world) == {"shop": 100}


def test_a_forgotten_journal_stops(project: Project) -> None:
    """A state directory that was deleted is noticed by the marks on green: exit 33."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    project.journal.unlink()
    with pytest.raises(ForeignObject, match="green carries the marks of run") as caught:
        run(project)
    assert caught.value.exit_code == 33


def test_a_closed_gate_leaves_with_20(project: Project) -> None:
    """A gate that wants an approval ends the run with exit 20, the Lease given back."""
    with pytest.raises(GateClosed) as caught:
        run(project, Life(gates={"before-cutover": GateSpec()}))
    assert (caught.value.exit_code, caught.value.gate) == (20, "all/before-cutover")
    with world_of(project) as world:
        leases = [o for o in bodies(world, Side.BLUE) if kind_of(o) == "Lease" and "cnimigrate" in name_of(o)]
        assert leases == []
