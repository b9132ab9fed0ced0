"""Calico's stand-in between two looks at everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migrate.doors.cluster import Cluster
from migrate.model.ids import Side
from migrate.simulation.calico import reconcile
from migrate.simulation.following import Following
from migrate.simulation.manifests import calico
from migrate.simulation.world import World
from tests.simulation.builders import create, delete, found, named, patch, pods_of, ready, workload

GROUP = "crd.projectcalico.org"


def calico_green(path: Path, pool: str = "10.48.0.0/16") -> World:
    """A world whose green has three nodes, Calico and one pool, all at rest."""
    world = World.create(path)
    world.provisioner(nodes=3, pod_cidr="10.48.0.0/14").create(0.0)
    green = world.cluster(Side.GREEN)
    manifests = calico("v3.32.1")
    for obj in manifests:
        if obj["kind"] == "CustomResourceDefinition":
            create(green, obj)
    world.settle()
    # before calico-node, which makes a pool of its own where there is none
    spec = {"cidr": pool, "blockSize": 26, "vxlanMode": "Always", "ipipMode": "Never", "natOutgoing": True}
    create(green, named(f"{GROUP}/v1", "IPPool", "default", spec={**spec, "nodeSelector": "all()"}))
    for obj in manifests:
        if obj["kind"] != "CustomResourceDefinition":
            create(green, obj)
    world.settle()
    return world


def custom(cluster: Cluster, kind: str) -> list[Any]:
    """Every object of one of Calico's kinds."""
    what = next(r for r in cluster.resources() if r.kind == kind and r.group == GROUP)
    return [obj for page in cluster.pages(what) for obj in page]


def whole_look_writes(world: World) -> bool:
    """Whether a look at everything finds anything that following the pods has left undone."""
    door = world._managed[Side.GREEN]
    return reconcile(door, now=world.store.now, give_addresses=True)


def held(cluster: Cluster) -> set[str]:
    """The pods that Calico's blocks name."""
    return {
        a["secondary"]["pod"]
        for block in custom(cluster, "IPAMBlock")
        for a in block["spec"]["attributes"]
        if "pod" in a["secondary"]
    }


def test_what_follows_the_pods_is_what_a_look_at_everything_finds(tmp_path: Path) -> None:
    """Pods that come, grow, move to other names and go leave blocks and handles as a look at everything would."""
    with calico_green(tmp_path / "world.db") as world:
        green = world.cluster(Side.GREEN)
        web = create(green, workload("Deployment", "web", "default", 9))
        world.settle()
        assert all(ready(pod) for pod in pods_of(green, "web", "default"))
        assert not whole_look_writes(world)
        names = {pod["metadata"]["name"] for pod in pods_of(green, "web", "default")}
        assert len(names) == 9
        assert names <= held(green)
        for replicas in (4, 150, 0):  # 150 pods need a second block on a node
            patch(green, web, {"spec": {"replicas": replicas}})
            world.clock().sleep(60)
            assert len([p for p in pods_of(green, "web", "default") if ready(p)]) == replicas
            assert not whole_look_writes(world)
        assert not names & held(green)


def test_only_pods_are_looked_at_where_only_pods_changed(tmp_path: Path, monkeypatch: Any) -> None:
    """A new pod does not make the stand-in read every pod; a new node does."""
    looks: list[bool] = []
    original = Following.__call__

    def counted(self: Following, cluster: Cluster, **more: Any) -> bool:
        looks.append(more["changed"] is None)
        return original(self, cluster, **more)

    with calico_green(tmp_path / "world.db") as world:
        monkeypatch.setattr(Following, "__call__", counted)
        green = world.cluster(Side.GREEN)
        create(green, workload("Deployment", "web", "default", 5))
        world.settle()
        assert looks
        assert not any(looks)
        node = found(green, "nodes")[0]
        patch(green, node, {"metadata": {"labels": {"rack": "b"}}})
        world.settle()
        assert looks[-1]


def test_a_pod_without_an_address_gets_one_when_another_goes(tmp_path: Path) -> None:
    """A pool that is full starves a pod until an address is freed."""
    with calico_green(tmp_path / "world.db", pool="10.48.0.0/26") as world:
        green = world.cluster(Side.GREEN)
        web = create(green, workload("Deployment", "web", "default", 70))
        world.clock().sleep(30)
        waiting = [pod for pod in pods_of(green, "web", "default") if not ready(pod)]
        assert waiting
        going = next(pod for pod in pods_of(green, "web", "default") if ready(pod))
        delete(green, going)
        patch(green, web, {"spec": {"replicas": 69}})
        world.clock().sleep(60)
        assert len([pod for pod in pods_of(green, "web", "default") if not ready(pod)]) < len(waiting)
        assert not whole_look_writes(world)
