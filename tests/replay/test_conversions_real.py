"""A real API server takes what conversions make, and an old version of an object that it still serves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from migrate import replay
from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.errors import Invalid
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.facts import OwnRanges
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, group_of, kind_of, name_of, namespace_of
from migrate.replay.parity import unequal
from tests.lab.control_plane import ControlPlane
from tests.replay.builders import migration, obj
from tests.replay.test_conversions import FILES

NAMESPACE = "conversions"


@pytest.fixture(scope="module")
def green(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[KubeCluster]:
    """The real green with a namespace to write in."""
    with connect(blue_and_green[1].kubeconfig, None, Side.GREEN) as cluster:
        namespaces = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
        write = Write(Verb.CREATE, namespaces, NAMESPACE, body={"metadata": {"name": NAMESPACE}})
        cluster.write(write)
        yield cluster
        cluster.write(Write(Verb.DELETE, namespaces, NAMESPACE))


def resource_of(cluster: KubeCluster, obj: Object) -> Resource:
    """What serves the object."""
    return next(r for r in cluster.resources() if (r.group, r.kind) == (group_of(obj), kind_of(obj)))


def created(cluster: KubeCluster, given: Object, *, dry_run: bool) -> Object:
    """Create an object in the test's namespace, where its kind has any."""
    what = resource_of(cluster, given)
    namespace = NAMESPACE if what.namespaced else ""
    body = {**given, "metadata": {**given["metadata"], **({"namespace": namespace} if namespace else {})}}
    return cluster.write(Write(Verb.CREATE, what, name_of(given), namespace, body, dry_run=dry_run))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_server_takes_what_a_conversion_makes(green: KubeCluster, path: Path) -> None:
    """Its validation has nothing to say, and no field that it does not know is dropped."""
    wanted = yaml.safe_load(path.read_text())["becomes"]
    made = created(green, wanted, dry_run=True)
    warned = green.warnings(resource_of(green, made), name_of(made), namespace_of(made))
    assert not [words for words in warned if "unknown field" in words]
    assert made["apiVersion"] == wanted["apiVersion"]
    assert not list(unequal(wanted.get("spec"), made.get("spec")))


def test_an_autoscaler_that_blue_gives_in_v1_keeps_its_metrics(green: KubeCluster) -> None:
    """What v1 has no field for stands in its annotations, and is on green in v2 as it was."""
    metric = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    scaler = obj(
        "HorizontalPodAutoscaler",
        "scaled",
        NAMESPACE,
        "autoscaling/v2",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 9,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
        },
    )
    kind = ("autoscaling", "HorizontalPodAutoscaler")
    served = [r for r in green.resources() if (r.group, r.kind) == kind]
    created(green, scaler, dry_run=False)
    older = [r.at("v1") for r in served]
    read = read_inventory(green, only=[kind], at=replay.readable(older))
    assert [r.version for r in read.resources] == ["v1"]
    decisions = replay.decide_all(
        read, migration(), residue=frozenset(), ranges=OwnRanges(), green_resources=served
    )
    (target,) = [d.target for d in decisions if d.ref.namespace == NAMESPACE and d.target]
    assert target["apiVersion"] == "autoscaling/v1"
    green.write(Write(Verb.DELETE, served[0], "scaled", NAMESPACE))
    assert created(green, target, dry_run=False)["apiVersion"] == "autoscaling/v1"
    found = green.get(served[0], "scaled", NAMESPACE)
    assert found is not None
    assert namespace_of(found) == NAMESPACE
    assert found["spec"]["metrics"] == [metric]
    assert found["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 600


def test_a_definition_of_the_beta_time_keeps_what_it_kept(green: KubeCluster) -> None:
    """The server refuses it as it was; as it is written it takes it, and keeps fields that no schema names."""
    case = yaml.safe_load((FILES[0].parent.parent / "replay" / "replay.definition.yaml").read_text())
    with pytest.raises(Invalid, match="cannot set to true, set x-kubernetes-preserve-unknown-fields"):
        created(green, {key: value for key, value in case["object"].items() if key != "status"}, dry_run=True)
    definition = created(green, case["target"], dry_run=False)
    try:
        kind = ("example.com", "Shop")
        deadline = time.monotonic() + 30
        while not [r for r in green.resources() if (r.group, r.kind) == kind]:
            assert time.monotonic() < deadline, "the definition is not served"
            time.sleep(0.2)
        spec = {
            "size": 1,
            "other": {"deep": 1},
            "shelves": [{"name": "a", "other": 1}],
            "labels": {"a": "b"},
            "rooms": {"a": {"name": "b", "other": 1}},
        }
        shop = {**obj("Shop", "main", NAMESPACE, "example.com/v1", spec=spec), "unknown": True}
        made = created(green, shop, dry_run=False)
        assert (made["spec"], made["unknown"]) == (spec, True)
    finally:
        what = next(r for r in green.resources() if r.kind == "CustomResourceDefinition")
        green.write(Write(Verb.DELETE, what, name_of(definition)))
