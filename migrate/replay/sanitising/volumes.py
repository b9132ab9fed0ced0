"""What of volumes and claims ties them to blue, and what they are called and ask for on green."""

from __future__ import annotations

from migrate.model.ids import RuleId
from migrate.model.objects import Object, dig
from migrate.model.quantity import quantity
from migrate.replay import kinds
from migrate.replay.edits import removed, replaced
from migrate.replay.kinds import Kind
from migrate.replay.sanitising.edit import PODS, Change, Edit, Setting, edit
from migrate.replay.storage_classes import in_classes_of_green


def at_least(claim: Object, size: str | None) -> Object:
    """The claim asking for no less than a size: a volume that was grown in place holds more than was once asked for."""
    asked = ("spec", "resources", "requests", "storage")
    if not size or quantity(size) <= quantity(dig(claim, *asked, default=0)):
        return claim
    return replaced(claim, asked, size)


def _size(target: Object, setting: Setting) -> Object:
    return at_least(target, dig(target, "status", "capacity", "storage")) if setting.grown else target


def _volume_name(target: Object, _setting: Setting) -> Object:
    return removed(target, "spec", "volumeName")


def _source(target: Object, _setting: Setting) -> Object:
    return removed(removed(target, "spec", "dataSource"), "spec", "dataSourceRef")


def _claim_uid(target: Object, _setting: Setting) -> Object:
    claim = "spec", "claimRef"
    return removed(removed(target, *claim, "uid"), *claim, "resourceVersion")


def _reclaim(target: Object, _setting: Setting) -> Object:
    return replaced(target, ("spec", "persistentVolumeReclaimPolicy"), "Retain")


def _classes(kind: Kind) -> Change:
    return lambda target, setting: in_classes_of_green(target, kind, setting.classes)


SIZE: Edit = edit(
    "claim.size",
    "what a claim asks for becomes what it holds on blue, where that is more",
    "a volume that was grown in place holds more than was once asked for",
    kinds.CLAIM,
    change=_size,
)
"""It reads `status`, and so comes before that goes."""

EDITS: tuple[Edit, ...] = (
    edit(
        "claim.volume-name",
        "`volumeName`; a claim that is re-attached, or whose volume a rule of yours brings, gets it again behind all edits",
        "it would wait for a volume that is not there",
        kinds.CLAIM,
        change=_volume_name,
    ),
    edit(
        "claim.source",
        "`dataSource` and `dataSourceRef`",
        "the snapshot or claim that it was once filled from; its data comes by another way",
        kinds.CLAIM,
        change=_source,
    ),
    edit(
        "volume.claim-uid",
        "`uid` and `resourceVersion` of `claimRef`",
        "they are those of blue's claim: green's would never be bound",
        kinds.PERSISTENT_VOLUME,
        change=_claim_uid,
    ),
    edit(
        "volume.reclaim-policy",
        "`persistentVolumeReclaimPolicy` becomes Retain",
        "whatever becomes of green, the data on the volume must not be deleted with it",
        kinds.PERSISTENT_VOLUME,
        change=_reclaim,
    ),
    Edit(
        RuleId("edit.storage-class"),
        "storage classes get their names on green, by `workloads.storageClasses`: in claims, volumes, templates and quotas",
        "a claim of a class that green does not have waits for ever",
        frozenset({*PODS, kinds.CLAIM, kinds.PERSISTENT_VOLUME, kinds.RESOURCE_QUOTA}),
        _classes,
    ),
)
