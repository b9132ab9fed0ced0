"""What a step that is done again leaves out: records that say what the journal says, waits for what has not changed since."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.canonical import canonical
from migrate.model.ids import Side
from migrate.model.objects import Ref


def recorded_anew(scene: Scene, said: Action) -> Batches:
    """Record again only what is no longer as it was recorded; what does not pass is said each time."""
    before = scene.progress.of_key(said.key)
    if before is None or not before.stands or not _alike(before.action.params, said.params):
        yield [said]


def waited_anew(scene: Scene, waiting: Action, refs: Collection[Ref]) -> Batches:
    """Wait again unless the same was waited for, and none of these objects of green was written since."""
    waited = 0
    written = 0
    for intent in scene.progress.intents():
        if not intent.stands or intent.undoes:
            continue
        action = intent.action
        if action.key == waiting.key and _alike(action.params, waiting.params):
            waited = intent.seq
        elif action.params.get("side") == Side.GREEN and "ref" in action.params:
            written = intent.seq if Ref.of_json(action.params["ref"]) in refs else written
    if waited <= written or not waited:
        yield [waiting]


def _alike(one: Any, other: Any) -> bool:
    """Whether parameters of two Actions say the same, as the journal keeps them; what counts in a record is its facts."""
    facts = [params.get("facts", params) for params in (one, other)]
    checks = [sorted((v["check"], v["result"]) for v in p.get("verdicts", ())) for p in (one, other)]
    return canonical(facts[0]) == canonical(facts[1]) and checks[0] == checks[1]
