"""What starts work by itself rests on green until the cutover; blue's goes off by the same switch while it is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import GateName, Phase, Side
from migrate.model.objects import Resource, dig
from tests.scenario.hands import created, patched
from tests.scenario.moves import FILE, Life, roll_back_to, run, seeded, world_of
from tests.scenario.turns import acts, defined, first

RULE = "  rules: [{kind: JobSet, namespace: back, name: '*', replay: true, reason: they may begin anew}]\n"
SETS = Resource("jobset.x-k8s.io", "v1alpha2", "jobsets", "JobSet", namespaced=True)
SCHEDULES = Resource("velero.io", "v1", "schedules", "Schedule", namespaced=True)
RESOURCE_SETS = Resource("fluxcd.controlplane.io", "v1", "resourcesets", "ResourceSet", namespaced=True)
ALL = ((SETS, "train"), (SETS, "soon"), (SCHEDULES, "nightly"), (RESOURCE_SETS, "apps"))
SWITCH = {
    SETS: ("spec", "suspend"),
    SCHEDULES: ("spec", "paused"),
    RESOURCE_SETS: ("metadata", "annotations", "fluxcd.controlplane.io/reconcile"),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose blue has runs, a schedule and what makes workloads."""
    project = seeded(tmp_path / "move", FILE + RULE)
    for resource in SWITCH:
        defined(project, resource)
    with world_of(project) as world:
        world.clock().sleep(10)  # until they are Established
    for resource, name in ALL:
        created(project, Side.BLUE, resource, f"back/{name}", spec={"of": "the operator's"})
    return project


def switches(project: Project, side: Side) -> dict[str, Any]:
    """How the switch of each stands."""
    with world_of(project) as world:
        cluster = world.cluster(side)
        found = {name: cluster.get(resource, name, "back") or {} for resource, name in ALL}
    return {name: dig(found[name], *SWITCH[resource]) for resource, name in ALL}


def test_each_rests_on_green_until_blues_is_off(project: Project) -> None:
    """Before the cutover all rest there; then blue's go off before the writers, and green's go on."""
    assert not run(project, Life(until=Until(gate=GateName("before-writers"))))
    asleep = {"train": True, "soon": True, "nightly": True, "apps": "disabled"}
    assert switches(project, Side.GREEN) == asleep
    assert run(project)
    assert switches(project, Side.BLUE) == asleep
    assert switches(project, Side.GREEN) == dict.fromkeys(asleep)
    found = acts(project)
    worker = first(found, "patch blue", "Deployment", "/worker", "rest")
    for _, name in ALL:
        off, on = (
            first(found, "patch blue", f"back/{name}", "rest"),
            first(found, "patch green", f"back/{name}"),
        )
        assert off < on
        assert off < worker


def test_the_way_back_leaves_blue_as_it_was(project: Project) -> None:
    """What was absent is absent again, and green's rest."""
    before = switches(project, Side.BLUE)
    assert set(before.values()) == {None}
    assert run(project)
    roll_back_to(project, Phase.ASSESS)
    assert switches(project, Side.BLUE) == before


def test_a_run_that_has_ended_on_blue_is_not_begun_anew(project: Project) -> None:
    """It ended while it was moving: it stays at rest on green, and the one that had not goes on."""
    assert not run(project, Life(until=Until(gate=GateName("before-writers"))))
    over = {"status": {"conditions": [{"type": "Completed", "status": "True"}]}}
    patched(project, Side.BLUE, SETS, "back/train", over)
    said: list[str] = []
    assert run(project, Life(tell=lambda event: said.append(event.text)))
    assert any("has ended on blue (Completed), and stays at rest on green" in text for text in said)
    found = switches(project, Side.GREEN)
    assert (found["train"], found["soon"]) == (True, None)
