"""Clients, weights and time: who is counted where, and what fails when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import RouteName, Side
from migrate.model.migration import RouteSpec
from migrate.simulation.traffic import SimulatedTraffic
from migrate.simulation.world import World
from tests.simulation.builders import create, named, patch, small_world, workload

WEB = RouteName("web")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A small blue and a green with the same Service, empty."""
    with small_world(tmp_path / "world.db") as made:
        made.provisioner().create(60)
        green = made.cluster(Side.GREEN)
        create(green, named("v1", "Namespace", "shop"))
        spec = {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]}
        create(green, named("v1", "Service", "web", "shop", spec=spec))
        agent: dict[str, Any] = {"hostNetwork": True, "tolerations": [{"operator": "Exists"}]}
        create(green, workload("DaemonSet", "kube-flannel", "kube-system", **agent))
        made.settle()
        yield made


@pytest.fixture
def traffic(world: World) -> SimulatedTraffic:
    """One route with a client of 100 requests a second."""
    return world.traffic([RouteSpec(name="web", services=("shop/web",))], rate=100)


def test_the_client_sends_while_time_passes(world: World, traffic: SimulatedTraffic) -> None:
    """Requests are rate times time, on the side that has the weight, and odd times lose none."""
    for _ in range(7):
        world.clock().sleep(0.999)
    world.clock().sleep(3.007)
    assert world.counters() == {"web": {"requests": 1000, "failed": 0}}
    counts = traffic.counts(WEB)
    assert counts is not None
    assert (counts[Side.BLUE].requests, counts[Side.GREEN].requests) == (1000, 0)


def test_a_split_is_exact_in_the_long_run(world: World, traffic: SimulatedTraffic) -> None:
    """One percent of ten thousand is a hundred, in however many pieces."""
    create(world.cluster(Side.GREEN), workload("Deployment", "web", "shop", 1))
    world.settle()
    traffic.set(WEB, 1)
    for _ in range(10):
        world.clock().sleep(10)
    counts = traffic.counts(WEB)
    assert counts is not None
    assert (counts[Side.BLUE].requests, counts[Side.GREEN].requests) == (9900, 100)
    assert world.counters() == {"web": {"requests": 10000, "failed": 0}}


def test_requests_fail_where_nothing_is_ready(world: World, traffic: SimulatedTraffic) -> None:
    """Green without pods fails its share, and serves it once a pod is ready."""
    traffic.set(WEB, 50)
    world.clock().sleep(10)
    assert world.counters() == {"web": {"requests": 1000, "failed": 500}}
    assert traffic.probe(WEB, Side.GREEN, count=10, rate=1).errors == (
        "green: Service shop/web has no ready endpoint",
    )
    create(world.cluster(Side.GREEN), workload("Deployment", "web", "shop", 1))
    world.clock().sleep(10)
    assert world.counters() == {"web": {"requests": 2000, "failed": 500}}
    patch(world.cluster(Side.BLUE), named("apps/v1", "Deployment", "web", "shop"), {"spec": {"replicas": 0}})
    world.clock().sleep(10)
    assert world.counters() == {"web": {"requests": 3000, "failed": 1000}}


def test_a_broken_side_fails_and_comes_back(world: World, traffic: SimulatedTraffic) -> None:
    """While it is broken all its requests fail; its API server answers."""
    world.failures.break_side(Side.BLUE)
    world.clock().sleep(1)
    assert world.counters()["web"]["failed"] == 100
    assert world.cluster(Side.BLUE).identity().uid
    world.failures.break_side(Side.BLUE, broken=False)
    world.clock().sleep(1)
    assert world.counters()["web"]["failed"] == 100


def test_some_requests_fail_and_some_are_slow(world: World, traffic: SimulatedTraffic) -> None:
    """A failing percentage is counted up, a slow side shows in its latencies."""
    usual = traffic.probe(WEB, Side.BLUE, count=1000, rate=50)
    world.failures.fail_requests(Side.BLUE, 1)
    world.failures.slow(Side.BLUE, 3.0)
    bad = traffic.probe(WEB, Side.BLUE, count=1050, rate=50)
    assert (bad.sent, bad.failed) == (1050, 11)
    assert bad.p99 == pytest.approx(usual.p99 * 3)
    assert bad.p50 < bad.p99


def test_probes_take_no_time_and_are_in_no_count(world: World, traffic: SimulatedTraffic) -> None:
    """A sample goes through the balancer and is counted there, but never among the outside client's requests."""
    before = world.clock().now()
    traffic.probe(WEB, Side.BLUE, count=100, rate=1)
    counts = traffic.counts(WEB)
    assert counts is not None
    assert counts[Side.BLUE].requests == 0
    traffic.sample(WEB, count=100, rate=1)
    counts = traffic.counts(WEB)
    assert counts is not None
    assert counts[Side.BLUE].requests == 100
    assert world.counters() == {"web": {"requests": 0, "failed": 0}}
    assert world.clock().now() == before


def test_small_samples_add_up(world: World, traffic: SimulatedTraffic) -> None:
    """At one percent, a hundred samples of one request reach green once."""
    traffic.set(WEB, 1)
    failed = sum(traffic.sample(WEB, count=1, rate=1).failed for _ in range(100))
    assert failed == 1


def test_a_year_passes_at_once(world: World, traffic: SimulatedTraffic) -> None:
    """Long sleeps are arithmetic: three billion requests take no longer than three."""
    start = time.perf_counter()
    world.clock().sleep(365 * 86400)
    assert world.counters()["web"]["requests"] == 365 * 86400 * 100
    assert time.perf_counter() - start < 30


def test_a_kept_weight_is_not_reset_by_a_new_process(world: World, traffic: SimulatedTraffic) -> None:
    """To name the routes again changes their Services and the rate, not the split."""
    traffic.set(WEB, 25)
    again = world.traffic([RouteSpec(name="web", services=("shop/web",))], rate=10)
    assert again.read(WEB).green == 25
    world.clock().sleep(10)
    assert world.counters()["web"]["requests"] == 100
