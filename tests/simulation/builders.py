"""Worlds and objects for the tests of this package."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from migrate.doors.cluster import Cluster, Verb, Write
from migrate.model.ids import Side
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.objects import Object, Resource
from migrate.simulation.seed import seed_yaml
from migrate.simulation.served import resource
from migrate.simulation.world import World

CASES = Path(__file__).parent / "cases"


def small_world(path: Path, *extra: Mapping[str, Any], seed: int = 0) -> World:
    """A world whose blue is cases/flannel.yaml with more objects, settled."""
    world = World.create(path, seed=seed)
    text = (CASES / "flannel.yaml").read_text(encoding="utf-8")
    seed_yaml(world, Side.BLUE, "\n---\n".join([text, *(yaml.safe_dump(obj) for obj in extra)]), "old")
    world.settle()
    return world


def named(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    """An object with its name, and whatever else is given at the top."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def workload(kind: str, name: str, namespace: str, replicas: int = 1, **pod: Any) -> dict[str, Any]:
    """A Deployment, StatefulSet or DaemonSet of pods labelled `app: NAME`."""
    labels = {"app": name}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": "busybox:1"}], **pod},
        },
    }
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    return named("apps/v1", kind, name, namespace, spec=spec)


def cron_job(name: str, namespace: str, schedule: str, **spec: Any) -> dict[str, Any]:
    """A CronJob of one container."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}
    template = {"spec": {"template": {"spec": pod}}}
    return named(
        "batch/v1", "CronJob", name, namespace, spec={"schedule": schedule, "jobTemplate": template, **spec}
    )


_GROUPS = {"apps/v1": "apps", "batch/v1": "batch", "v1": ""}


def resource_of(cluster: Cluster, obj: Object) -> Resource:
    """The resource that serves an object."""
    group = str(obj["apiVersion"]).rpartition("/")[0]
    return next(r for r in cluster.resources() if (r.group, r.kind) == (group, obj["kind"]))


def create(cluster: Cluster, obj: Object) -> Object:
    """Create an object that says what it is."""
    return _write(cluster, Verb.CREATE, obj, obj)


def patch(cluster: Cluster, obj: Object, body: Object) -> Object:
    """Patch an object by a merge patch."""
    return _write(cluster, Verb.PATCH, obj, body)


def delete(cluster: Cluster, obj: Object) -> Object:
    """Delete an object."""
    return _write(cluster, Verb.DELETE, obj, None)


def _write(cluster: Cluster, verb: Verb, obj: Object, body: Object | None) -> Object:
    metadata = obj["metadata"]
    write = Write(verb, resource_of(cluster, obj), metadata["name"], metadata.get("namespace", ""), body)
    return cluster.write(write)


def read(cluster: Cluster, obj: Object) -> Object | None:
    """Read an object as it is now."""
    metadata = obj["metadata"]
    return cluster.get(resource_of(cluster, obj), metadata["name"], metadata.get("namespace", ""))


def found(cluster: Cluster, plural: str, group: str = "", namespace: str = "") -> list[Object]:
    """All objects of a built-in resource."""
    pages = cluster.pages(resource(plural, group), namespace=namespace)
    return [obj for page in pages for obj in page]


def pods_of(cluster: Cluster, app: str, namespace: str) -> list[Object]:
    """The pods labelled `app: APP`."""
    pages = cluster.pages(resource("pods"), namespace=namespace, label_selector=f"app={app}")
    return [obj for page in pages for obj in page]


def ready(pod: Object) -> bool:
    """Whether a pod says that it is Ready."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def big_inventory(objects: int, deployments: int = 1000, namespaces: int = 50) -> Inventory:
    """An inventory of a cluster of so many objects, three in four of them configuration."""
    return inventory_of(
        ((resource_for(obj), obj) for obj in _big(objects, deployments, namespaces)), version="v1.24.9"
    )


def resource_for(obj: Object) -> Resource:
    """The built-in resource of an object's kind."""
    plurals = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"}
    group = str(obj["apiVersion"]).rpartition("/")[0]
    return resource(plurals.get(obj["kind"], f"{obj['kind'].lower()}s"), group)


def _big(objects: int, deployments: int, namespaces: int) -> Iterator[Object]:
    for number in range(namespaces):
        yield _seen(named("v1", "Namespace", f"ns{number}", status={"phase": "Active"}))
        yield _seen(named("v1", "ServiceAccount", "default", f"ns{number}"))
    for number in range(deployments):
        namespace = f"ns{number % namespaces}"
        yield _seen(workload("Deployment", f"app{number}", namespace, 0))
        ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
        address = f"10.96.{number // 250}.{number % 250 + 1}"
        spec = {
            "selector": {"app": f"app{number}"},
            "ports": ports,
            "clusterIP": address,
            "type": "ClusterIP",
        }
        yield _seen(named("v1", "Service", f"app{number}", namespace, spec=spec))
    left = objects - 2 * namespaces - 2 * deployments
    for number in range(left):
        namespace = f"ns{number % namespaces}"
        if number % 2:
            data = {"config.yaml": f"number: {number}\n" * 40}
            yield _seen(named("v1", "ConfigMap", f"config{number}", namespace, data=data))
        else:
            value = base64.b64encode(f"value {number} ".encode() * 40).decode()
            yield _seen(
                named("v1", "Secret", f"secret{number}", namespace, type="Opaque", data={"key": value})
            )


def _seen(obj: dict[str, Any]) -> Object:
    """The object as a server would list it."""
    metadata = {
        **obj["metadata"],
        "uid": f"uid-{obj['kind']}-{obj['metadata'].get('namespace', '')}-{obj['metadata']['name']}",
        "resourceVersion": "1",
        "creationTimestamp": "2024-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/managed-by": "builder"},
        "managedFields": [
            {"manager": "helm", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {}}}
        ],
    }
    return {**obj, "metadata": metadata}
