"""Whole moves on real control planes, behind a real HAProxy, with a client outside that counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cutovers.prober import Prober
from tests.cutovers.haproxy_fixture import wait_until
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real, real_looks
from tests.scenario.real import Point

pytestmark = pytest.mark.haproxy

KILLS = (
    Point("build.calico", count=10),
    Point("replay.objects", "create green NetworkPolicy", 5),
    Point("replay.objects", "create green Deployment", 1),
    Point("start.serving", count=2),
    Point("cutover.ramp", "watch shop at 50 %"),
    Point("cutover.writers", "patch blue", 2),
    Point("finish.clean", "patch green", 20),
)
"""Where the runner dies on the way: in each phase that changes something."""


def test_a_real_blue_moves_to_a_real_green_and_no_request_fails(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Rehearsed, killed in seven places and resumed: all stands on green, an outside client lost nothing."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        before = real_looks.application(move.blue)
        with Prober(move.balancer.url, rate=100) as client:
            move.must("rehearse")
            assert real_looks.persisted(move.blue) == []
            assert real_looks.persisted(move.green) == []
            for point in KILLS:
                move.kill_at(point)
            move.must("run", "--yes")
        report = client.report()
        assert report.failed == 0, report.sample().errors
        assert report.clusters["blue"] > 500
        assert report.clusters["green"] > 500
        real_looks.at_finish(move, before)


@pytest.mark.parametrize("cni", ["flannel", "canal"])
def test_other_sources_move_too_and_go_back_on_the_way(
    cni: str, control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Back from replay, and from a cutover whose writers had moved, then forward to the end; one request an object."""
    with real.ready(control_plane_factory, test_data, tmp_path, cni) as move:
        before = real_looks.application(move.blue)
        move.go("--until", "replay")
        objects, sent = real_looks.replayed(move)
        assert objects >= 40
        assert sent <= 1.1 * objects
        move.must("rollback", "--to", "build")
        assert real_looks.application(move.green) == {}
        move.go("--until", "cutover")
        assert move.green_share() == 100
        assert "loses data" in move.must("rollback", "--to", "verify", code=30)
        assert move.green_share() == 100
        move.must("rollback", "--to", "verify", "--accept-data-loss")
        assert move.green_share() == 0
        assert real_looks.application(move.blue) == before
        move.go()
        real_looks.at_finish(move, before)


def test_the_outside_client_counts_what_fails(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """The positive control: blue's backends die under weight, and the client that counted nothing counts them."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        file = real.migration(move, test_data)
        file["cutover"] |= {"ramp": [50, 100], "pause": "10m"}  # at half until the runner is killed
        real.write_file(move, file)
        with Prober(move.balancer.url, rate=100) as client:
            runner = move.going()
            move.wait_for(runner, Point("cutover.ramp", "watch shop at 50 %"))
            before = client.report().sent
            wait_until(lambda: client.report().sent >= before + 50, "fifty requests under weight")
            sound = client.report()
            assert sound.failed == 0, sound.sample().errors
            for server in ("b1", "b2"):
                move.balancer.backends.behave(server, up=False)
            wait_until(lambda: client.report().failed > 0, "a failed request")
            runner.kill()
        assert client.report().failed > 0
