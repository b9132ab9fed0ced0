"""Objects of the fewest fields that are valid, and how to look at them."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Object

MISSING = "00000000-0000-4000-8000-000000000000"


def config_map(namespace: str, name: str = "a", **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def container(name: str, image: str = "busybox", **more: Any) -> dict[str, Any]:
    """A container."""
    return {"name": name, "image": image, **more}


def deployment(namespace: str, name: str = "web", *containers: Any, replicas: int = 0) -> dict[str, Any]:
    """A Deployment of the fewest fields that are valid."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": list(containers) or [container("main")]},
            },
        },
    }


def gated_pod(namespace: str, *gates: str, name: str = "p") -> dict[str, Any]:
    """A Pod that waits behind scheduling gates."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container("main")], "schedulingGates": [{"name": gate} for gate in gates]},
    }


def service(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Service with one port, if not said otherwise."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec},
    }


def promised(group: str) -> dict[str, Any]:
    """An APIService that promises version v1 of a group, and has no server behind it."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{group}"},
        "spec": {
            "group": group,
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "away"},
        },
    }


def version_of(obj: Object) -> int:
    """The resourceVersion as a number: etcd's are ordered, and the simulated ones must be."""
    return int(obj["metadata"]["resourceVersion"])


def managers(obj: Object) -> set[tuple[str, str]]:
    """Who owns fields of an object, and by which operation."""
    return {(m["manager"], m["operation"]) for m in obj["metadata"]["managedFields"]}
