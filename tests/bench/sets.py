"""What the contestants write: a cluster of nothing but Secrets, and a mixed one; as a person would apply them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

NAMESPACES = 10
APPLICATION = 17
"""Objects that one application of the mixed set has."""


def secrets(count: int, prefix: str = "load") -> Iterator[Json]:
    """So many Secrets of about a kilobyte, spread over a few namespaces."""
    for number in range(NAMESPACES):
        yield _object("v1", "Namespace", f"{prefix}-{number}")
    for number in range(count):
        yield _secret(f"secret-{number}", _namespace(prefix, number))


def mixed(count: int, prefix: str = "load") -> Iterator[Json]:
    """About so many objects of ten kinds; one in seventeen is a Deployment of one pod, which a Service selects."""
    for number in range(NAMESPACES):
        yield _object("v1", "Namespace", f"{prefix}-{number}")
    for number in range(applications(count)):
        yield from _application(f"app-{number}", _namespace(prefix, number))


def applications(count: int) -> int:
    """How many applications, each with one pod, a mixed set of that size has."""
    return max(1, count // APPLICATION)


SETS: dict[str, Callable[..., Iterator[Json]]] = {"secrets": secrets, "mixed": mixed}


def weave() -> Json:
    """The DaemonSet by which a blue is known to run Weave Net; kwok runs its pods."""
    labels = {"name": "weave-net"}
    container = {"name": "weave", "image": "docker.io/weaveworks/weave-kube:2.8.1"}
    npc = {"name": "weave-npc", "image": "docker.io/weaveworks/weave-npc:2.8.1"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "hostNetwork": True,
            "containers": [container, npc],
            "tolerations": [{"operator": "Exists"}],
        },
    }
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "DaemonSet", "weave-net", "kube-system", spec=spec)


def _application(name: str, namespace: str) -> Iterator[Json]:
    labels = {"app": name}
    selector = {"matchLabels": labels}
    rbac = "rbac.authorization.k8s.io"
    container = {
        "name": "main",
        "image": f"registry.example/{name}:1.4",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": name, "containers": [container]},
    }
    yield _object("v1", "ServiceAccount", name, namespace)
    yield _object("apps/v1", "Deployment", name, namespace, spec={"selector": selector, "template": template})
    yield _object(
        "v1",
        "Service",
        name,
        namespace,
        spec={"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
    )
    yield _object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        name,
        namespace,
        spec={
            "podSelector": selector,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {}}]}],
        },
    )
    yield _object(
        "policy/v1",
        "PodDisruptionBudget",
        name,
        namespace,
        spec={"maxUnavailable": 1, "selector": selector},
    )
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    yield _object(f"{rbac}/v1", "Role", name, namespace, rules=rules)
    role = {"apiGroup": rbac, "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    yield _object(f"{rbac}/v1", "RoleBinding", name, namespace, subjects=[subject], roleRef=role)
    for number in range(4):
        yield _secret(f"{name}-{number}", namespace)
    for number in range(APPLICATION - 11):
        yield _object(
            "v1", "ConfigMap", f"{name}-{number}", namespace, data={"config.yaml": f"of: {name}\n" * 50}
        )


def _secret(name: str, namespace: str) -> Json:
    return _object(
        "v1", "Secret", name, namespace, type="Opaque", stringData={"key": f"value of {name} " * 40}
    )


def _object(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> Json:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _namespace(prefix: str, number: int) -> str:
    return f"{prefix}-{number % NAMESPACES}"
