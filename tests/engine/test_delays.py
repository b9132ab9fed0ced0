"""How a run tells that a server slows it down: at once, and each fact once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from migrate.doors.slowed import Slowed
from migrate.engine.delays import Delays
from tests.calico.memory import MemoryCluster
from tests.engine.doubles import put, stage
from tests.engine.plans import ONE_STEP

BUSY = Slowed(3, 8.0, 0.0, 4, "workload-low", "service-accounts")


class SlowCluster(MemoryCluster):
    """A cluster that is held up."""

    def __init__(self, *held: Slowed) -> None:
        super().__init__()
        self.held = held

    def slowed(self) -> tuple[Slowed, ...]:
        """What held it up."""
        return self.held


def test_each_fact_is_told_once() -> None:
    """What has not grown is not said again; another level's, and what has grown, is."""
    cluster = SlowCluster(BUSY)
    delays = Delays([cluster])
    assert [slowed for _, slowed in delays.news()] == [BUSY]
    cluster.held = (replace(BUSY, in_flight=9),)
    assert not list(delays.news())
    more, other, slower = replace(BUSY, refused=4), replace(BUSY, level="high"), replace(BUSY, slower=13.0)
    cluster.held = (more, other)
    assert [slowed for _, slowed in delays.news()] == [more, other]
    cluster.held = (replace(slower, refused=4), other)
    assert [slowed.slower for _, slowed in delays.news()] == [13.0]


def test_a_run_tells_behind_the_batch(tmp_path: Path) -> None:
    """The event names the cluster, the level and the FlowSchema, in words and in fields."""
    with stage(tmp_path / "j", ONE_STEP, {"one": [[put("a")], [put("b")]]}) as opened:
        assert opened.run(delays=Delays([SlowCluster(BUSY)]))
        assert [e.what for e in opened.events] == [
            "step-began", "batch-ended", "slowed", "batch-ended", "step-done",
        ]  # fmt: skip
        told = opened.events[2].as_json()
        assert told["text"] == (
            "green (green) turned 3 requests away, asking for waits of up to 8 s in priority level workload-low "
            "(FlowSchema service-accounts); 4 at a time now"
        )
        assert (told["cluster"], told["refused"], told["inFlight"], told["longestWait"]) == (
            "green",
            3,
            4,
            8.0,
        )
        assert (told["priorityLevel"], told["flowSchema"]) == ("workload-low", "service-accounts")
