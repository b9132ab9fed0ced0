"""What green has otherwise than blue for the data's sake, and keeps: nothing releases it, so it is listed at the end."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig
from migrate.replay import kinds
from migrate.replay.decisions import Decisions
from migrate.replay.edits import nested
from migrate.replay.hold import RETENTION

_RECLAIM = ("spec", "persistentVolumeReclaimPolicy")
_FORCED = {kinds.PERSISTENT_VOLUME: _RECLAIM, kinds.STATEFUL_SET: RETENTION}


def forced(decisions: Decisions, blue: Inventory) -> Iterator[tuple[Ref, Object]]:
    """Each such object with the merge patch that makes it as it is on blue.

    A volume is kept on green although blue would delete it, because both have the same one. A StatefulSet that is held
    gets its own policy back with its release.
    """
    for decision in decisions.written:
        path = _FORCED.get((decision.ref.group, decision.ref.kind))
        if path is None or (decision.hold and dig(decision.hold.release, *path) is not None):
            continue
        there = dig(blue.find(decision.ref) or {}, *path)
        if there is not None and there != dig(decision.target or {}, *path):
            yield decision.ref, nested(path, there)
