"""Resources and writes that the tests share."""

from __future__ import annotations

from typing import Any

from migrate.doors.cluster import Verb, Write
from migrate.model.objects import Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)


def create(name: str = "a", resource: Resource = CONFIG_MAPS, **more: Any) -> Write:
    """A create in the namespace `shop`."""
    return Write(Verb.CREATE, resource, name, "shop", body={"metadata": {"name": name}}, **more)
