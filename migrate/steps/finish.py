"""Leave nothing of ours behind but what the file asks to keep, and list what stays paused."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from typing import ClassVar

from migrate.actions.patch import patch
from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model import marks
from migrate.model.action import Action, Outcome
from migrate.model.ids import NO_BATCH, Phase, RunId, Side, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, annotations_of, controller_of, ref_of
from migrate.model.progress import Progress
from migrate.model.reasons import Why, patched
from migrate.model.verdict import Verdict, failed, passed
from migrate.steps.base import BaseStep, patches
from migrate.steps.ceding import ceded_to_blues
from migrate.steps.freeze_blue import FreezeBlue
from migrate.steps.ledger import FORCED, LEDGER
from migrate.steps.unnoting import unnoted

ROUNDS = 5
"""Looks for marks that a controller copied while we were taking them off."""

CHECK = "marks on green"

SHOWN = 5
"""Objects that a verdict names."""

PAUSE = 1.0
"""Seconds between two looks."""


class Finish(BaseStep):
    """Take this run's annotations off both sides; what rests on blue stays so, and is listed, because blue must stay off."""

    id: ClassVar[StepId] = StepId("finish.clean")
    phase: ClassVar[Phase] = Phase.FINISH
    title: ClassVar[str] = "take our marks off both sides, list what stays at rest on blue"
    undo: ClassVar[str] = "put the marks back"

    def batches(self, scene: Scene) -> Batches:
        """Unmark what is still marked."""
        yield [record("what stays paused on blue", [*paused(scene), *resting(scene), *kept_there(scene)])]
        if kept := forced(scene):
            yield [record("what green keeps for the data's sake", [passed("kept-on-green", kept)])]
        yield from ceded_to_blues(scene, _written(scene.progress))
        if "annotations" in scene.migration.keep:
            return
        yield from _unmark_all(scene)
        yield from unnoted(scene)


def _unmark_all(scene: Scene) -> Batches:
    """Take this run's marks off green; what carries another run's is that run's to clean, by its own way back even."""
    written = read_inventory(scene.doors.green, only=_written(scene.progress), needed=False)
    originals = (obj for _, obj in written if controller_of(obj) is None and _ours(obj, scene.run))
    yield from patches(scene, ((_unmark(obj, scene.run), obj) for obj in originals))
    left = yield from _unmark_rest(scene)
    yield [record(CHECK, [unmarked(left, scene.run)])]


def _written(progress: Progress) -> frozenset[tuple[str, str]]:
    """The kinds of what this run wrote to green."""
    refs = (
        intent.action.params["ref"]
        for intent in progress.intents()
        if intent.action.params.get("side") == Side.GREEN and "ref" in intent.action.params
    )
    return frozenset((ref["group"], ref["kind"]) for ref in refs)


def _unmark_rest(scene: Scene) -> Generator[Sequence[Action], Sequence[Outcome], Inventory]:
    """Unmark what else is marked, above all what controllers made after ours; returns green as it was seen last.

    A Deployment's controller copies annotations to its ReplicaSets and never takes one away there; a pass of it that
    was under way meanwhile may copy ours once more.
    """
    for _ in range(ROUNDS):
        found = read_inventory(scene.doors.green)
        marked = [obj for _, obj in found if _ours(obj, scene.run)]
        if not marked:
            return found
        yield from patches(scene, ((_unmark(obj, scene.run), obj) for obj in marked))
        scene.doors.clock.sleep(PAUSE)
    return read_inventory(scene.doors.green)


def unmarked(found: Inventory, run: RunId) -> Verdict:
    """Nothing on green carries an annotation of this run; what still does is named."""
    left = [obj for _, obj in found if _ours(obj, run)]
    if not left:
        return passed(CHECK, "nothing on green carries our marks")
    names = ", ".join(str(ref_of(obj)) for obj in left[:SHOWN])
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    keys = " ".join(sorted({f"{key}-" for obj in left for key in _ours(obj, run)}))
    remedy = (
        "Something writes them back: stop it and run the same command again, which takes them off once more; "
        f"or kubectl annotate them by hand: {keys}"
    )
    return failed(CHECK, f"our marks are still on green's {names}{more}", remedy)


def paused(scene: Scene) -> list[Verdict]:
    """What was paused on blue and stays so: a controller that woke there would start blue's twins again."""
    resting = [i for i in scene.progress.standing(NO_BATCH, FreezeBlue.id) if patched(i.action, Why.PAUSE)]
    if not resting:
        return [passed("paused", "nothing was paused on blue")]
    names = "; ".join(
        f"{i.action.params['ref']['kind']} {i.action.params['ref']['name']}" for i in resting[:10]
    )
    return [
        passed("paused", f"{len(resting)} stay paused on blue: {names}; cnimigrate rollback resumes them")
    ]


def resting(scene: Scene) -> list[Verdict]:
    """Blue's twins of what moved, which stay at rest; their notes go, like all that is ours, unless they are to be kept."""
    names = [str(Ref.of_json(action.params["ref"])) for action in _patches(scene, Why.REST)]
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    said = (
        f"{len(names)} stay at rest on blue: {'; '.join(names[:SHOWN])}{more}; cnimigrate rollback wakes them"
    )
    return [passed("resting-on-blue", said)]


def kept_there(scene: Scene) -> list[Verdict]:
    """Volumes of blue that green has taken over: with their former policy blue's claims would take the data along."""
    names = [Ref.of_json(action.params["ref"]).name for action in _patches(scene, Why.KEEP)]
    if not names:
        return []
    shown = "; ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
    said = f"{len(names)} volumes of blue stay Retain, because green uses the same disks: {shown}"
    return [passed("kept-on-blue", said)]


def _patches(scene: Scene, *whys: Why) -> list[Action]:
    """The patches of this run that stand, for one of these reasons."""
    return [i.action for i in scene.progress.effects() if patched(i.action, *whys)]


def forced(scene: Scene) -> str:
    """What was made safe on green and stays so, with what would make it as on blue; empty where there is nothing.

    Nobody is to delete a volume that blue has as well, and whether blue is still wanted is not ours to know.
    """
    found = [
        f"{Ref.of_json(item['ref'])}: {json.dumps(item['patch'], sort_keys=True)}"
        for item in scene.progress.recorded(LEDGER).get(FORCED, ())
    ]
    if not found:
        return ""
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    said = f"{len(found)} keep their data on green whatever is deleted"
    return f"{said}; once blue is given up, kubectl patch --type merge makes them as on blue: {'; '.join(found[:SHOWN])}{more}"


def _unmark(obj: Object, run: RunId) -> Action:
    change = {"metadata": {"annotations": dict.fromkeys(_ours(obj, run))}}
    return patch(Side.GREEN, ref_of(obj), change, why=Why.UNMARK)


def _ours(obj: Object, run: RunId) -> list[str]:
    """The annotations of this run on an object; none where it says to be another run's."""
    found = annotations_of(obj)
    return [key for key in found if marks.is_ours(key)] if found.get(marks.RUN, run) == run else []
