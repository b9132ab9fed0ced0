"""Reading running software out of an inventory: DaemonSets and Deployments, their containers, images and settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.model.inventory import Inventory
from migrate.model.objects import Object, dig, kind_of, name_of, namespace_of

APPS = ("apps", "extensions")
"""Groups that have served DaemonSets and Deployments; "extensions" until Kubernetes 1.16."""

WORKLOADS = (
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("CronJob", "batch"),
    ("Job", "batch"),
    ("ReplicaSet", "apps"),
    ("ReplicationController", ""),
    ("Pod", ""),
)
"""Kinds that run pods, with the group that serves them."""


def of_apps(inventory: Inventory, kind: str) -> list[Object]:
    """Every object of a workload kind, whichever of its groups served it."""
    return [obj for group in APPS for obj in inventory.of(kind, group)]


def daemonsets(inventory: Inventory) -> list[Object]:
    """Every DaemonSet."""
    return of_apps(inventory, "DaemonSet")


def deployments(inventory: Inventory) -> list[Object]:
    """Every Deployment."""
    return of_apps(inventory, "Deployment")


def title(obj: Object) -> str:
    """Name an object for evidence: `Kind namespace/name`, or `Kind name` where it has no namespace."""
    namespace = namespace_of(obj)
    return f"{kind_of(obj)} {namespace}/{name_of(obj)}" if namespace else f"{kind_of(obj)} {name_of(obj)}"


def pod_spec(obj: Object) -> Mapping[str, Any]:
    """The pod specification of a workload or a pod; empty where it has none."""
    for path in (
        ("spec", "template", "spec"),
        ("spec", "jobTemplate", "spec", "template", "spec"),
        ("spec",),
    ):
        spec = dig(obj, *path)
        if isinstance(spec, Mapping) and "containers" in spec:
            return spec
    return {}


def pod_labels(obj: Object) -> Mapping[str, str]:
    """The labels that a workload gives to its pods."""
    labels: Mapping[str, str] = dig(obj, "spec", "template", "metadata", "labels") or {}
    return labels


def containers(obj: Object) -> Sequence[Mapping[str, Any]]:
    """The containers that keep running in a workload's pods; init containers left out."""
    found: Sequence[Mapping[str, Any]] = pod_spec(obj).get("containers") or ()
    return found


def all_containers(obj: Object) -> Iterator[Mapping[str, Any]]:
    """The containers of a workload's pods, init containers first."""
    spec = pod_spec(obj)
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference without its registry's host; `tag` is empty where there is only a digest, or none."""

    path: str
    tag: str = ""

    @property
    def version(self) -> str:
        """The version that the tag states, without a leading v; empty for "latest" and for tags without a digit."""
        tag = self.tag.removeprefix("v")
        return tag if tag[:1].isdigit() else ""


def image_of(container: Mapping[str, Any]) -> Image:
    """Read a container's image; mirrors change the host, and often more of the path, so only its end is compared."""
    reference = str(container.get("image") or "").partition("@")[0]
    head, slash, last = reference.rpartition("/")
    last, _, tag = last.partition(":")
    host, _, rest = head.partition("/")
    if "." in host or ":" in host or host == "localhost":
        head = rest
    return Image(f"{head}{slash}{last}".lstrip("/"), tag)


def runs(obj: Object, image: re.Pattern[str]) -> Mapping[str, Any] | None:
    """The first container whose image path the pattern finds; None where there is none."""
    return next((c for c in containers(obj) if image.search(image_of(c).path)), None)


def container_named(obj: Object, *names: str) -> Mapping[str, Any] | None:
    """The first container that has one of the names; None where there is none."""
    return next((c for c in containers(obj) if c.get("name") in names), None)


def settings(inventory: Inventory, obj: Object, container: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a container, values from ConfigMaps filled in; values from Secrets are never read.

    A variable from a Secret has the value "" here; whether it is set at all is its presence.
    """
    namespace = namespace_of(obj)
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found.update(_data(inventory, dig(source, "configMapRef", "name", default=""), namespace))
    for variable in container.get("env") or ():
        reference = dig(variable, "valueFrom", "configMapKeyRef")
        if reference:
            value = _data(inventory, reference.get("name", ""), namespace).get(reference.get("key", ""))
            if value is not None:
                found[variable["name"]] = value
        else:
            found[variable["name"]] = str(variable.get("value") or "")
    return found


def _data(inventory: Inventory, name: str, namespace: str) -> Mapping[str, str]:
    found = inventory.named("ConfigMap", name, namespace) if name else None
    data: Mapping[str, str] = (found or {}).get("data") or {}
    return data


def secret_behind(container: Mapping[str, Any], variable: str) -> str:
    """The name of the Secret that a variable is read from; empty where it is not read from one."""
    for entry in container.get("env") or ():
        if entry.get("name") == variable:
            return str(dig(entry, "valueFrom", "secretKeyRef", "name", default="") or "")
    return ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The pods of some DaemonSets; `idle` where the API server says that not one is wanted."""

    ready: int
    desired: int
    idle: bool


def rollout(objects: Iterable[Object]) -> Rollout:
    """Sum up DaemonSets' status; one read from a manifest has no status and is not called idle."""
    ready = desired = 0
    counted: list[int] = []
    for obj in objects:
        status = obj.get("status") or {}
        ready += int(status.get("numberReady") or 0)
        desired += int(status.get("desiredNumberScheduled") or 0)
        counted.extend([int(status["desiredNumberScheduled"])] if "desiredNumberScheduled" in status else [])
    return Rollout(ready, desired, bool(counted) and not any(counted))


def nodes_where(inventory: Inventory, condition_reason: str) -> int:
    """How many nodes have a NetworkUnavailable condition that says False for that reason, such as "WeaveIsUp"."""
    return sum(
        any(
            c.get("type") == "NetworkUnavailable"
            and c.get("status") == "False"
            and c.get("reason") == condition_reason
            for c in dig(node, "status", "conditions") or ()
        )
        for node in inventory.of("Node")
    )
