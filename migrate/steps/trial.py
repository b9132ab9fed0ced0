"""Try what the replay would write on green's own server, by dry runs: nothing of it stands afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate import replay
from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.engine.step import Scene
from migrate.errors import Transient, Unauthorized, Unreachable
from migrate.model.decision import Decision
from migrate.model.inventory import Inventory
from migrate.replay import kinds, trial
from migrate.replay.canary import PASSING
from migrate.replay.trial import Said, Tried
from migrate.steps.base import BATCH, body_of


def tried(scene: Scene, blue: Inventory, decisions: replay.Decisions) -> Iterator[Tried]:
    """Try every object of every wave, in the waves' order; a server that does not answer raises."""
    served = {(r.group, r.kind): r for r in scene.doors.green.resources()}
    green = read_inventory(scene.doors.green, only={kinds.NAMESPACE})
    namespaces = {str(obj["metadata"]["name"]) for obj in green.of("Namespace")}
    for wave in decisions.waves:
        ready: list[Decision] = []
        for decision in decisions.of_wave(wave):
            if why := trial.later(decision, served, namespaces):
                yield Tried(decision.ref, wave, Said.LATER, why)
            else:
                ready.append(decision)
        for start in range(0, len(ready), BATCH):
            together = ready[start : start + BATCH]
            writes = []
            for decision in together:
                body = trial.placed(body_of(scene, blue, decision), decision.ref.namespace, namespaces)
                place = str(body["metadata"].get("namespace") or "")
                resource = served[decision.ref.group, decision.ref.kind]
                writes.append(Write(Verb.CREATE, resource, decision.ref.name, place, body, dry_run=True))
            yield from _answered(scene, together, writes)


def _answered(scene: Scene, together: Sequence[Decision], writes: Sequence[Write]) -> Iterator[Tried]:
    for decision, write, answer in zip(together, writes, scene.doors.green.write_many(writes), strict=True):
        lost = isinstance(answer, Transient) and not any(words in str(answer) for words in PASSING)
        if lost or isinstance(answer, Unreachable | Unauthorized):
            assert isinstance(answer, Exception)
            raise answer
        path = write.target.member(write.name, write.namespace)
        yield trial.judged(decision, answer, path, borrowed=write.namespace != decision.ref.namespace)
