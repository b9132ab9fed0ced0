"""Who keeps an object on blue keeps it on green: at the end what we made there is ceded to blue's managers."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from migrate.actions.cede import cede
from migrate.doors.cluster import FIELD_MANAGER
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model import marks
from migrate.model.action import Action
from migrate.model.ceding import ceded, shares
from migrate.model.objects import Object, annotations_of, metadata_of, ref_of
from migrate.model.ownership import entries_of
from migrate.steps.base import chunks


def ceded_to_blues(scene: Scene, kinds: Collection[tuple[str, str]]) -> Batches:
    """Cede what this run wrote of these kinds, kind by kind: who owns what is up to half of an object.

    It goes by our marks, so they come off later.
    """
    for kind in sorted(kinds):
        read = {action.key: (action, obj) for action, obj in _ours(scene, kind)}
        for batch in chunks(action for action, _ in read.values()):
            scene.bodies.offer({action.key: read[action.key][1] for action in batch})
            yield batch


def _ours(scene: Scene, kind: tuple[str, str]) -> Iterator[tuple[Action, Object]]:
    green = read_inventory(scene.doors.green, only={kind}, needed=False, ownership=True)
    mine = [
        obj
        for _, obj in green
        if annotations_of(obj).get(marks.RUN) == scene.run and ceded(obj, FIELD_MANAGER, ()) is not None
    ]
    if not mine:
        return
    blue = read_inventory(scene.doors.blue, only={kind}, needed=False, ownership=True)
    for obj in mine:
        owners = shares(obj, FIELD_MANAGER, entries_of(blue.find(ref_of(obj)) or {}))
        yield cede(ref_of(obj), uid=str(metadata_of(obj).get("uid", "")), owners=owners), obj
