"""What VolSync makes for its replications, a mover's of ours above all: known by what VolSync writes on it.

Source: VolSync's internal/controller/utils (labels.go, cleanup.go) and internal/controller/mover.
"""

from __future__ import annotations

from migrate.model.objects import Object, group_of, labels_of, metadata_of, ref_of
from migrate.planning.replication import DESTINATION, GROUP, SOURCE
from migrate.replay import kinds

KINDS = frozenset({(GROUP, SOURCE), (GROUP, DESTINATION)})
"""By schedule, and at once where it is new, either copies what its claim has: into a backup, over another volume."""

CREATED_BY = "app.kubernetes.io/created-by", "volsync"
"""The label of whatever VolSync made, beside the reference to whom it made it for."""

FOR_ONE_PASS = f"{GROUP}/cleanup"
"""The label of what it takes away after each synchronisation."""


def replication_of(obj: Object) -> str:
    """For which replication VolSync made an object; empty where it did not, or where the object keeps received data.

    It goes by the reference, not by what that leads to: behind a pass that is over, what was made for it stands until the
    garbage collector comes.
    """
    labels = labels_of(obj)
    for owner in metadata_of(obj).get("ownerReferences") or ():
        kind = owner.get("kind")
        if (group_of(owner), kind) not in KINDS:
            continue
        if not owner.get("controller") and CREATED_BY not in labels.items():
            continue
        received = kind == DESTINATION and ref_of(obj)[:2] == kinds.CLAIM and FOR_ONE_PASS not in labels
        return "" if received else f"{kind} {owner.get('name')}"
    return ""
