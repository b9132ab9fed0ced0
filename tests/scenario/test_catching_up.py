"""A replay that was cut off, and blue changed before it went on: green gets what blue has, and keeps what it has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.doors.cluster import Verb, Write
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, annotations_of
from migrate.simulation.faults import Killed
from migrate.simulation.server import SimulatedCluster
from tests.scenario.hands import CONFIG_MAPS, patched
from tests.scenario.moves import FILE, Death, Life, copied, run, small_project, world_of

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
POOLS = "calico: {pools: [{name: main, cidr: 10.48.0.0/17}, {name: back, cidr: 10.48.128.0/17, namespaces: [back]}]}"
REPLAYED = Life(until=Until(phase=Phase.VERIFY))
WRITTEN = Life(until=Until(phase=Phase.REPLAY))


@pytest.fixture
def cut_off(tmp_path: Path) -> Project:
    """A move whose namespaces and ConfigMaps stand on green, and whose workloads do not."""
    text = FILE.replace("serviceCIDR: 10.112.0.0/16}", "serviceCIDR: 10.112.0.0/16}\n  " + POOLS)
    project = copied(small_project(tmp_path / "fresh", text), tmp_path / "move")
    with pytest.raises(Killed):
        run(project, Life(Death(1, only=lambda words: words.startswith("write create green deployments"))))
    return project


def on_green(project: Project, resource: Resource, name: str, namespace: str = "") -> Any:
    """An object of green, with what every object has."""
    with world_of(project) as world:
        found = world.cluster(Side.GREEN).get(resource, name, namespace)
    assert found is not None
    return found


def by_hand(project: Project, resource: Resource, where: str, body: Any) -> None:
    """Patch an object of green as somebody with a field manager of their own."""
    namespace, _, name = where.partition("/")
    with world_of(project) as world:
        other = SimulatedCluster(world._store, Side.GREEN, manager="kubectl-edit")
        other.write(Write(Verb.PATCH, resource, name, namespace, body))


def test_what_blue_gave_up_is_given_up_on_green(cut_off: Project) -> None:
    """A key that is gone from blue goes from green; one that somebody put there beside ours stays, and is judged."""
    by_hand(cut_off, CONFIG_MAPS, "back/worker", {"data": {"theirs": "1"}})
    patched(cut_off, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": None, "lane": "fast"}})
    run(cut_off, WRITTEN)
    assert on_green(cut_off, CONFIG_MAPS, "worker", "back")["data"] == {"lane": "fast", "theirs": "1"}
    with pytest.raises(CheckFailed, match=r"ConfigMap back/worker: differs at data\.theirs \(kubectl-edit"):
        run(cut_off)


def test_a_namespace_that_changed_keeps_its_pools(cut_off: Project) -> None:
    """What this run itself patched in since is no part of blue, and stays."""
    before = on_green(cut_off, NAMESPACES, "back")
    assert "cni.projectcalico.org/ipv4pools" in annotations_of(before)
    patched(cut_off, Side.BLUE, NAMESPACES, "/back", {"metadata": {"labels": {"team": "a"}}})
    run(cut_off, REPLAYED)
    after = on_green(cut_off, NAMESPACES, "back")
    assert after["metadata"]["labels"]["team"] == "a"
    assert annotations_of(after)["cni.projectcalico.org/ipv4pools"] == '["back"]'


def test_what_was_changed_on_both_sides_is_decided_by_a_person(cut_off: Project) -> None:
    """The run stops and names who changed what on green; alike on both sides, it goes on."""
    by_hand(cut_off, CONFIG_MAPS, "back/worker", {"data": {"queue": "mended"}})
    patched(cut_off, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": "others"}})
    with pytest.raises(CheckFailed, match=r'conflict with "kubectl-edit" using v1: \.data\.queue') as caught:
        run(cut_off, REPLAYED)
    assert caught.value.exit_code == 30
    assert "alike on both sides" in caught.value.remedy
    assert "mended" not in str(caught.value)
    patched(cut_off, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": "mended"}})
    run(cut_off, REPLAYED)
    assert on_green(cut_off, CONFIG_MAPS, "worker", "back")["data"] == {"queue": "mended"}
