"""Try what the replay would write on green's own server, by dry runs: nothing of it stands afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from migrate import replay
from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.engine.step import Scene
from migrate.errors import Transient, Unauthorized, Unreachable
from migrate.model import marks
from migrate.model.decision import Decision
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, annotations_of, metadata_of
from migrate.replay import kinds, trial
from migrate.replay.canary import PASSING
from migrate.replay.trial import Said, Tried
from migrate.steps.base import BATCH, body_of
from migrate.steps.conflicts import standing


def tried(scene: Scene, blue: Inventory, decisions: replay.Decisions) -> Iterator[Tried]:
    """Try every object of every wave, in the waves' order; a server that does not answer raises.

    What is undecided comes first: no run would get as far as the first wave.
    """
    yield from map(trial.undecided, decisions.undecided)
    served = {(r.group, r.kind): r for r in scene.doors.green.resources()}
    green = read_inventory(scene.doors.green, only={kinds.NAMESPACE})
    namespaces = {str(obj["metadata"]["name"]) for obj in green.of("Namespace")}
    taken = {one.ref: one for one in standing(scene, decisions).taken}
    for wave in decisions.waves:
        mine = decisions.of_wave(wave)
        there = read_inventory(scene.doors.green, only={(d.ref.group, d.ref.kind) for d in mine})
        trying: list[tuple[Decision, Write]] = []
        for decision in mine:
            if why := trial.later(decision, served, namespaces):
                yield Tried(decision.ref, wave, Said.LATER, why)
                continue
            resource, ref = served[decision.ref.group, decision.ref.kind], decision.ref
            if ref in taken:
                yield trial.met(decision, taken[ref], resource.member(ref.name, ref.namespace))
                continue
            write = _write(body_of(scene, blue, decision), there.find(ref), resource, ref, namespaces)
            if write is None:
                yield Tried(ref, wave, Said.STANDS)
                continue
            trying.append((decision, write))
        for start in range(0, len(trying), BATCH):
            yield from _answered(scene, trying[start : start + BATCH])


def _write(
    body: Object, found: Object | None, resource: Resource, ref: Ref, namespaces: Collection[str]
) -> Write | None:
    """How a body is tried: made, or brought up to date where an earlier state of it stands; None where it stands as it is.

    An apply would have to make our fields its own first, and that is a write; so the values are tried by a merge.
    """
    if found is None:
        body = trial.placed(body, ref.namespace, namespaces)
        place = str(body["metadata"].get("namespace") or "")
        return Write(Verb.CREATE, resource, ref.name, place, body, dry_run=True)
    if annotations_of(found).get(marks.SOURCE_HASH) == annotations_of(body)[marks.SOURCE_HASH]:
        return None
    uid = str(metadata_of(found)["uid"])
    return Write(Verb.PATCH, resource, ref.name, ref.namespace, body, uid=uid, dry_run=True)


def _answered(scene: Scene, trying: Sequence[tuple[Decision, Write]]) -> Iterator[Tried]:
    answers = scene.doors.green.write_many([write for _, write in trying])
    for (decision, write), answer in zip(trying, answers, strict=True):
        lost = isinstance(answer, Transient) and not any(words in str(answer) for words in PASSING)
        if lost or isinstance(answer, Unreachable | Unauthorized):
            assert isinstance(answer, Exception)
            raise answer
        path = write.target.member(write.name, write.namespace)
        yield trial.judged(decision, answer, path, borrowed=write.namespace != decision.ref.namespace)
