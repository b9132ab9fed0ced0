"""Wait at a wave for what green's own GitOps has to make before it."""

from __future__ import annotations

from migrate import replay
from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.replay import kept
from migrate.steps.anew import recorded_anew


def made_by_gitops(scene: Scene, decisions: replay.Decisions, *, since: int, until: int) -> Batches:
    """Insist on what is left to GitOps of the waves from `since` to before `until`; nothing where nothing is."""
    first = kept.needed_first(decisions, since, until)
    if first:
        only = {(d.ref.group, d.ref.kind) for d in first}
        green = read_inventory(scene.doors.green, only=only, needed=False, at=decisions.at)
        check = f"{kept.CHECK}, before wave {until}"
        yield from recorded_anew(scene, record(check, kept.judged(check, first, green)))
