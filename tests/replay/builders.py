"""Builders for tests of the replay rules: inventories and migration files from plain objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migrate.assess import own_ranges
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, Resource, group_of, kind_of, namespace_of
from migrate.replay import Decisions, decide_all


def resource_of(obj: Object, verbs: Iterable[str] = ()) -> Resource:
    """The resource that would serve an object."""
    kind = kind_of(obj)
    version = str(obj["apiVersion"]).rpartition("/")[2]
    return Resource(
        group_of(obj), version, f"{kind.lower()}s", kind, bool(namespace_of(obj)), frozenset(verbs)
    )


def inventory(*objects: Object) -> Inventory:
    """A cluster with these objects."""
    return inventory_of((resource_of(obj), obj) for obj in objects)


def migration(workloads: Mapping[str, Any] | None = None, **parts: Any) -> Migration:
    """A short migration file, with the workloads part as in the file."""
    return Migration.model_validate(
        {
            "metadata": {"name": "test"},
            "blue": {"simulated": ""},
            "workloads": workloads or {},
            **parts,
        }
    )


def decide(*objects: Object, workloads: Mapping[str, Any] | None = None) -> Decisions:
    """Decide of a cluster with these objects, before green is there."""
    return decided(inventory(*objects), migration(workloads))


def decided(
    blue: Inventory,
    file: Migration,
    *,
    residue: frozenset[Ref] = frozenset(),
    green: Sequence[Resource] | None = None,
    green_rbac: Inventory | None = None,
) -> Decisions:
    """Decide of an inventory, with the ranges that its objects state."""
    return decide_all(
        blue, file, residue=residue, ranges=own_ranges(blue), green_resources=green, green_rbac=green_rbac
    )


def obj(kind: str, name: str, namespace: str = "", api: str = "v1", **rest: Any) -> dict[str, Any]:
    """An object; `labels`, `annotations`, `uid` and `owners` go into its metadata."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    for key in ("labels", "annotations", "uid"):
        if key in rest:
            metadata[key] = rest.pop(key)
    if "owners" in rest:
        metadata["ownerReferences"] = rest.pop("owners")
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def deployment(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A Deployment with three replicas whose pods carry `app: <name>`; `pod` is added to the pod's spec."""
    pod = {"containers": [{"name": "main", "image": f"shop/{name}:1"}], **spec.pop("pod", {})}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    body = {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return obj("Deployment", name, namespace, "apps/v1", uid=f"deployment-{namespace}-{name}", spec=body)


def service(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A Service that selects `app: <name>`."""
    return obj("Service", name, namespace, spec={"selector": {"app": name}, "ports": [{"port": 80}], **spec})


def owner(controller: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The controlling owner reference to an object that has a UID."""
    meta = controller["metadata"]
    return [
        {
            "apiVersion": controller["apiVersion"],
            "kind": controller["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }
    ]
