"""Volumes, claims and snapshots: the data stays where it is, so only what asks for data moves."""

from __future__ import annotations

from migrate.model.objects import annotations_of, controller_of, dig
from migrate.replay import kinds
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.storage import data_of, volume_moves
from migrate.replay.surroundings import Surroundings

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

_SNAPSHOTS = ("VolumeSnapshot", "VolumeSnapshotContent")


def _dynamic(subject: Subject, _surroundings: Surroundings) -> str | None:
    driver = annotations_of(subject.obj).get(PROVISIONED_BY)
    return f"provisioned by {driver}" if driver else None


def _static(subject: Subject, surroundings: Surroundings) -> str | None:
    names = {
        value
        for term in dig(subject.obj, "spec", "nodeAffinity", "required", "nodeSelectorTerms", default=())
        for expression in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))
        for value in expression.get("values") or ()
    }
    nodes = sorted(
        str(n["metadata"]["name"])
        for n in surroundings.blue.inventory.of("Node")
        if n["metadata"]["name"] in names
    )
    if nodes:
        return f"bound to blue's node {', '.join(nodes[:3])}"
    claim = dig(subject.obj, "spec", "claimRef")
    return f"claimed by {claim.get('namespace')}/{claim.get('name')}" if claim else "not claimed"


def _of_a_pod(subject: Subject, _surroundings: Surroundings) -> str | None:
    owner = controller_of(subject.obj)
    return f"owned by Pod {owner.get('name')}" if owner and owner.get("kind") == "Pod" else None


def _unsaid(subject: Subject, surroundings: Surroundings) -> str | None:
    """A bound claim of whose data nobody has said what becomes of it."""
    blue, name = surroundings.blue, dig(subject.obj, "spec", "volumeName")
    if not name or data_of(blue.migration, subject.ref) is not None:
        return None
    if volume_moves(blue.migration, blue.inventory, subject.obj):
        return None
    size = dig(subject.obj, "status", "capacity", "storage")
    return f"bound to PersistentVolume {name}" + (f", {size}" if size else "")


def _replaced(subject: Subject, surroundings: Surroundings) -> str | None:
    changes = surroundings.blue.migration.workloads.storage_classes
    return next((f"{c.to} takes its place" for c in changes if c.source == subject.ref.name), None)


RULES: tuple[Rule, ...] = (
    skip(
        "volume.dynamic",
        "PersistentVolumes that a provisioner made",
        "green's provisioner makes a new one for the claim; data is not copied",
        kinds.PERSISTENT_VOLUME,
        when=_dynamic,
    ),
    ask(
        "volume.static",
        "PersistentVolumes made by hand",
        "attached on both sides a volume is destroyed; say replay once blue has let go of it, or skip",
        kinds.PERSISTENT_VOLUME,
        when=_static,
    ),
    skip(
        "volume.of-a-pod",
        "PersistentVolumeClaims that live and die with a Pod",
        "green makes it with the pod",
        kinds.CLAIM,
        when=_of_a_pod,
    ),
    ask(
        "volume.data",
        "PersistentVolumeClaims that are bound, and of whose data the file says nothing",
        "the bytes are not copied; say under workloads.volumes whether green's volume starts empty or you bring the data there",
        kinds.CLAIM,
        when=_unsaid,
    ),
    skip(
        "volume.class",
        "StorageClasses that workloads.storageClasses renames",
        "green has a class of its own in its place",
        ("storage.k8s.io", "StorageClass"),
        when=_replaced,
    ),
    skip(
        "volume.snapshot",
        "VolumeSnapshots and their contents",
        "a snapshot is data of blue's storage; it is not copied",
        *(("snapshot.storage.k8s.io", kind) for kind in _SNAPSHOTS),
        *(("groupsnapshot.storage.k8s.io", f"VolumeGroup{kind[6:]}") for kind in _SNAPSHOTS),
    ),
)
