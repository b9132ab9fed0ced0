"""Replies that are lost and a green that goes away in a real move: each effect is done once, and the end is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.proxy import by, proxy
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory
from tests.lab.lossy import Gate, Lossy, Trouble
from tests.scenario import real, real_looks
from tests.scenario.real import Point
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

RUNS = 40
"""Runs of the program that are enough for any move, however many of its replies are lost."""

MENDED = {30, 32, 33}
"""Codes after which the same command goes on by itself, once the way is mended."""


def carried_out(move: real.Move, *words: str) -> list[int]:
    """Run the program again and again until it is done; the codes on the way."""
    codes: list[int] = []
    while len(codes) < RUNS:
        first = () if move.journal.exists() else ("--no-rehearsal", "rehearsed by a test of its own")
        ended = move.run("run", "--yes", *first, *words)
        if ended.code == 0:
            return codes
        assert ended.code in MENDED, ended.said[-5000:]
        codes.append(ended.code)
    pytest.fail(f"not done after {RUNS} runs: {codes}")


def test_lost_replies_are_looked_up_and_nothing_is_written_twice(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """Every eighth write is lost after it took effect, fails in between, meets a busy server, or never arrives."""
    move = blue.move(tmp_path, green, balancer)
    lossy = Lossy(every=8)
    with proxy(green.kubeconfig, lossy) as server:
        file = real.migration(move, blue.data)
        file["green"]["provisioner"]["kubeconfig"] = str(by(tmp_path / "green.kubeconfig", server))
        real.write_file(move, file)
        assert carried_out(move, "--until", "replay")
    assert all(lossy.met[trouble] for trouble in Trouble), lossy.met
    assert real_looks.in_doubt(move) == []
    assert real_looks.sent_twice(green) == {}
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}


@pytest.fixture
def move(control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path) -> Iterator[real.Move]:
    """A move that was not begun, from a blue of the test's own."""
    with real.ready(control_plane_factory, test_data, tmp_path) as made:
        yield made


@pytest.mark.slow
def test_a_whole_move_on_bad_ways_to_both_clusters_ends_as_any_other(
    move: real.Move, test_data: Path, tmp_path: Path
) -> None:
    """Every fifth write to green and every fourth to blue meets trouble; all stands on green, each thing once."""
    before = real_looks.application(move.blue)
    there, here = Lossy(every=5), Lossy(every=4)
    with proxy(move.green.kubeconfig, there) as to_green, proxy(move.blue.kubeconfig, here) as to_blue:
        file = real.migration(move, test_data)
        file["green"]["provisioner"]["kubeconfig"] = str(by(tmp_path / "green.kubeconfig", to_green))
        file["blue"]["kubeconfig"] = str(by(tmp_path / "blue.kubeconfig", to_blue))
        real.write_file(move, file)
        assert carried_out(move)
    assert all(there.met[trouble] >= 3 for trouble in Trouble), there.met
    assert all(here.met[trouble] for trouble in Trouble), here.met
    assert real_looks.in_doubt(move) == []
    assert real_looks.sent_twice(move.green) == {}
    real_looks.at_finish(move, before)


@pytest.mark.slow
def test_a_green_that_goes_away_in_replay_and_ramp_is_waited_for_by_a_person(
    move: real.Move, test_data: Path, tmp_path: Path
) -> None:
    """Connections are refused: exit 32 in the middle, 30 while it is away, and no writer of blue's is put to rest."""
    before = real_looks.application(move.blue)
    with Gate(move.green.port) as gate:
        way = tmp_path / "green.kubeconfig"
        way.write_text(move.green.kubeconfig.read_text().replace(f":{move.green.port}", f":{gate.port}"))
        file = real.migration(move, test_data)
        file["green"]["provisioner"]["kubeconfig"] = str(way)
        real.write_file(move, file)
        for point, share in (
            (Point("replay.objects", "create green NetworkPolicy"), 0),
            (Point("cutover.ramp", "watch shop at 50 %"), 100),
        ):
            runner = move.going()
            move.wait_for(runner, point)
            gate.shut()
            ended = runner.end(180)
            assert ended.code == 32, ended.said[-5000:]
            assert "it looks before it acts again" in ended.said
            assert move.green_share() == share
            said = move.must("run", "--yes", code=30)
            assert "cannot be reached (Connection refused)" in said
            assert "Nothing was changed." in said
            assert move.green_share() == share
            assert real_looks.writers(move.blue) == {"ledger": 1, "report": False}
            gate.open()
        move.must("run", "--yes")
    assert real_looks.in_doubt(move) == []
    assert real_looks.sent_twice(move.green) == {}
    real_looks.at_finish(move, before)
