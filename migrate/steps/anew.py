"""What a step that is done again leaves out: records that say what the journal says, waits for what has not changed since."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.canonical import canonical
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.model.progress import Intent

Facts = Mapping[str, Any]


def _whole(facts: Facts) -> Facts:
    return facts


def recorded_anew(scene: Scene, said: Action, matters: Callable[[Facts], Facts] = _whole) -> Batches:
    """Record again only what is no longer as it was recorded; what does not pass is said each time.

    `matters` gives what of a record's facts later steps act on: what is only told, as a count of what stays on blue, opens
    nothing again.
    """
    before = scene.progress.of_key(said.key)
    if before is None or not before.stands or not _alike(before.action.params, said.params, matters):
        yield [said]


def waited_anew(scene: Scene, waiting: Action, refs: Collection[Ref]) -> Batches:
    """Wait again unless the same was waited for, and none of these objects of green was written since."""
    kinds = {ref.kind for ref in refs}
    waited = written = 0
    for intent in scene.progress.intents():
        action = intent.action
        about = action.params.get("ref")
        if about is not None:
            if about["kind"] in kinds and _wrote(intent, refs):
                written = intent.seq
        elif action.key == waiting.key and intent.stands and _alike(action.params, waiting.params):
            waited = intent.seq
    if waited <= written or not waited:
        yield [waiting]


def _wrote(intent: Intent, refs: Collection[Ref]) -> bool:
    params = intent.action.params
    return intent.stands and params.get("side") == Side.GREEN and Ref.of_json(params["ref"]) in refs


def _alike(one: Any, other: Any, matters: Callable[[Facts], Facts] = _whole) -> bool:
    """Whether parameters of two Actions say the same, as the journal keeps them; what counts in a record is its facts."""
    facts = [matters(params.get("facts", params)) for params in (one, other)]
    checks = [sorted((v["check"], v["result"]) for v in p.get("verdicts", ())) for p in (one, other)]
    return canonical(facts[0]) == canonical(facts[1]) and checks[0] == checks[1]
