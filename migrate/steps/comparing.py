"""Hold green as it stands against what is decided of blue now; read by steps, gates and `verify`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate import replay
from migrate.actions.create import creation_key
from migrate.doors.reading import read_inventory
from migrate.engine.step import Scene
from migrate.model import marks
from migrate.model.ids import NO_BATCH
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, annotations_of, ref_of
from migrate.model.verdict import Verdict
from migrate.replay import accepted, conflicts, drift, kept
from migrate.steps.base import blue_decided
from migrate.steps.drift import as_written, concerned, written
from migrate.steps.explaining import explained
from migrate.steps.finish import Finish
from migrate.steps.ledger import listed
from migrate.steps.linking import owners_held


@dataclass(frozen=True, slots=True)
class Compared:
    """What is decided of blue, and each object that does not stand on green as decided."""

    decisions: replay.Decisions
    differences: Sequence[replay.Difference]
    beside: Sequence[Verdict] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict a wave; beside these what is not compared, what is left to GitOps, and what is accepted in vain."""
        return (*replay.verdicts(self.decisions, self.differences), *self.beside)

    @property
    def facts(self) -> Mapping[str, Any]:
        """All differences as evidence for the journal, paths and no values; nothing where there is none."""
        return {"differences": [d.as_json() for d in self.differences]} if self.differences else {}


def compared(scene: Scene, blue: Inventory, decisions: replay.Decisions, green: Inventory) -> Compared:
    """Compare every written object of `decisions` on `blue` with a green that was read in their versions.

    What was made at the cutover is among them from then on.
    """
    decisions = decisions.with_made({d.ref for d in decisions.deferred if _made(scene, d.ref)})
    found = _compared(scene, as_written(scene, blue, decisions, green), green)
    return replace(found, beside=(*found.beside, *kept.verdicts(decisions, green)))


def not_yet_made(scene: Scene, decisions: replay.Decisions) -> Sequence[Ref]:
    """What stands on green only from the cutover on, and is compared with nothing before."""
    return [d.ref for d in decisions.deferred if not _made(scene, d.ref)]


def _made(scene: Scene, ref: Ref) -> bool:
    return scene.progress.stands(creation_key(ref))


def still_as_verified(scene: Scene, blue_now: Inventory) -> tuple[Compared, Sequence[Verdict]]:
    """Judge whether what this run wrote still stands on green; what blue changed since is drift's to judge."""
    found, owners = _since(scene, blue_now)
    return found, [*replay.whole(found.decisions, found.differences), *owners]


def changed_lines(scene: Scene, blue_now: Inventory) -> Sequence[str]:
    """What has changed on green since it was verified, in lines for whoever approves; none where nothing has."""
    found = _since(scene, blue_now)[0].differences
    return listed("not on green as they were verified", [d for d in found if not d.completed])


def _since(scene: Scene, blue_now: Inventory) -> tuple[Compared, Sequence[Verdict]]:
    known = written(scene)
    blue, decisions = blue_decided(scene, blue_now)
    green = read_inventory(scene.doors.green, only=concerned(known), needed=False, at=decisions.at)
    decisions = as_written(scene, blue, decisions, green)
    owners = tuple(owners_held(scene, decisions, green))
    return _compared(scene, drift.unchanged(decisions, known, scene.key), green), owners


def _compared(scene: Scene, decisions: replay.Decisions, green: Inventory) -> Compared:
    # once green has its autoscalers, they decide the replicas there
    scaled = drift.autoscaled(green)
    running = {ref: obj for ref in scaled if (obj := green.find(ref)) is not None}
    decisions = drift.as_written(decisions, green, running, scaled)
    marked = _marked(scene, decisions, green, scaled)
    found = replay.differences(decisions, marked, key=scene.key, run=scene.run)
    accept = scene.migration.verify.accept
    told = accepted.split(explained(scene, green, found), accept)
    return Compared(decisions, told, (*conflicts.own(decisions), *accepted.idle(found, accept)))


def _marked(
    scene: Scene, decisions: replay.Decisions, green: Inventory, scaled: Collection[Ref]
) -> Inventory:
    """Green as it would be with marks that say the same, where fields alone can be compared.

    That is all of it once `finish` has taken our marks away, before that what is scaled on green: the hash beside such
    a workload is of other replicas.
    """
    finished = scene.progress.done(NO_BATCH, Finish.id)
    hashes = {
        d.ref: replay.source_hash(d.target, scene.key)
        for d in decisions.written
        if d.target is not None and (finished or d.ref in scaled)
    }
    run = {marks.RUN: str(scene.run)} if finished else {}
    objects = {
        resource: [_with_marks(obj, run, hashes) for obj in found]
        for resource, found in green.objects.items()
    }
    return replace(green, objects=objects)


def _with_marks(obj: Object, run: Mapping[str, str], hashes: Mapping[Ref, str]) -> Object:
    found = hashes.get(ref_of(obj))
    if found is None:
        return obj
    notes = {**annotations_of(obj), **run, marks.SOURCE_HASH: found}
    return {**obj, "metadata": {**obj["metadata"], "annotations": notes}}
