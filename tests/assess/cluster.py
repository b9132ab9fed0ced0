"""Inventories for tests: read from manifests and dumps, or made of a few objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Resource

CASES = Path(__file__).parents[1] / "cases" / "assess"
_CLUSTER_SCOPED = frozenset(
    {"Node", "Namespace", "PersistentVolume", "StorageClass", "IngressClass", "ServiceCIDR", "APIService"}
    | {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IPPool", "Installation"}
    | {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
)


def resource_of(api_version: str, kind: str) -> Resource:
    """The resource that serves a kind, its plural as English has it."""
    group, _, version = api_version.rpartition("/")
    lower = kind.lower()
    plural = lower if lower.endswith("endpoints") else _plural(lower)
    return Resource(group, version, plural, kind, kind not in _CLUSTER_SCOPED)


def inventory(
    objects: Iterable[Object],
    *,
    version: str = "",
    serves: Iterable[Object] = (),
    unreadable: Mapping[str, str] | None = None,
) -> Inventory:
    """An inventory of objects; `serves` adds the resources of other objects, without them."""
    found: dict[Resource, list[Object]] = {}
    for obj in serves:
        found.setdefault(resource_of(obj["apiVersion"], obj["kind"]), [])
    for obj in objects:
        found.setdefault(resource_of(obj["apiVersion"], obj["kind"]), []).append(obj)
    return Inventory(tuple(found), found, version, dict(unreadable or {}))


def documents(*paths: Path) -> list[dict[str, Any]]:
    """Every object of some YAML files, lists taken apart."""
    found: list[dict[str, Any]] = []
    for path in paths:
        for document in yaml.safe_load_all(path.read_text()):
            if document:
                found += document["items"] if document["kind"].endswith("List") else [document]
    return found


def _plural(lower: str) -> str:
    if lower.endswith(("s", "x", "ch")):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"
