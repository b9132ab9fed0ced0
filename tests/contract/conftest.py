"""The two sides of the cluster door, each on a bench that makes namespaces and waits for controllers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from migrate.doors.cluster import Cluster, Verb, Write
from migrate.errors import NotFound
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, dig

T = TypeVar("T")

HAND = "kubectl-edit"
"""The field manager of somebody else."""

Hand = Callable[[Write], object]

PATIENCE = 30.0
"""Seconds for controllers: the controller manager of a busy machine takes a few."""


class Bench:
    """A cluster door with what a test of it needs; `tick` lets the controllers of the cluster act.

    `hand` writes as somebody else, who goes by the field manager HAND.
    """

    def __init__(
        self, cluster: Cluster, tick: Callable[[], None], hand: Hand, patience: float = PATIENCE
    ) -> None:
        self.cluster = cluster
        self._tick = tick
        self._hand = hand
        self._patience = patience

    @cached_property
    def _served(self) -> Mapping[tuple[str, str], Resource]:
        return {(r.group, r.kind): r for r in self.cluster.resources()}

    def resource(self, kind: str, group: str = "") -> Resource:
        """The resource of a kind; kinds that a test adds are looked up afresh."""
        if (group, kind) not in self._served:
            del self.__dict__["_served"]
        return self._served[group, kind]

    def write(self, verb: Verb, kind: str, name: str, namespace: str = "", **more: Any) -> Object:
        """Do one write; `group` names the kind's group where it is not the core one."""
        resource = self.resource(kind, more.pop("group", ""))
        return self.cluster.write(Write(verb, resource, name, namespace, **more))

    def create(self, obj: Object, **more: Any) -> Object:
        """Create an object that says what it is."""
        return self._of(Verb.CREATE, obj, **more)

    def apply(self, obj: Object, **more: Any) -> Object:
        """Apply an object that says what it is."""
        return self._of(Verb.APPLY, obj, **more)

    def replace(self, obj: Object, **more: Any) -> Object:
        """Put an object that says what it is in the place of itself."""
        return self._of(Verb.REPLACE, obj, **more)

    def get(self, obj: Object) -> Object | None:
        """Read an object as it is now."""
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
        return self.cluster.get(self._resource_of(obj), name, namespace)

    def delete(self, obj: Object, **more: Any) -> Object:
        """Delete an object."""
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
        return self.cluster.write(Write(Verb.DELETE, self._resource_of(obj), name, namespace, **more))

    def patch(self, obj: Object, patch: Object, **more: Any) -> Object:
        """Patch an object by a merge patch."""
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
        return self.cluster.write(
            Write(Verb.PATCH, self._resource_of(obj), name, namespace, body=patch, **more)
        )

    def by_hand(self, obj: Object, patch: Object) -> None:
        """Merge-patch an object as somebody else."""
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
        self._hand(Write(Verb.PATCH, self._resource_of(obj), name, namespace, body=patch))

    def namespace(self) -> str:
        """Make a namespace of one's own and return its name."""
        name = f"contract-{uuid4().hex[:10]}"
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Let controllers act until there is something to return; fails where it takes too long."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            if found := look():
                return found
            self._tick()
        pytest.fail(f"no {what} within {self._patience:.0f} s")

    def _of(self, verb: Verb, obj: Object, **more: Any) -> Object:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        return self.cluster.write(
            Write(verb, self._resource_of(obj), metadata["name"], namespace, body=obj, **more)
        )

    def _resource_of(self, obj: Object) -> Resource:
        return self.resource(obj["kind"], obj["apiVersion"].rpartition("/")[0])


NETWORK_AGENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "kindnet", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": {"app": "kindnet"}},
        "template": {
            "metadata": {"labels": {"app": "kindnet"}},
            "spec": {
                "hostNetwork": True,
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "main", "image": "kindnet"}],
            },
        },
    },
}
"""A pod network, without which no simulated node turns Ready; the lab's kwok turns real ones Ready by itself."""


def nodes_ready(bench: Bench) -> bool:
    """Whether there are nodes, all of them Ready."""
    nodes = [o for page in bench.cluster.pages(bench.resource("Node")) for o in page]
    conditions = [
        c for node in nodes for c in dig(node, "status", "conditions") or () if c["type"] == "Ready"
    ]
    return bool(nodes) and [c["status"] for c in conditions] == ["True"] * len(nodes)


@pytest.fixture
def simulated_bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench on the simulated API server of green, whose controllers act as the world's clock goes."""
    module = pytest.importorskip("migrate.simulation.world", exc_type=ModuleNotFoundError)
    with module.World.create(tmp_path / "world.db") as world:
        world.provisioner().create(60.0)
        clock = world.clock()
        hand = module.SimulatedCluster(world._store, Side.GREEN, manager=HAND).write
        made = Bench(world.cluster(Side.GREEN), lambda: clock.sleep(1.0), hand, patience=10.0)
        made.create(NETWORK_AGENT)
        made.until("Ready nodes", lambda: nodes_ready(made))
        yield made


@pytest.fixture(scope="session")
def real_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bench on the real API server of green, as a user that priority and fairness applies to."""
    from migrate.kube.connect import connect
    from migrate.kube.targets import member

    _, green = request.getfixturevalue("blue_and_green")

    def hand(write: Write) -> object:
        path = member(write.resource, write.name, write.namespace)
        return green.api.patch(f"{path}?fieldManager={HAND}", write.body)

    with connect(green.kubeconfig, None, Side.GREEN) as cluster:
        yield Bench(cluster, lambda: time.sleep(0.05), hand)


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.lab)])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Either side of the door: what a test says must hold for both."""
    chosen: Bench = request.getfixturevalue(f"{request.param}_bench")
    return chosen


@pytest.fixture
def namespace(bench: Bench) -> Iterator[str]:
    """A namespace of the test's own, asked to go away afterwards."""
    name = bench.namespace()
    yield name
    with suppress(NotFound):  # the test itself may have deleted it
        bench.write(Verb.DELETE, "Namespace", name)
