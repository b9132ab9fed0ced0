"""Take this run's notes off blue again: off what the journal says was patched there, and off the copies of it.

Nothing else of ours was ever written there; a note of another move is that one's to take away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from migrate.actions.notes import COPIED, left, with_copies
from migrate.actions.patch import patch
from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.ids import Side
from migrate.model.marks import PRIOR
from migrate.model.objects import Object, Ref, annotations_of, controller_of, metadata_of
from migrate.model.progress import Progress
from migrate.model.reasons import Why
from migrate.model.verdict import Verdict, failed, passed
from migrate.steps.base import chunks

CHECK = "marks on blue"

ROUNDS = 5
"""Looks for notes that a controller copied while we were taking them off."""

PAUSE = 1.0
"""Seconds between two looks."""

SHOWN = 5
"""Objects that a verdict names."""


def unnoted(scene: Scene) -> Batches:
    """Unnote what still is; what may not be changed is told in the verdict, and holds nothing up.

    What is not seen to carry a note is asked about once all the same: copies that may not be listed are told then.
    """
    noted = _noted(scene.progress)
    if not noted:
        return
    acts = {ref: _unnote(ref, uid) for ref, uid in noted.items()}
    open_ = {ref for ref, act in acts.items() if not scene.progress.stands(act.key)}
    todo = _bearing(scene, noted) | open_ | left(scene.progress).keys()
    for _ in range(ROUNDS):
        if not todo:
            break
        yield from chunks(act for ref, act in acts.items() if ref in todo)
        scene.doors.clock.sleep(PAUSE)
        todo = _bearing(scene, noted) - left(scene.progress).keys()
    yield [record(CHECK, [_verdict(sorted(todo), list(chain(*left(scene.progress).values())))])]


def _noted(progress: Progress) -> dict[Ref, str]:
    """What this run has noted on blue, with its UID: of another object under that name nothing is known."""
    found = (i.action for i in progress.effects() if i.action.kind == "patch" and i.action.params.get("note"))
    return {
        Ref.of_json(action.params["ref"]): action.params["read"]["uid"]
        for action in found
        if action.params["side"] == Side.BLUE and "read" in action.params
    }


def _bearing(scene: Scene, noted: Mapping[Ref, str]) -> set[Ref]:
    """Which of them carry the note, or have made something that carries a copy of it."""
    kinds = {ref[:2] for ref in noted} | COPIED
    found = read_inventory(scene.doors.blue, only=kinds, needed=False)
    bearing = {uid for _, obj in found if PRIOR in annotations_of(obj) for uid in _whose(obj)}
    return {ref for ref, uid in noted.items() if uid in bearing}


def _whose(obj: Object) -> tuple[Any, Any]:
    """The UIDs of an object and of its controller."""
    return metadata_of(obj).get("uid"), (controller_of(obj) or {}).get("uid")


def _unnote(ref: Ref, uid: str) -> Action:
    change = {"metadata": {"annotations": {PRIOR: None}}}
    bare = patch(Side.BLUE, ref, change, why=Why.UNMARK, gone_is_fine=True)
    return with_copies(replace(bare, params={**bare.params, "uid": uid}))


def _verdict(marked: Sequence[Ref], stays: Sequence[str]) -> Verdict:
    """Whether no note of this run is left but what was refused; that is named with what takes it away."""
    told = f", but {_few(stays)}" if stays else ""
    if not marked:
        return passed(CHECK, f"nothing on blue carries this run's notes{told}")
    remedy = (
        "Something writes them back: stop it and run the same command again, which takes them off once more; "
        f"or kubectl annotate them by hand: {PRIOR}-"
    )
    return failed(CHECK, f"our notes are still on blue's {_few([str(ref) for ref in marked])}{told}", remedy)


def _few(words: Sequence[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"{', '.join(words[:SHOWN])}{more}"
