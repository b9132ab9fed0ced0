"""Claims and the classes that they ask for: what the operator said of their data, and what they are called on green."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.migration import Data, Migration
from migrate.model.objects import Object, Ref, annotations_of, dig
from migrate.model.quantity import quantity
from migrate.replay import kinds
from migrate.replay.edits import changed, replaced
from migrate.replay.kinds import Kind
from migrate.replay.operator import names_claim

OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named a claim's class before Kubernetes 1.6; it is still read, and it wins."""


def data_of(migration: Migration, claim: Ref) -> Data | None:
    """What the operator said of a claim's data: the first entry that names it."""
    return next((data for data in migration.workloads.volumes if names_claim(data, claim)), None)


def in_classes_of_green(obj: Object, kind: Kind, migration: Migration) -> Object:
    """The object with blue's storage classes under their names on green, wherever it asks for volumes."""
    names = {change.source: change.to for change in migration.workloads.storage_classes}
    if not names:
        return obj
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


def at_least(claim: Object, size: str | None) -> Object:
    """The claim asking for no less than a size: a volume that was grown in place holds more than was once asked for."""
    asked = ("spec", "resources", "requests", "storage")
    if not size or quantity(size) <= quantity(dig(claim, *asked, default=0)):
        return claim
    return replaced(claim, asked, size)


def _ephemeral(volume: Any, names: Mapping[str, str]) -> Any:
    return changed(volume, ("ephemeral", "volumeClaimTemplate"), lambda template: _renamed(template, names))


def _renamed(claim: Object, names: Mapping[str, str]) -> Object:
    renamed = changed(claim, ("spec", "storageClassName"), lambda name: names.get(name, name))
    if annotations_of(claim).get(OLD_CLASS) in names:
        renamed = changed(renamed, ("metadata", "annotations", OLD_CLASS), lambda name: names[name])
    return renamed
