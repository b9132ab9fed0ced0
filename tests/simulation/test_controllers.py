"""What the controllers make of objects, one behaviour a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import Transient
from migrate.model.ids import Side
from migrate.simulation.controllers.context import Context
from migrate.simulation.controllers.index import Index
from migrate.simulation.controllers.manager import Manager
from migrate.simulation.controllers.view import ListedView
from migrate.simulation.server import SimulatedCluster
from migrate.simulation.world import World
from tests.simulation.builders import (
    create,
    cron_job,
    delete,
    found,
    named,
    patch,
    pods_of,
    read,
    ready,
    small_world,
    workload,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A small blue, settled."""
    with small_world(tmp_path / "world.db") as made:
        yield made


@pytest.fixture
def blue(world: World) -> SimulatedCluster:
    """Its API server."""
    return world.cluster(Side.BLUE)


def test_a_deployment_becomes_ready_pods_with_addresses(blue: SimulatedCluster) -> None:
    """Pods are on Ready nodes, with distinct addresses from their node's range, and the status tells."""
    pods = pods_of(blue, "web", "shop")
    nodes = {node["metadata"]["name"]: node["spec"]["podCIDR"] for node in found(blue, "nodes")}
    assert len(pods) == 3
    assert all(ready(pod) for pod in pods)
    assert len({pod["status"]["podIP"] for pod in pods}) == 3
    for pod in pods:
        assert pod["status"]["podIP"].rsplit(".", 1)[0] == nodes[pod["spec"]["nodeName"]].rsplit(".", 1)[0]
    live = read(blue, named("apps/v1", "Deployment", "web", "shop"))
    assert live is not None
    assert (live["status"]["readyReplicas"], live["status"]["observedGeneration"]) == (3, 1)


def test_a_new_template_replaces_the_pods(world: World, blue: SimulatedCluster) -> None:
    """The old set goes to none, the new one is full, and the old one can be found again."""
    web = named("apps/v1", "Deployment", "web", "shop")
    old = {pod["metadata"]["name"] for pod in pods_of(blue, "web", "shop")}
    container = {"name": "web", "image": "web:2"}
    patch(blue, web, {"spec": {"template": {"spec": {"containers": [container]}}}})
    world.settle()
    new = pods_of(blue, "web", "shop")
    assert {pod["spec"]["containers"][0]["image"] for pod in new} == {"web:2"}
    assert not old & {pod["metadata"]["name"] for pod in new}
    assert sorted(item["spec"]["replicas"] for item in found(blue, "replicasets", "apps")) == [0, 3]
    patch(blue, web, {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]}}}})  # fmt: skip
    world.settle()
    assert len(found(blue, "replicasets", "apps")) == 2
    assert {pod["metadata"]["name"] for pod in pods_of(blue, "web", "shop")} == old


def test_scaling_to_nothing_empties_the_endpoints(world: World, blue: SimulatedCluster) -> None:
    """Slices and Endpoints follow the pods, down and up again."""

    def addresses() -> tuple[int, int]:
        slices = found(blue, "endpointslices", "discovery.k8s.io", "shop")
        legacy = read(blue, named("v1", "Endpoints", "web", "shop"))
        assert legacy is not None
        subsets = legacy.get("subsets") or []
        return sum(len(s["endpoints"]) for s in slices), sum(len(s["addresses"]) for s in subsets)

    web = named("apps/v1", "Deployment", "web", "shop")
    assert addresses() == (3, 3)
    patch(blue, web, {"spec": {"replicas": 0}})
    world.settle()
    assert (addresses(), pods_of(blue, "web", "shop")) == ((0, 0), [])
    patch(blue, web, {"spec": {"replicas": 2}})
    world.settle()
    assert addresses() == (2, 2)


def test_what_is_owned_goes_with_its_owner(world: World, blue: SimulatedCluster) -> None:
    """Deleting a Deployment takes its sets and pods; deleting a Service its slices and Endpoints."""
    delete(blue, named("apps/v1", "Deployment", "web", "shop"))
    delete(blue, named("v1", "Service", "web", "shop"))
    world.settle()
    for plural, group in (
        ("replicasets", "apps"),
        ("pods", ""),
        ("endpointslices", "discovery.k8s.io"),
        ("endpoints", ""),
    ):
        assert found(blue, plural, group, "shop") == []


def test_a_child_of_a_stranger_is_collected(world: World, blue: SimulatedCluster) -> None:
    """An object that names an owner by a uid of another cluster does not live long."""
    child = named("v1", "ConfigMap", "child", "shop")
    child["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "of-another-cluster"}
    ]
    create(blue, child)
    assert read(blue, child) is not None
    world.settle()
    assert read(blue, child) is None


def test_a_child_of_an_unserved_kind_stays(world: World, blue: SimulatedCluster) -> None:
    """Where the owner's definition is gone nobody can tell that the owner is, and the child is left alone."""
    child = named("v1", "ConfigMap", "child", "shop")
    child["metadata"]["ownerReferences"] = [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "r", "uid": "gone"}
    ]
    create(blue, child)
    world.settle()
    assert read(blue, child) is not None


def test_a_stateful_set_keeps_its_claims(world: World, blue: SimulatedCluster) -> None:
    """Ordinals come in order, each with its bound claim; the claims outlive the set."""
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    db = workload("StatefulSet", "db", "shop", 2)
    db["spec"] |= {"serviceName": "db", "volumeClaimTemplates": [claim]}
    create(blue, db)
    world.settle()
    pods = pods_of(blue, "db", "shop")
    assert [pod["metadata"]["name"] for pod in pods] == ["db-0", "db-1"]
    assert all(ready(pod) for pod in pods)
    claims = found(blue, "persistentvolumeclaims", namespace="shop")
    assert {c["metadata"]["name"]: c["status"]["phase"] for c in claims} == {
        "data-db-0": "Bound",
        "data-db-1": "Bound",
    }
    delete(blue, db)
    world.settle()
    assert pods_of(blue, "db", "shop") == []
    assert len(found(blue, "persistentvolumeclaims", namespace="shop")) == 2
    delete(blue, claims[0])
    world.settle()
    assert len(found(blue, "persistentvolumes")) == 1


def test_a_claim_waits_for_its_first_consumer_and_for_its_last(world: World, blue: SimulatedCluster) -> None:
    """It is Pending without a pod, Bound with one, and while that pod runs it is not deleted."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = named("v1", "PersistentVolumeClaim", "c", "shop", spec=spec)
    create(blue, claim)
    world.settle()
    assert (read(blue, claim) or {})["status"]["phase"] == "Pending"
    user = workload(
        "Deployment", "user", "shop", 1, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    )
    create(blue, user)
    world.settle()
    assert (read(blue, claim) or {})["status"]["phase"] == "Bound"
    delete(blue, claim)
    world.settle()
    assert (read(blue, claim) or {})["metadata"]["deletionTimestamp"]
    patch(blue, user, {"spec": {"replicas": 0}})
    world.settle()
    assert read(blue, claim) is None


def test_a_daemon_set_follows_its_nodes(world: World, blue: SimulatedCluster) -> None:
    """A pod on every node that its selector and tolerations allow; an unmatched selector empties it."""
    agent = workload("DaemonSet", "agent", "shop", nodeSelector={"disk": "fast"})
    create(blue, agent)
    world.settle()
    assert [pod["spec"]["nodeName"] for pod in pods_of(blue, "agent", "shop")] == ["n2"]
    patch(blue, named("v1", "Node", "n1"), {"metadata": {"labels": {"disk": "fast"}}})
    world.settle()
    assert len(pods_of(blue, "agent", "shop")) == 2
    patch(blue, agent, {"spec": {"template": {"spec": {"nodeSelector": {"held": "yes"}}}}})
    world.settle()
    assert pods_of(blue, "agent", "shop") == []
    live = read(blue, agent)
    assert live is not None
    assert live["status"]["desiredNumberScheduled"] == 0


def test_pods_without_room_or_toleration_stay_pending(world: World, blue: SimulatedCluster) -> None:
    """The scheduler says why, and binds them once there is a way."""
    big = workload("Deployment", "big", "shop", 1)
    big["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
    picky = workload("Deployment", "picky", "shop", 1, nodeSelector={"zone": "nowhere"})
    create(blue, big)
    create(blue, picky)
    world.settle()
    for app in ("big", "picky"):
        (pod,) = pods_of(blue, app, "shop")
        assert pod["status"]["phase"] == "Pending"
        assert pod["status"]["conditions"][0]["reason"] == "Unschedulable"
    patch(blue, named("v1", "Node", "n1"), {"metadata": {"labels": {"zone": "nowhere"}}})
    world.settle()
    assert ready(pods_of(blue, "picky", "shop")[0])


def test_a_pod_waits_for_what_it_mounts(world: World, blue: SimulatedCluster) -> None:
    """A missing Secret keeps it from starting; an optional one does not."""
    volumes: list[dict[str, Any]] = [
        {"name": "a", "secret": {"secretName": "late"}},
        {"name": "b", "configMap": {"name": "never", "optional": True}},
    ]
    create(blue, workload("Deployment", "mounts", "shop", 1, volumes=volumes))
    world.settle()
    (pod,) = pods_of(blue, "mounts", "shop")
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"] == 'secret "late" not found'
    create(blue, named("v1", "Secret", "late", "shop"))
    world.settle()
    assert ready(pods_of(blue, "mounts", "shop")[0])


def test_a_refused_pod_is_tried_again(world: World, blue: SimulatedCluster) -> None:
    """A set whose ServiceAccount comes late has its pods some seconds after."""
    create(blue, workload("Deployment", "late", "shop", 1, serviceAccountName="robot"))
    world.settle()
    assert pods_of(blue, "late", "shop") == []
    create(blue, named("v1", "ServiceAccount", "robot", "shop"))
    world.clock().sleep(60)
    assert len(pods_of(blue, "late", "shop")) == 1


def test_a_job_runs_and_ends(world: World, blue: SimulatedCluster) -> None:
    """It is active, then complete, and goes when its time to live is over."""
    job = workload("Job", "once", "shop", restartPolicy="Never")
    job["apiVersion"] = "batch/v1"
    job["spec"] = {
        "template": job["spec"]["template"],
        "completions": 2,
        "parallelism": 1,
        "ttlSecondsAfterFinished": 600,
    }
    create(blue, job)
    world.settle()
    assert (read(blue, job) or {})["status"]["active"] == 1
    world.clock().sleep(70)
    status = (read(blue, job) or {})["status"]
    assert status["succeeded"] == 2
    assert "Complete" in {c["type"] for c in status["conditions"]}
    world.clock().sleep(700)
    assert read(blue, job) is None
    assert pods_of(blue, "once", "shop") == []


def test_a_cron_job_fires_by_the_world_s_time(world: World, blue: SimulatedCluster) -> None:
    """Each firing is recorded and makes a Job; a suspended one does nothing; history is kept short."""
    create(blue, cron_job("tick", "shop", "*/5 * * * *"))
    create(blue, cron_job("held", "shop", "*/5 * * * *", suspend=True))
    world.clock().sleep(901)
    assert [(name, moment.minute) for _, name, moment in world.firings(Side.BLUE)] == [
        ("tick", 5),
        ("tick", 10),
        ("tick", 15),
    ]
    world.clock().sleep(7 * 86400)
    assert len(world.firings(Side.BLUE)) == 3 + 7 * 288
    assert len(found(blue, "jobs", "batch", "shop")) <= 4
    assert world.fired_twice() == []


def test_a_firing_on_both_sides_is_seen(world: World, blue: SimulatedCluster) -> None:
    """The same CronJob left running on blue and green shows in `fired_twice`."""
    world.provisioner().create(60)
    green = world.cluster(Side.GREEN)
    create(green, named("v1", "Namespace", "shop"))
    world.settle()
    for side in (blue, green):
        create(side, cron_job("tick", "shop", "30 * * * *"))
    world.clock().sleep(3600)
    assert [(name, moment.minute) for _, name, moment in world.fired_twice()] == [("tick", 30)]


def test_a_resumed_cron_job_catches_up_once(world: World, blue: SimulatedCluster) -> None:
    """What was missed while it was suspended fires once at once, as the real controller does it."""
    job = cron_job("tick", "shop", "0 * * * *", suspend=True)
    create(blue, job)
    world.clock().sleep(5 * 3600 + 60)
    patch(blue, job, {"spec": {"suspend": False}})
    world.settle()
    assert [moment.hour for _, _, moment in world.firings(Side.BLUE)] == [14]


def test_a_namespace_empties_itself_before_it_goes(world: World, blue: SimulatedCluster) -> None:
    """Its contents go first, a finalizer among them holds it, and then it is gone."""
    held = named("v1", "ConfigMap", "held", "shop")
    held["metadata"]["finalizers"] = ["example.com/mine"]
    create(blue, held)
    shop = named("v1", "Namespace", "shop")
    delete(blue, shop)
    world.settle()
    assert (read(blue, shop) or {})["status"]["phase"] == "Terminating"
    assert [obj["metadata"]["name"] for obj in found(blue, "configmaps", namespace="shop")] == ["held"]
    patch(blue, held, {"metadata": {"finalizers": None}})
    world.settle()
    assert read(blue, shop) is None


def test_a_new_namespace_has_its_account_and_certificate(world: World, blue: SimulatedCluster) -> None:
    """ServiceAccount default and ConfigMap kube-root-ca.crt, again after they were deleted."""
    create(blue, named("v1", "Namespace", "fresh"))
    world.settle()
    account = named("v1", "ServiceAccount", "default", "fresh")
    assert read(blue, account) is not None
    delete(blue, account)
    world.settle()
    assert read(blue, account) is not None
    assert read(blue, named("v1", "ConfigMap", "kube-root-ca.crt", "fresh")) is not None


def test_a_load_balancer_has_an_address_while_it_is_one(world: World, blue: SimulatedCluster) -> None:
    """The status carries one, and loses it when the type changes."""
    web = named("v1", "Service", "web", "shop")
    assert (read(blue, web) or {})["status"]["loadBalancer"]["ingress"]
    patch(blue, web, {"spec": {"type": "ClusterIP"}})
    world.settle()
    after = read(blue, web)
    assert after is not None
    assert not after["status"]["loadBalancer"].get("ingress")
    assert "nodePort" not in after["spec"]["ports"][0]


def test_a_webhook_without_a_backend_refuses(world: World, blue: SimulatedCluster) -> None:
    """failurePolicy Fail stops the creates it matches, in its namespaces only, until its backend is ready."""
    hook = {
        "name": "h.example.com",
        "clientConfig": {"service": {"namespace": "shop", "name": "hook"}},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    create(
        blue, named("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "h", webhooks=[hook])
    )
    config = named("v1", "ConfigMap", "c", "default")
    with pytest.raises(Transient, match='service "hook" not found'):
        create(blue, config)
    create(blue, named("v1", "ConfigMap", "c", "shop"))
    spec = {"selector": {"app": "hook"}, "ports": [{"port": 443}]}
    create(blue, named("v1", "Service", "hook", "shop", spec=spec))
    with pytest.raises(Transient, match="no endpoints available"):
        create(blue, config)
    create(blue, workload("Deployment", "hook", "shop", 1))
    world.settle()
    create(blue, config)


def test_an_unready_fault_keeps_pods_from_serving(world: World, blue: SimulatedCluster) -> None:
    """Pods that match start and never turn Ready, until it is forgiven."""
    world.failures.unready(Side.BLUE, "shop", "slow-*")
    create(blue, workload("Deployment", "slow", "shop", 1))
    world.settle()
    (pod,) = pods_of(blue, "slow", "shop")
    assert (pod["status"]["phase"], ready(pod)) == ("Running", False)
    world.failures.forgive()
    patch(blue, pod, {"metadata": {"labels": {"touched": "yes"}}})
    world.settle()
    assert ready(pods_of(blue, "slow", "shop")[0])


def test_the_controllers_play_over_the_door_alone(world: World, blue: SimulatedCluster) -> None:
    """With nothing but the cluster door, by listing, they do what they do on the file."""
    door = SimulatedCluster(world.store, Side.BLUE, manager="stand-in")
    view, manager = ListedView(door), Manager()
    create(blue, workload("Deployment", "by-door", "shop", 2))
    context = Context(cluster=door, view=view, index=Index.read(view), now=world.clock().now(), pod_cidr="")
    for _ in range(12):
        context.scratch.clear()
        if not manager.round(context):
            break
    pods = pods_of(blue, "by-door", "shop")
    assert len(pods) == 2
    assert all(ready(pod) for pod in pods)
    delete(blue, named("apps/v1", "Deployment", "by-door", "shop"))
    for _ in range(12):
        context.scratch.clear()
        if not manager.round(context):
            break
    assert pods_of(blue, "by-door", "shop") == []
