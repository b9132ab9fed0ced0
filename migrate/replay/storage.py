"""What the operator said of claims' data, and whether their volumes move."""

from __future__ import annotations

from migrate.model.inventory import Inventory
from migrate.model.migration import Data, Migration
from migrate.model.objects import Object, Ref, dig, labels_of, ref_of
from migrate.replay import kinds
from migrate.replay.operator import names_claim, operator_rule

AWAITED = frozenset({"restored", "reattach", "copy"})
"""Words on data that is on green only once blue's writers are off: who mounts it must not start before."""


def data_of(migration: Migration, claim: Ref) -> Data | None:
    """What the operator said of a claim's data: the first entry that names it."""
    return next((data for data in migration.workloads.volumes if names_claim(data, claim)), None)


def data_word(migration: Migration, ref: Ref) -> str:
    """What the file says of a claim's data, in its one word; empty for everything else, and where it says nothing."""
    data = data_of(migration, ref) if (ref.group, ref.kind) == kinds.CLAIM else None
    return data.as_ if data is not None else ""


def volume_moves(migration: Migration, inventory: Inventory, claim: Object) -> bool:
    """Whether the operator replays the volume that a claim is bound to: then its data is where the volume is."""
    name = dig(claim, "spec", "volumeName")
    volume = inventory.named("PersistentVolume", str(name)) if name else None
    if volume is None:
        return False
    said = operator_rule(migration, ref_of(volume), labels_of(volume))
    return said is not None and said[1].replay
