"""Volumes, claims and snapshots: the data stays where it is, so only what asks for data moves."""

from __future__ import annotations

from migrate.model.ids import RuleId
from migrate.model.migration import DATA_WORDS
from migrate.model.objects import annotations_of, controller_of, dig
from migrate.replay import kinds
from migrate.replay.brought import away, for_one, nodes_of
from migrate.replay.doomed import WAY_OUT, doomed
from migrate.replay.handover import REATTACH, claim_of, obstacle, taken_over
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.storage import data_of, volume_moves
from migrate.replay.surroundings import Surroundings

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

_SNAPSHOTS = ("VolumeSnapshot", "VolumeSnapshotContent")


def _terminating(subject: Subject, surroundings: Surroundings) -> str | None:
    return doomed(subject.obj, surroundings.blue.migration)


def _tied(subject: Subject, surroundings: Surroundings) -> str | None:
    """What the file wants on green, taken over or by a rule as it is, and green could not attach."""
    blue = surroundings.blue
    if _moves(subject, surroundings):
        return obstacle(subject.obj, blue.inventory, blue.migration) or None
    brought = subject.word and subject.kind == kinds.PERSISTENT_VOLUME
    return (away(subject.obj, blue.inventory) or None) if brought else None


def _in_use(subject: Subject, surroundings: Surroundings) -> str | None:
    """A volume of one node's that a rule of the file wants on green as it is, while blue has it: nothing fences it."""
    if not subject.word or _moves(subject, surroundings):
        return None
    return for_one(subject.obj, surroundings.blue.inventory) or None


def _twice(subject: Subject, surroundings: Surroundings) -> str | None:
    """A volume that a rule of the file's brings, while the file has the claim's data come to green in another way."""
    claim = surroundings.blue.inventory.find(claim_of(subject.obj) or subject.ref)
    if not subject.word or dig(claim, "spec", "volumeName") != subject.ref.name:
        return None
    return _stays(subject, surroundings)


def _moves(subject: Subject, surroundings: Surroundings) -> bool:
    return taken_over(subject.obj, surroundings.blue.inventory, surroundings.blue.migration)


def _dynamic(subject: Subject, surroundings: Surroundings) -> str | None:
    if _moves(subject, surroundings):
        return None
    driver = annotations_of(subject.obj).get(PROVISIONED_BY)
    return f"provisioned by {driver}" if driver else None


def _stays(subject: Subject, surroundings: Surroundings) -> str | None:
    """A volume whose claim's data comes to green in another way, or not at all."""
    claim = claim_of(subject.obj)
    data = data_of(surroundings.blue.migration, claim) if claim is not None else None
    if claim is None or data is None or data.as_ == REATTACH:
        return None
    return f"{claim}: {data.as_} ({data.reason})"


def _static(subject: Subject, surroundings: Surroundings) -> str | None:
    if _moves(subject, surroundings):
        return None
    nodes = nodes_of(subject.obj, surroundings.blue.inventory)
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


TERMINATING = ask(
    "volume.terminating",
    "PersistentVolumeClaims that are being deleted and still used, and whose data the file does not call empty",
    f"once its last user is off, the claim is gone, and its data with it unless the volume is kept. {WAY_OUT}",
    kinds.CLAIM,
    when=_terminating,
)

TIED = ask(
    "volume.tied",
    "claims that the file wants re-attached, and PersistentVolumes of these or of your own rules, that green could not attach",
    "say copy, restored or empty under workloads.volumes",
    kinds.CLAIM,
    kinds.PERSISTENT_VOLUME,
    when=_tied,
)

IN_USE = ask(
    "volume.in-use",
    "PersistentVolumes of one node's access modes that a claim of blue's has, and your own rule wants replayed or held",
    "attached on both sides a volume is destroyed; say reattach of its claim under workloads.volumes",
    kinds.PERSISTENT_VOLUME,
    when=_in_use,
)

TWICE = ask(
    "volume.twice",
    "PersistentVolumes that your own rule wants replayed or held, and of whose claim's data the file says otherwise",
    "green's claim would have blue's very volume, and be filled or begun anew beside it; only one of the two can be meant",
    kinds.PERSISTENT_VOLUME,
    when=_twice,
)

DATA = ask(
    "volume.data",
    "PersistentVolumeClaims that are bound, and of whose data the file says nothing",
    f"the bytes do not move by themselves; say under workloads.volumes what becomes of them: {DATA_WORDS}",
    kinds.CLAIM,
    when=_unsaid,
)

PAST_RULES = (TERMINATING, TIED, IN_USE, TWICE, DATA)
"""Asked even where a rule of the file's replays or holds the object: such a rule says nothing of a disk or its data."""

VOLUMES_OF_ONE = frozenset({IN_USE.id, RuleId("volume.static")})
"""What a word on the claim decides, or leaving the volume on blue; a rule that replays it is the wrong answer."""

RULES: tuple[Rule, ...] = (
    TERMINATING,
    TIED,
    IN_USE,
    TWICE,
    skip(
        "volume.dynamic",
        "PersistentVolumes that a provisioner made",
        "green's provisioner makes a new one for the claim; data is not copied",
        kinds.PERSISTENT_VOLUME,
        when=_dynamic,
    ),
    skip(
        "volume.stays",
        "PersistentVolumes made by hand whose claim's data the file decides otherwise than by reattach",
        "it stays with blue; green's claim gets a volume of its own",
        kinds.PERSISTENT_VOLUME,
        when=_stays,
    ),
    ask(
        "volume.static",
        "PersistentVolumes made by hand",
        "attached on both sides a volume is destroyed; say reattach of its claim under workloads.volumes, or skip it; one "
        "that many nodes share may be replayed by a rule of your own",
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
    DATA,
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
