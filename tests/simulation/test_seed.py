"""Seeding: from an inventory, from YAML, and as a fresh cluster."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from migrate.errors import RecordingError
from migrate.model.ids import Side
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.objects import Resource
from migrate.simulation import seed
from migrate.simulation.redaction import redacted
from migrate.simulation.served import builtin, resource
from migrate.simulation.world import World
from tests.simulation.builders import big_inventory, cron_job, found, named, read, resource_for, small_world

SECRET = "correct horse battery staple"
ENCODED = base64.b64encode(SECRET.encode()).decode()


def test_no_secret_value_enters_the_file(tmp_path: Path) -> None:
    """Neither plain nor encoded, nor by way of an annotation; keys and types stay."""
    secret = named("v1", "Secret", "s", "shop", type="Opaque", data={"password": ENCODED})
    secret["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"password": ENCODED}}),
        "backup.example.com/copy": f"it is {SECRET}",
        "note": "harmless",
    }
    inventory = inventory_of(
        [(resource("secrets"), secret), (resource("namespaces"), named("v1", "Namespace", "shop"))]
    )
    with World.create(tmp_path / "world.db") as world:
        seed.seed(world, Side.BLUE, inventory, name="old")
        world.settle()
        stored = read(world.cluster(Side.BLUE), secret)
        assert stored is not None
        assert set(stored["data"]) == {"password"}
        assert stored["type"] == "Opaque"
        assert stored["metadata"]["annotations"] == {"note": "harmless"}
        for path in tmp_path.iterdir():
            content = path.read_bytes()
            assert SECRET.encode() not in content, path
            assert ENCODED.encode() not in content, path


def test_a_stand_in_for_a_secret_is_one_that_a_server_takes() -> None:
    """A pull secret stays JSON, and two seedings give the same."""
    data = {".dockerconfigjson": base64.b64encode(b'{"auths":{"x":{"auth":"c2VjcmV0"}}}').decode()}
    secret = named("v1", "Secret", "s", "shop", type="kubernetes.io/dockerconfigjson", data=data)
    stand_in = redacted(secret)
    assert json.loads(base64.b64decode(stand_in["data"][".dockerconfigjson"])) == {"auths": {}}
    assert redacted(secret) == stand_in
    assert secret["data"] == data


def test_an_inventory_keeps_who_it_is(tmp_path: Path) -> None:
    """uids, times, status and served resources are the real cluster's, and nothing is made up beside it."""
    inventory = big_inventory(400, 20, 5)
    odd = Resource("example.com", "v1alpha1", "widgets", "Widget", True, frozenset({"get", "list", "create"}))
    inventory = inventory_of(
        [*inventory, (odd, named("example.com/v1alpha1", "Widget", "w", "ns1"))], version="v1.19.16"
    )
    with World.create(tmp_path / "world.db") as world:
        seed.seed(world, Side.BLUE, inventory, name="old")
        world.settle()
        blue = world.cluster(Side.BLUE)
        assert {r.name for r in blue.resources()} == {r.name for r in inventory.resources}
        assert blue.identity().version == "v1.19.16"
        for what, obj in inventory:
            if obj["kind"] not in {"Secret", "Widget"}:
                stored = blue.get(what, obj["metadata"]["name"], obj["metadata"].get("namespace", ""))
                assert stored is not None
                assert stored["metadata"]["uid"] == obj["metadata"]["uid"]
                assert stored.get("status") == obj.get("status")
        assert found(blue, "services")[0]["spec"]["clusterIP"]
        total = world.store.rows("SELECT COUNT(*) FROM objects WHERE side = 'blue'")[0][0]
        assert total == len(inventory)


def test_a_side_is_seeded_once(tmp_path: Path) -> None:
    """A second cluster on a side is refused and leaves the first as it is."""
    with small_world(tmp_path / "world.db") as world:
        with pytest.raises(ValueError, match="seeded already"):
            seed.seed_yaml(world, Side.BLUE, "", "other")
        assert world.cluster(Side.BLUE).name == "old"


def test_yaml_of_an_unknown_kind_is_refused_whole(tmp_path: Path) -> None:
    """The kind is named, and the side stays unmade."""
    with World.create(tmp_path / "world.db") as world:
        with pytest.raises(RecordingError) as refused:
            seed.seed_yaml(
                world, Side.BLUE, "{apiVersion: example.com/v1, kind: Thing, metadata: {name: t}}", "old"
            )
        assert "nothing serves example.com/v1 Thing" in refused.value.problems[0]
        assert world.store.value("cluster:blue") is None


def test_yaml_may_bring_its_own_kinds_and_an_old_version(tmp_path: Path) -> None:
    """CRDs among the documents serve theirs at once; the first node's version says which built-in ones there are."""
    text = """
    apiVersion: v1
    kind: List
    items:
    - {apiVersion: v1, kind: Node, metadata: {name: n}, status: {nodeInfo: {kubeletVersion: v1.19.16}}}
    - {apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i, namespace: shop}, spec: {}}
    - apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: things.example.com}
      spec:
        group: example.com
        scope: Namespaced
        names: {plural: things, kind: Thing}
        versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
    - {apiVersion: example.com/v1, kind: Thing, metadata: {name: t, namespace: shop}}
    """
    with World.create(tmp_path / "world.db") as world:
        seed.seed_yaml(world, Side.BLUE, text, "old")
        blue = world.cluster(Side.BLUE)
        names = {r.name for r in blue.resources()}
        assert {"things.example.com", "ingresses.extensions", "podsecuritypolicies.policy"} <= names
        assert blue.identity().minor == (1, 19)
        assert read(
            blue,
            {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "shop"}},
        )


def test_a_seeded_cron_job_goes_on_firing(tmp_path: Path) -> None:
    """Though nothing of it has changed, its next firing comes, and none of its past."""
    job = cron_job("tick", "shop", "0 * * * *")
    job["metadata"] |= {"uid": "u", "creationTimestamp": "2025-01-01T00:00:00Z"}
    job["status"] = {"lastScheduleTime": "2026-01-05T09:00:00Z"}
    objects = (job, named("v1", "Namespace", "shop"), named("v1", "ServiceAccount", "default", "shop"))
    resources = tuple(served.resource for served in builtin())
    inventory = Inventory(resources, {resource_for(obj): [obj] for obj in objects}, "v1.30.2")
    with World.create(tmp_path / "world.db") as world:
        seed.seed(world, Side.BLUE, inventory, name="old")
        world.clock().sleep(3 * 3600)
        assert [moment.hour for _, _, moment in world.firings(Side.BLUE)] == [10, 11, 12]


def test_a_pod_that_runs_to_an_end_on_blue_ends_in_the_world(tmp_path: Path) -> None:
    """A Job that ran when blue was read is over some time later, so that a rehearsal does not wait for it for ever."""
    pod = named("v1", "Pod", "report-1-abc", "shop")
    pod["metadata"] |= {"uid": "p", "creationTimestamp": "2026-01-05T08:59:00Z"}
    pod["spec"] = {
        "nodeName": "n1",
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "registry.example/report:1"}],
    }
    pod["status"] = {"phase": "Running", "startTime": "2026-01-05T08:59:00Z"}
    objects = (pod, named("v1", "Namespace", "shop"), named("v1", "ServiceAccount", "default", "shop"))
    resources = tuple(served.resource for served in builtin())
    inventory = Inventory(resources, {resource_for(obj): [obj] for obj in objects}, "v1.30.2")
    with World.create(tmp_path / "world.db") as world:
        seed.seed(world, Side.BLUE, inventory, name="old")
        world.clock().sleep(3600)
        pods = world.cluster(Side.BLUE)
        assert (pods.get(resource_for(pod), "report-1-abc", "shop") or {})["status"]["phase"] == "Succeeded"


def test_a_fresh_green_waits_for_its_pod_network(tmp_path: Path) -> None:
    """Nodes are not Ready, CoreDNS is Pending, host-network pods run; brought classes stand there."""
    storage = named("storage.k8s.io/v1", "StorageClass", "fast", provisioner="csi.example.com")
    storage["metadata"]["uid"] = "of another cluster"
    with World.create(tmp_path / "world.db") as world:
        seed.empty(
            world,
            Side.GREEN,
            pod_cidr="10.48.0.0/14",
            service_cidr="10.112.0.0/16",
            nodes=2,
            name="new",
            classes=[storage],
        )
        world.settle()
        green = world.cluster(Side.GREEN)
        phases = {
            pod["metadata"]["name"].split("-")[0]: pod["status"]["phase"] for pod in found(green, "pods")
        }
        assert phases == {"coredns": "Pending", "kube": "Running"}
        for node in found(green, "nodes"):
            (condition,) = [c for c in node["status"]["conditions"] if c["type"] == "Ready"]
            assert condition["status"] == "False"
        (found_class,) = found(green, "storageclasses", "storage.k8s.io")
        assert found_class["metadata"]["uid"] != "of another cluster"
        dns = read(green, named("v1", "Service", "kube-dns", "kube-system"))
        assert dns is not None
        assert dns["spec"]["clusterIP"] == "10.112.0.10"
