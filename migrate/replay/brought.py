"""Volumes that a rule of the file's brings to green as they are, and why some may not be: one disk, two sides.

No handover stands between the sides here, so only what is made for many nodes at once may come this way. Neither side's
volume may take the data along when its claim goes.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, dig, labels_of, name_of, ref_of
from migrate.replay.kinds import CLAIM, PERSISTENT_VOLUME
from migrate.replay.operator import operator_rule

_OF_MANY = frozenset({"ReadWriteMany", "ReadOnlyMany"})
"""Access modes of storage that many nodes mount at once; source: Kubernetes, Persistent Volumes, Access Modes."""

_OF_A_NODE = ("local", "hostPath")
"""Source: API reference, PersistentVolumeSpec."""


def brought(migration: Migration, volume: Object) -> bool:
    """Whether a rule of the file's brings a volume to green, at once or with the writers."""
    said = operator_rule(migration, ref_of(volume), labels_of(volume))
    return said is not None and not said[1].skip and (said[1].replay or said[1].hold)


def may_bring(migration: Migration) -> bool:
    """Whether a rule may bring a volume: if none does, nobody's volumes need to be read for it."""
    rules = (rule for rule in migration.workloads.rules if (rule.replay or rule.hold) and not rule.skip)
    return any(fnmatchcase(PERSISTENT_VOLUME[1], rule.kind) for rule in rules)


def for_one(volume: Object, inventory: Inventory) -> str:
    """Why a volume in use must not be on both sides at once; empty where it may, or where no claim of blue has it.

    A block device is one writer's even where many nodes may attach it: no file system keeps its writers apart.
    """
    reserved = dig(volume, "spec", "claimRef", default={}) or {}
    ref = Ref(*CLAIM, str(reserved.get("namespace", "")), str(reserved.get("name", "")))
    claim = inventory.find(ref)
    if claim is None:
        return ""
    if dig(volume, "spec", "volumeMode") == "Block":
        return f"a block device, claimed by {ref}"
    modes = {*(dig(volume, "spec", "accessModes") or ()), *(dig(claim, "spec", "accessModes") or ())}
    single = sorted(modes - _OF_MANY)
    if modes and not single:
        return ""
    return f"{', '.join(single) or 'of unknown access modes'}, claimed by {ref}"


def away(volume: Object, inventory: Inventory) -> str:
    """Why green cannot mount a volume whatever is said of it: it lies on nodes of blue's. Empty where it might.

    That all nodes have the same storage at a path nobody can see; the volume's own node affinity may say so, by labels.
    """
    kind = of_a_node(volume)
    if kind and not dig(volume, "spec", "nodeAffinity", "required"):
        return (
            f"PersistentVolume {name_of(volume)} is a directory of a node ({kind}), "
            "and has no nodeAffinity that says which nodes have it"
        )
    nodes = nodes_of(volume, inventory)
    return (
        f"PersistentVolume {name_of(volume)} is bound to blue's node {', '.join(nodes[:3])}" if nodes else ""
    )


def of_a_node(volume: Object) -> str:
    """The kind of a volume that is a directory of a node, whatever its access modes; empty for every other."""
    return next((kind for kind in _OF_A_NODE if dig(volume, "spec", kind)), "")


def nodes_of(volume: Object, inventory: Inventory) -> list[str]:
    """The nodes that a volume's affinity names; on green there are none of these names."""
    names = {
        value
        for term in dig(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms", default=())
        for expression in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))
        for value in expression.get("values") or ()
    }
    return sorted(name_of(node) for node in inventory.of("Node") if name_of(node) in names)
