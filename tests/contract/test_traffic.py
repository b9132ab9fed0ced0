"""The contract of the traffic door: what every mechanism does alike, simulated and real."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.cutovers import traffic as real_traffic
from migrate.doors.traffic import Counts, Traffic
from migrate.errors import DoorError, Refused
from migrate.model.ids import RouteName, Side
from migrate.model.migration import CommandTraffic, Cutover, RouteSpec
from migrate.simulation.seed import empty
from migrate.simulation.world import World
from tests.cutovers.clocks import StillClock
from tests.cutovers.examples import example
from tests.cutovers.haproxy_fixture import Balancer, running

SHOP = RouteName("shop")


@dataclass(frozen=True)
class Bench:
    """One mechanism with a route `shop`, and a way to break a side's backends."""

    traffic: Traffic
    break_side: Callable[[Side, bool], None]

    def counts(self) -> dict[Side, Counts]:
        """The target's counts, which every mechanism of this suite has."""
        counts = self.traffic.counts(SHOP)
        assert counts is not None
        return dict(counts)


def breaks(balancer: Balancer) -> Callable[[Side, bool], None]:
    """Let a side's servers answer 500, which no health check of theirs notices."""

    def turn(side: Side, broken: bool) -> None:
        for name, cluster in balancer.backends.clusters.items():
            if cluster == side:
                balancer.backends.behave(name, failure="500" if broken else "")

    return turn


@contextmanager
def haproxy(_: Path, __: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A real HAProxy, driven by the kind of its own."""
    with running() as balancer:
        yield Bench(real_traffic(balancer.cutover(), StillClock(), {}), breaks(balancer))


@contextmanager
def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A real HAProxy, driven by the program that docs/cutover-command.md shows."""
    program = (sys.executable, example("cutover-command.md", "python", folder / "turn"))
    with running() as balancer:
        settings = {
            "HAPROXY_SOCKET": balancer.socket,
            "HAPROXY_BACKEND": "shop",
            "BLUE": "b1 b2",
            "GREEN": "g1 g2",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        spec = CommandTraffic(
            read=(*program, "read", "{route}"),
            set=(*program, "set", "{route}", "{green}"),
            counts=(*program, "counts", "{route}"),
        )
        cutover = Cutover(kind="command", command=spec, routes=balancer.cutover().routes)
        yield Bench(real_traffic(cutover, StillClock(), {}), breaks(balancer))


@contextmanager
def simulated(folder: Path, _: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The simulated balancer of a world of its own."""
    with World.create(folder / "world.db") as world:
        for side in Side:
            empty(world, side, pod_cidr="10.32.0.0/12", service_cidr="10.96.0.0/16", nodes=1, name=side.value)
        yield Bench(world.traffic([RouteSpec(name="shop")]), world.failures.break_side)


MECHANISMS = {"simulated": simulated, "haproxy": haproxy, "command": command}


@pytest.fixture(
    params=[
        pytest.param("simulated"),
        pytest.param("haproxy", marks=pytest.mark.haproxy),
        pytest.param("command", marks=pytest.mark.haproxy),
    ]
)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Each mechanism in turn, fresh."""
    with MECHANISMS[request.param](tmp_path, monkeypatch) as made:
        yield made


def test_a_fresh_route_is_all_blue(bench: Bench) -> None:
    """Before anything is set, green gets nothing; the route is named as in the file."""
    assert bench.traffic.routes() == (SHOP,)
    share = bench.traffic.read(SHOP)
    assert (share.green, share.consistent) == (0, True)
    assert share.servers


def test_what_is_set_is_read_back_whatever_stood_before(bench: Bench) -> None:
    """Percentages are absolute, up and down and twice the same."""
    for green in (25, 25, 1, 100, 50, 5, 0, 99, 0):
        bench.traffic.set(SHOP, green)
        share = bench.traffic.read(SHOP)
        assert (share.green, share.consistent) == (green, True)


def test_setting_again_changes_nothing(bench: Bench) -> None:
    """The same percentage twice leaves every server as it was after the first."""
    bench.traffic.set(SHOP, 25)
    first = bench.traffic.read(SHOP)
    bench.traffic.set(SHOP, 25)
    assert bench.traffic.read(SHOP).green == first.green
    assert [words.split(",")[0] for words in bench.traffic.read(SHOP).servers.values()] == [
        words.split(",")[0] for words in first.servers.values()
    ]


def test_client_requests_split_near_the_percentage(bench: Bench) -> None:
    """What clients send is answered by both sides as set, all of it, and counted on the side that answered."""
    bench.traffic.set(SHOP, 25)
    before = bench.counts()
    sample = bench.traffic.sample(SHOP, count=200, rate=400)
    after = bench.counts()
    assert (sample.sent, sample.failed) == (200, 0)
    grown = {side: after[side].requests - before[side].requests for side in Side}
    assert sum(grown.values()) == 200
    assert 30 <= grown[Side.GREEN] <= 70
    assert 0 <= sample.p50 <= sample.p99
    assert {side: after[side].epoch for side in Side} == {side: before[side].epoch for side in Side}


def test_at_either_end_one_side_answers_everything(bench: Bench) -> None:
    """0 and 100 percent are exact."""
    for green, silent in ((100, Side.BLUE), (0, Side.GREEN)):
        bench.traffic.set(SHOP, green)
        before = bench.counts()
        assert bench.traffic.sample(SHOP, count=50, rate=400).failed == 0
        after = bench.counts()
        assert after[silent].requests == before[silent].requests
        assert after[silent.other].requests - before[silent.other].requests == 50


def test_a_probe_reaches_a_side_at_weight_zero(bench: Bench) -> None:
    """Green is probed before it has any traffic, and the split stays as it is."""
    sample = bench.traffic.probe(SHOP, Side.GREEN, count=20, rate=200)
    assert (sample.sent, sample.failed) == (20, 0)
    assert bench.traffic.read(SHOP).green == 0


def test_a_broken_side_shows_in_probes_samples_and_counts(bench: Bench) -> None:
    """Green fails: probes of it all fail, clients at 50 % see about half fail, the target counts errors on its side."""
    bench.traffic.set(SHOP, 50)
    before = bench.counts()
    bench.break_side(Side.GREEN, True)
    probed = bench.traffic.probe(SHOP, Side.GREEN, count=20, rate=200)
    assert (probed.sent, probed.failed) == (20, 20)
    assert probed.errors
    assert bench.traffic.probe(SHOP, Side.BLUE, count=20, rate=200).failed == 0
    sample = bench.traffic.sample(SHOP, count=100, rate=400)
    assert 30 <= sample.failed <= 70
    after = bench.counts()
    assert after[Side.GREEN].errors > before[Side.GREEN].errors
    assert after[Side.BLUE].errors == before[Side.BLUE].errors


def test_traffic_can_be_taken_back_from_a_broken_side(bench: Bench) -> None:
    """The way back works while green is broken, and clients are well again."""
    bench.traffic.set(SHOP, 50)
    bench.break_side(Side.GREEN, True)
    bench.traffic.set(SHOP, 0)
    assert bench.traffic.read(SHOP).green == 0
    assert bench.traffic.sample(SHOP, count=50, rate=400).failed == 0


def test_an_unknown_route_is_refused(bench: Bench) -> None:
    """A name that is not in the file is an error of the door, and nothing changes."""
    with pytest.raises(DoorError):
        bench.traffic.set(RouteName("other"), 50)
    assert bench.traffic.read(SHOP).green == 0


@pytest.mark.parametrize("green", [-1, 101])
def test_what_is_no_percentage_is_refused(bench: Bench, green: int) -> None:
    """Nothing is clamped, and nothing changes; the simulated side takes it for a mistake of the caller."""
    with pytest.raises((Refused, ValueError)):
        bench.traffic.set(SHOP, green)
    assert bench.traffic.read(SHOP).green == 0
