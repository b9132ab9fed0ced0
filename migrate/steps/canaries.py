"""Try the first pod of each workload on green's server, before any of them starts."""

from __future__ import annotations

from collections.abc import Sequence

from migrate import replay
from migrate.actions.record import record
from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.errors import DoorError, Unauthorized, Unreachable
from migrate.model.objects import Object, Ref, Resource, name_of
from migrate.model.verdict import Verdict, passed
from migrate.replay import canary, kinds
from migrate.steps.anew import recorded_anew
from migrate.steps.ledger import ROLLING, Held

RECORD = "canary pods"

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


def tried(scene: Scene, dormant: Sequence[tuple[Held, Object]]) -> Batches:
    """Record one verdict a workload that still sleeps on green; a pod that would be refused ends the run (30).

    Each comes with the object as green has it. What green's GitOps makes is not ours to start, nor to try.
    """
    pods = {
        held.ref: pod
        for held, obj in dormant
        if held.ref.kind in ROLLING and obj and (pod := canary.canary(replay.merged(obj, held.release)))
    }
    verdicts = _verdicts(scene, pods) if pods else []
    asked = {v.check for v in verdicts}
    before = (v for v in scene.progress.verdicts(scene.batch) if v.check.startswith(canary.CANARY))
    gone = [v.check for v in before if not v.passed and v.check not in asked]
    verdicts += [
        passed(check, "started since, not to be started any more, or not checked by now") for check in gone
    ]
    if verdicts:
        yield from recorded_anew(scene, record(RECORD, verdicts))


def _verdicts(scene: Scene, pods: dict[Ref, Object]) -> list[Verdict]:
    writes = [
        Write(Verb.CREATE, PODS, name_of(pod), ref.namespace, pod, dry_run=True) for ref, pod in pods.items()
    ]
    answers = scene.doors.green.write_many(writes)
    there = canary.running(
        read_inventory(
            scene.doors.blue,
            only={kinds.POD, kinds.REPLICA_SET, *((ref.group, ref.kind) for ref in pods)},
            namespaces=sorted({ref.namespace for ref in pods}),
        )
    )
    accept = scene.migration.verify.accept
    found = []
    for (ref, pod), answer in zip(pods.items(), answers, strict=True):
        if isinstance(answer, Unreachable | Unauthorized):
            raise answer
        if isinstance(answer, DoorError):
            found.append(canary.refused(ref, str(answer), PODS.member(name_of(pod), ref.namespace)))
        else:
            found.append(canary.taken(ref, pod, answer, there.get(ref), accept))
    return found
