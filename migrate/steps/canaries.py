"""Try the first pod of each workload on green's server, before any of them starts and before any of blue's goes off."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from migrate import replay
from migrate.actions.merging import stands
from migrate.actions.record import record
from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.errors import DoorError, Unauthorized, Unreachable
from migrate.model.decision import Form
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, dig, name_of
from migrate.model.verdict import Verdict, passed
from migrate.replay import canary, kinds
from migrate.steps.anew import recorded_anew
from migrate.steps.base import body_of
from migrate.steps.ledger import Held, Ledger

RECORD = "canary pods"
MOVING = "canary pods of what moves"

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)

Decided = Callable[[], tuple[Inventory, replay.Decisions]]
"""Blue and what is decided of what green gets only at the cutover; asked where something of that has pods."""

_NEEDED = (
    ("serviceAccountName", *kinds.SERVICE_ACCOUNT),
    ("priorityClassName", "scheduling.k8s.io", "PriorityClass"),
    ("runtimeClassName", "node.k8s.io", "RuntimeClass"),
)
"""What a pod names that admission looks up: field, group and kind; source: the API reference, PodSpec."""


def dormant(scene: Scene, group: Sequence[Held]) -> list[tuple[Held, Object]]:
    """What still sleeps, as green has it now."""
    if not group:
        return []
    green = read_inventory(scene.doors.green, only={(h.ref.group, h.ref.kind) for h in group})
    found = ((h, green.find(h.ref) or {}) for h in group)
    return [(h, obj) for h, obj in found if not stands(obj, h.release)]


def tried(scene: Scene, asleep: Sequence[tuple[Held, Object]], name: str = RECORD) -> Batches:
    """Record one verdict a workload that still sleeps on green; a pod that would be refused ends the run (30).

    Each comes with the object as green has it. What green's GitOps makes is not ours to start, nor to try.
    """
    pods = _pods(asleep)
    yield from _recorded(scene, name, _verdicts(scene, pods) if pods else [])


def tried_before_blue_rests(scene: Scene, ledger: Ledger, decided: Decided) -> Batches:
    """Try what starts on green only once blue's is off: what green would not take stays on where it runs.

    A pod that needs what green gets no earlier, a webhook or an account that waits as well, is told as not checked.
    """
    group = [
        h for h in ledger.held if kinds.pod_path(h.ref[:2]) is not None and h not in ledger.before_cutover
    ]
    deferred = [h for h in group if h.form == Form.DEFERRED]
    standing = [h for h in group if h not in deferred and h.ref[:2] != kinds.POD]  # a Pod was taken itself
    asleep = dormant(scene, standing)
    pods = _pods([*asleep, *(_to_come(scene, deferred, decided) if deferred else ())])
    coming = {h.ref for h in ledger.held if h.form == Form.DEFERRED}
    needs = {h.ref: why for h in group if h.ref in pods and (why := _needs(h, pods[h.ref], coming))}
    now = {ref: pod for ref, pod in pods.items() if ref not in needs}
    verdicts = [canary.untried(ref, why) for ref, why in needs.items()]
    verdicts += _verdicts(scene, now) if now else []
    yield from _recorded(scene, MOVING, verdicts)


def _to_come(scene: Scene, deferred: Sequence[Held], decided: Decided) -> Iterator[tuple[Held, Object]]:
    """What is made on green only at the cutover, as it will be sent; what is gone from blue is not made any more."""
    blue, decisions = decided()
    for held in deferred:
        decision = decisions.of(held.ref)
        if decision is not None and decision.target is not None:
            yield held, body_of(scene, blue, decision)


def _pods(asleep: Sequence[tuple[Held, Object]]) -> dict[Ref, Object]:
    return {
        held.ref: pod
        for held, obj in asleep
        if obj and (pod := canary.canary(replay.merged(obj, held.release)))
    }


def _needs(held: Held, pod: Object, coming: Collection[Ref]) -> str:
    """What a pod needs of that which stands on green only from the cutover on."""
    named = (
        (Ref(group, kind, space, str(dig(pod, "spec", field))))
        for field, group, kind in _NEEDED
        for space in (held.ref.namespace, "")
    )
    found = [*held.waits, *(ref for ref in named if ref in coming)]
    return f"green has {', '.join(map(str, found))} only when the writers move" if found else ""


def _recorded(scene: Scene, name: str, verdicts: list[Verdict]) -> Batches:
    """Record verdicts under a name, with an end for what failed there before and is asked no more."""
    asked = {v.check for v in verdicts}
    last = scene.progress.of_key(record(name, ()).key)
    mine = (
        {v.check for v in last.outcome.verdicts} if last is not None and last.outcome is not None else set()
    )
    before = (v for v in scene.progress.verdicts(scene.batch) if v.check in mine)
    gone = [v.check for v in before if not v.passed and v.check not in asked]
    verdicts += [
        passed(check, "started since, not to be started any more, or not checked by now") for check in gone
    ]
    if verdicts:
        yield from recorded_anew(scene, record(name, verdicts))


def _verdicts(scene: Scene, pods: dict[Ref, Object]) -> list[Verdict]:
    writes = [
        Write(Verb.CREATE, PODS, name_of(pod), ref.namespace, pod, dry_run=True) for ref, pod in pods.items()
    ]
    answers = scene.doors.green.write_many(writes)
    there = canary.running(
        read_inventory(
            scene.doors.blue,
            only={kinds.POD, kinds.REPLICA_SET, kinds.JOB, *(ref[:2] for ref in pods)},
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
