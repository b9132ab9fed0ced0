"""Take back on green what this run merged into green's own objects and blue has given up since.

What others have changed there meanwhile is theirs, and stays.
"""

from __future__ import annotations

from migrate import replay
from migrate.actions.patch import patch
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.engine.undo import taken_back
from migrate.model.decision import Form
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Ref
from migrate.model.reasons import Why, patched
from migrate.replay.drift import Record, merge_of
from migrate.replay.edits import given_up
from migrate.replay.parity import unread


def unmerged(scene: Scene, blue: Inventory, decisions: replay.Decisions, known: Record) -> Batches:
    """Take back whole merges whose object moves no longer, and of the others what blue says no more.

    An object of blue that could not be read is none of it.
    """
    if not known.merges:
        return
    left = {ref for ref in known.merges if _left(decisions, ref) and not unread(ref, blue)}
    yield from taken_back(
        intent
        for intent in scene.progress.effects()
        if patched(intent.action, Why.MERGE, Why.UNMERGE) and Ref.of_json(intent.action.params["ref"]) in left
    )
    green = read_inventory(scene.doors.green, only={(r.group, r.kind) for r in known.merges})
    back = []
    for ref, before in sorted(known.merges.items()):
        decision = decisions.of(ref)
        if decision is not None and decision.rule in replay.MERGED_RULES:
            found = green.find(ref) or {}
            if change := given_up(before, merge_of(decision.target or {}), found, known.priors.get(ref, {})):
                back.append(patch(Side.GREEN, ref, change, why=Why.UNMERGE, gone_is_fine=True))
    if back:
        yield back


def _left(decisions: replay.Decisions, ref: Ref) -> bool:
    decision = decisions.of(ref)
    return decision is None or decision.form is Form.SKIPPED
