"""What blue is for a moment between two runs: no leader, a pod more. A run that comes by just then opens nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, dig, name_of, namespace_of
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, created, patched
from tests.scenario.moves import FILE, Life, amended, entries_of, progress_of, run, seeded, world_of

VERIFIED = Life(until=Until(phase=Phase.VERIFY))
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


@pytest.fixture
def led(tmp_path: Path) -> Project:
    """A verified move of an `api` that is exclusive by the lock alone that its pod holds."""
    project = seeded(tmp_path / "move")
    with world_of(project) as world:
        world.settle()
        pods = [pod for page in world.cluster(Side.BLUE).pages(PODS) for pod in page]
    (pod,) = (name_of(p) for p in pods if namespace_of(p) == "shop" and name_of(p).startswith("api"))
    created(project, Side.BLUE, LEASES, "shop/lock", spec={"holderIdentity": f"{pod}_1"})
    run(project, VERIFIED)
    assert replicas(project) == 0
    return project


def replicas(project: Project) -> int:
    """The replicas of `api` on green."""
    with world_of(project) as world:
        return int(dig(world.cluster(Side.GREEN).get(DEPLOYMENTS, "api", "shop"), "spec", "replicas"))


@pytest.mark.parametrize("holder", ["", "api-after-the-list_2"])
def test_a_moment_without_a_leader_starts_nobody(led: Project, holder: str) -> None:
    """Neither while the lock is free nor while a pod has it that was not read; the whole move goes on from there."""
    patched(led, Side.BLUE, LEASES, "shop/lock", {"spec": {"holderIdentity": holder}})
    run(led, VERIFIED)
    assert replicas(led) == 0
    assert run(led)
    assert replicas(led) == 1


def test_another_leader_opens_nothing_again(led: Project) -> None:
    """A pod's name changes with every rollout, and so does who holds a lock: nobody is asked, and nothing is done again."""
    pod = {"nodeName": "blue-1", "containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}
    mirrored = {
        "name": "proxy-2",
        "namespace": "kube-system",
        "annotations": {"kubernetes.io/config.mirror": "x"},
    }
    patched(led, Side.BLUE, LEASES, "shop/lock", {"spec": {"holderIdentity": ""}})
    created(led, Side.BLUE, PODS, "kube-system/proxy-2", metadata=mirrored, spec=pod)
    created(led, Side.BLUE, LEASES, "shop/another", spec={"holderIdentity": "somebody"})
    before = len(entries_of(led))
    run(led, VERIFIED)
    assert {entry.kind.value for entry in entries_of(led)[before:]} == {"runner"}


def test_what_is_new_and_moves_is_told_of(led: Project) -> None:
    """One object more that is written is counted, with all that stays on blue meanwhile.

    There a Lease has come, and the run's own is not held yet when the command looks.
    """
    counts = dict(progress_of(led).recorded("decisions"))
    created(led, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    created(led, Side.BLUE, LEASES, "shop/another", spec={"holderIdentity": "somebody"})
    run(led, VERIFIED)
    counts["replayed"] += 1
    assert progress_of(led).recorded("decisions") == counts


def test_a_person_may_say_otherwise(led: Project) -> None:
    """With another word on workloads in the file, it is judged by what is seen."""
    patched(led, Side.BLUE, LEASES, "shop/lock", {"spec": {"holderIdentity": ""}})
    run(
        amended(led, FILE + "  start: [{namespace: shop, name: api}, {namespace: shop, name: web}]\n"),
        VERIFIED,
    )
    assert replicas(led) == 1
