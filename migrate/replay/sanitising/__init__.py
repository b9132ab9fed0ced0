"""The edits by which an object of blue becomes what may be written to green, one file per family.

Lives here: what stays behind or changes, as data that `sanitise` runs from. Never here: whether an object moves
(`rules`), or in which form (`forms`).
"""

from __future__ import annotations

from migrate.replay.sanitising import access, everywhere, network, pods, volumes, workloads
from migrate.replay.sanitising.edit import Edit, Setting

__all__ = ["EDITS", "Edit", "Setting"]

EDITS: tuple[Edit, ...] = (
    volumes.SIZE,
    *access.EDITS,
    *everywhere.EDITS,
    *pods.EDITS,
    *workloads.EDITS,
    *network.EDITS,
    *volumes.EDITS,
)
"""Every one of an object's kind is made, in this order; an edit is made because it is here."""
