"""Storage classes: who asks for which, and what blue's are called on green."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.model.migration import Migration
from migrate.model.objects import Object, annotations_of
from migrate.model.quantity import quantity
from migrate.replay import kinds
from migrate.replay.edits import changed
from migrate.replay.kinds import Kind

OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named a claim's class before Kubernetes 1.6; it is still read, and it wins."""

_OF_CLASS = ".storageclass.storage.k8s.io/"
"""Between a class's name and what a ResourceQuota limits of it; source: Kubernetes, Resource Quotas."""

_CLASS_KEYS = frozenset({"storageClassName", "storageClass"})


def renamed_classes(migration: Migration) -> Mapping[str, str]:
    """What blue's storage classes are called on green, where they are called otherwise."""
    return {change.source: change.to for change in migration.workloads.storage_classes}


def in_classes_of_green(obj: Object, kind: Kind, names: Mapping[str, str]) -> Object:
    """The object with blue's storage classes under their names on green, wherever it asks for volumes."""
    if not names:
        return obj
    if kind == kinds.RESOURCE_QUOTA:
        return changed(obj, ("spec", "hard"), lambda hard: _limits(hard or {}, names))
    if kind in {kinds.CLAIM, kinds.PERSISTENT_VOLUME}:
        return _renamed(obj, names)
    if kind == kinds.STATEFUL_SET:
        obj = changed(
            obj, ("spec", "volumeClaimTemplates"), lambda items: [_renamed(i, names) for i in items or ()]
        )
    pod = kinds.pod_path(kind)
    if pod is not None:
        path = (*pod, "spec", "volumes")
        obj = changed(obj, path, lambda items: [_ephemeral(item, names) for item in items or ()])
    return obj


def classes_named(value: Any) -> Iterator[str]:
    """The storage classes that an object of any kind names, by the keys that operators' own kinds use for it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _CLASS_KEYS and isinstance(item, str):
                yield item
            else:
                yield from classes_named(item)
    elif isinstance(value, list):
        for item in value:
            yield from classes_named(item)


def _limits(hard: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A quota's limits by green's classes; of two classes that become one the larger limit holds."""
    found: dict[str, Any] = {}
    for key, limit in hard.items():
        name, of_class, what = key.partition(_OF_CLASS)
        renamed = f"{names.get(name, name)}{of_class}{what}" if of_class else key
        if renamed not in found or quantity(found[renamed]) < quantity(limit):
            found[renamed] = limit
    return found


def _ephemeral(volume: Any, names: Mapping[str, str]) -> Any:
    return changed(volume, ("ephemeral", "volumeClaimTemplate"), lambda template: _renamed(template, names))


def _renamed(claim: Object, names: Mapping[str, str]) -> Object:
    renamed = changed(claim, ("spec", "storageClassName"), lambda name: names.get(name, name))
    if annotations_of(claim).get(OLD_CLASS) in names:
        renamed = changed(renamed, ("metadata", "annotations", OLD_CLASS), lambda name: names[name])
    return renamed
