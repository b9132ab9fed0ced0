"""What was let go of is waited for until it works on green as it did on blue; one address is never on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.actions.conditions.addresses import CLEANUP
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import dig
from tests.scenario.hands import SERVICES, created, patched, scaled_by_an_autoscaler
from tests.scenario.moves import FILE, Life, progress_of, roll_back_to, run, seeded, world_of
from tests.scenario.turns import acts, first, ways_in

BUDGET = FILE + "verify: {budget: 2m}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move with an Ingress, an autoscaler and an address of blue's own, none of them in front of the route."""
    project = seeded(tmp_path / "move", BUDGET)
    ways_in(project)
    scaled_by_an_autoscaler(project, "api")
    with world_of(project) as world:
        world.clock().sleep(60)
    return project


def status(project: Project, resource: Any, name: str, side: Side = Side.GREEN) -> Any:
    """The status of an object of the shop."""
    with world_of(project) as world:
        return dig(world.cluster(side).get(resource, name, "shop"), "status")


def test_each_is_read_back(project: Project) -> None:
    """Blue's address is free before green asks for it; then the Ingress has one, and the autoscaler scales."""
    assert run(project)
    found = acts(project)
    order = [
        first(found, "patch blue", "shop/own", "rest"),
        first(found, "wait", "shop/own", "free on blue"),
        first(found, "patch green", "shop/own", "release"),
        first(found, "wait", "shop/own", "an address on green"),
        first(found, "patch green", "Ingress", "release"),
        first(found, "wait", "Ingress", "an address on green"),
    ]
    assert order == sorted(order)
    first(found, "wait", "HorizontalPodAutoscaler", "scale on green")
    assert status(project, SERVICES, "own")["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.77"
    assert not dig(status(project, SERVICES, "own", Side.BLUE), "loadBalancer", "ingress")


def test_green_does_not_ask_for_what_blue_still_has(project: Project) -> None:
    """A cloud that takes its time on blue holds the run in front of the release, and the run goes on behind it."""
    patched(project, Side.BLUE, SERVICES, "shop/own", {"metadata": {"finalizers": [CLEANUP]}})
    with pytest.raises(CheckFailed, match="its load balancer is still being taken away"):
        run(project)
    with world_of(project) as world:
        green = world.cluster(Side.GREEN).get(SERVICES, "own", "shop")
    assert dig(green, "spec", "type") == "ClusterIP"
    patched(project, Side.BLUE, SERVICES, "shop/own", {"metadata": {"finalizers": None}})
    assert run(project)


def test_the_way_back_waits_the_other_way_round(project: Project) -> None:
    """Green's address is free before blue asks for it again."""
    assert not run(project, Life(until=Until(phase=Phase.CUTOVER)))
    roll_back_to(project, Phase.VERIFY)
    undone = [i.action.key for i in progress_of(project).intents() if i.undoes]
    assert (
        first(undone, "patch green", "shop/own")
        < first(undone, "wait", "shop/own", "free on green")
        < first(undone, "patch blue", "shop/own")
    )
    assert status(project, SERVICES, "own", Side.BLUE)["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.77"


def test_load_balancers_open_one_after_the_other(project: Project) -> None:
    """Each has its address before the next is asked for: one that gets none leaves the next on blue alone."""
    for port, name in enumerate(("left", "right"), 31081):
        ports = [{"port": 80, "nodePort": port}]
        spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports}
        created(project, Side.BLUE, SERVICES, f"shop/{name}", spec=spec)
    with world_of(project) as world:
        world.clock().sleep(60)
    assert run(project)
    found = acts(project)
    order = [
        first(found, "patch green", "shop/left", "release"),
        first(found, "wait", "shop/left", "an address on green"),
        first(found, "patch green", "shop/right", "release"),
        first(found, "wait", "shop/right", "an address on green"),
        first(found, "patch green", "Ingress", "release"),
    ]
    assert order == sorted(order)
