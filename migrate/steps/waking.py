"""Wake what a way back that was cut off has put to rest on green, where the run goes forward again after all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.ids import ActionKey
from migrate.model.objects import Ref, metadata_of
from migrate.steps.ledger import Held

BACK = "rest again"
"""Why on the way back what a custom resource made on green is put to rest: before its controller's twin wakes on blue."""


def wake(scene: Scene, children: Sequence[Held]) -> Batches:
    """Give each its prior value again, as not every operator looks after replicas; another one under its name stays."""
    todo = [a for _, a in _wakings(scene, children) if not scene.progress.stands(a.key)]
    if not todo:
        return
    green = read_inventory(scene.doors.green, only={h.ref[:2] for h in children})
    there = {metadata_of(obj).get("uid") for _, obj in green if "deletionTimestamp" not in metadata_of(obj)}
    todo = [a for a in todo if a.params["uid"] in there]
    if todo:
        yield todo


def woken(scene: Scene, children: Sequence[Held]) -> list[Ref]:
    """Those that were woken, and so have to be Ready again."""
    return [ref for ref, action in _wakings(scene, children) if scene.progress.stands(action.key)]


def _wakings(scene: Scene, children: Sequence[Held]) -> Iterator[tuple[Ref, Action]]:
    """The act back of each child's latest act back, under a key of its own: there may be several ways back."""
    rests = {
        Ref.of_json(intent.action.params["ref"]): intent
        for intent in scene.progress.intents()
        if intent.undoes and intent.stands and intent.action.params.get("why") == BACK
    }
    for child in children:
        rest = rests.get(child.ref)
        if rest is not None and rest.action.inverse is not None:
            yield child.ref, replace(rest.action.inverse, key=ActionKey(f"wake {child.ref} of {rest.seq}"))
