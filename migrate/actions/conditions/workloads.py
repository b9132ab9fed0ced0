"""Workloads that must be Ready, or off; image and crash failures are told by pod."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from migrate.actions.conditions.claims import pending_of
from migrate.actions.conditions.creation import STEADY, Refusal, refusals
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, controller_of, dig, end_of_job, name_of
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from migrate.replay.kinds import ROLLOUT, TENDED
from migrate.replay.runs import BELOW

KINDS = (
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("", "ReplicationController"),
)
READ = (*KINDS, *sorted(TENDED), ("", "Pod"), ("batch", "Job"), ("batch", "CronJob"), *sorted(BELOW))

BETWEEN = {
    ("apps", "Deployment"): ("apps", "ReplicaSet"),
    ROLLOUT: ("apps", "ReplicaSet"),
    ("batch", "CronJob"): ("batch", "Job"),
}
"""The kind that stands between a workload and its pods."""

FEW = 10
"""Namespaces that are listed one by one; beyond, the whole cluster is, in fewer requests."""

Owned = Mapping[str, Sequence[Object]]
"""What was read, by the uid of its controller."""

HOPELESS = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "RunContainerError",
    }
)


ENDED = frozenset({"Succeeded", "Failed"})
"""Phases in which a pod runs no more."""

UNBOUND = "unbound immediate PersistentVolumeClaims"
"""What the scheduler says of a pod whose claims are not Bound; it names none of them."""

SHOWN = 5
"""Workloads whose claims are asked for at one look."""

MEND_REFUSED = (
    "Mend what the server names on green: a quota or LimitRange, the namespace's Pod Security level, a class, an"
    " account, a policy or a webhook; the controller tries again by itself. Then run again."
)


def ready(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` on `side` has its replicas Ready; what `broken` names was broken on blue before.

    One that is gone, or whose pods the server refuses and goes on refusing since the waiting began, has failed.
    """
    refs, side = [Ref.of_json(ref) for ref in params["refs"]], Side(params["side"])
    inventory = _read(doors, side, refs)
    owned, broken = _by_controller(inventory), set(params.get("broken", ()))
    lacking = {ref.namespace for ref in refs if _lacks_pods(owned, inventory.find(ref))}
    since = params.get("since")
    waited = doors.clock.now() - since if since is not None else STEADY
    refused = refusals(doors.cluster(side), sorted(lacking), waited)
    verdicts = [_ready(inventory, owned, ref, broken, _Refused(refused, since)) for ref in refs]
    waiting = [(place, v) for place, v in enumerate(verdicts) if UNBOUND in v.evidence]
    for place, verdict in waiting[:SHOWN]:  # each asks the server for claims
        obj = inventory.find(refs[place]) or {}
        told = (pending_of(doors.cluster(side), pod) for pod in _pods(owned, obj))
        verdicts[place] = replace(
            verdict, evidence=f"{verdict.evidence}; {next(filter(None, told), 'all its claims are Bound')}"
        )
    return verdicts


def off(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` on `side` is at rest, and its pods are gone."""
    refs = [Ref.of_json(ref) for ref in params["refs"]]
    inventory = _read(doors, Side(params["side"]), refs)
    owned = _by_controller(inventory)
    return [_off(inventory, owned, ref) for ref in refs]


def _read(doors: Doors, side: Side, refs: Sequence[Ref]) -> Inventory:
    """Read the workloads and what is below them: a look every two seconds should not list a whole cluster."""
    kinds = {(ref.group, ref.kind) for ref in refs}
    below = {BETWEEN[kind] for kind in kinds if kind in BETWEEN}.union(
        *(BELOW.get(kind, ()) for kind in kinds)
    )
    namespaces = sorted({ref.namespace for ref in refs})
    return read_inventory(
        doors.cluster(side),
        only={*kinds, *below, ("", "Pod")},
        namespaces=namespaces if len(namespaces) <= FEW else ("",),
    )


def rollout(obj: Object) -> tuple[int, int]:
    """Replicas wanted and Ready, for every kind of workload that keeps pods; of a Pod itself one, that runs or has done its work."""
    status = obj.get("status") or {}
    if obj["kind"] == "Pod":
        told = {c.get("type"): c.get("status") for c in status.get("conditions") or ()}
        return 1, int(told.get("Ready") == "True" or status.get("phase") == "Succeeded")
    if obj["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled", 0)), int(status.get("numberReady", 0))
    return int(dig(obj, "spec", "replicas", default=1) or 0), int(status.get("readyReplicas", 0))


def observed(obj: Object) -> bool:
    """Whether its controller has seen the latest spec; a Pod has none, and not every kubelet says what it has seen.

    A Rollout says it as a string, and those of old as a hash of the spec, which tells nobody else anything.
    Source: argo-rollouts, pkg/apis/rollouts/v1alpha1/types.go.
    """
    if obj["kind"] == "Pod":
        return True
    seen = str(dig(obj, "status", "observedGeneration", default=0))
    return not seen.isdecimal() or int(seen) >= int(dig(obj, "metadata", "generation", default=0))


@dataclass(frozen=True, slots=True)
class _Refused:
    """What was refused of pods, by controller, and since when that counts; None where it never does."""

    by_uid: Mapping[str, Refusal]
    since: datetime | None

    def of(self, owned: Owned, obj: Object) -> tuple[str, bool]:
        """The server's latest words about a workload's pods, and whether it goes on to refuse them."""
        makers = (obj, *(child for child in owned.get(_uid(obj), ()) if child["kind"] == "ReplicaSet"))
        told = [self.by_uid[_uid(maker)] for maker in makers if _uid(maker) in self.by_uid]
        if told:
            latest = max(told, key=lambda r: r.last)
            return latest.words, self.since is not None and latest.steady(self.since)
        kept = (c for maker in makers for c in dig(maker, "status", "conditions") or ())
        words = (c.get("message", "") for c in kept if (c["type"], c["status"]) == ("ReplicaFailure", "True"))
        return next(words, ""), False


def _lacks_pods(owned: Owned, obj: Object | None) -> bool:
    return obj is not None and len(_pods(owned, obj)) < rollout(obj)[0]


def _ready(inventory: Inventory, owned: Owned, ref: Ref, broken: set[str], refused: _Refused) -> Verdict:
    check = f"{ref} ready"
    obj = inventory.find(ref)
    if obj is None:
        return failed(check, f"{ref} is not there")
    wanted, there = rollout(obj)
    if observed(obj) and there >= wanted:
        return passed(check, f"{there} of {wanted} Ready")
    if str(ref) in broken:
        return passed(check, f"{there} of {wanted} Ready; it was not Ready on blue either")
    words, steady = refused.of(owned, obj) if _lacks_pods(owned, obj) else ("", False)
    if words:
        said = f"{ref}: {there} of {wanted} Ready; the server refuses its pods: {words}"
        return (failed if steady else inconclusive)(check, said, MEND_REFUSED)
    trouble = [t for pod in _pods(owned, obj) for t in _trouble(pod)]
    said = f"{ref}: {there} of {wanted} Ready" + (f"; {trouble[0]}" if trouble else "")
    return inconclusive(
        check, said, "kubectl describe the pod named here; mend the image, the node or the volume"
    )


def _off(inventory: Inventory, owned: Owned, ref: Ref) -> Verdict:
    check = f"{ref} off"
    obj = inventory.find(ref)
    if obj is None:
        return passed(check, "not there")
    if ref.kind == "Pod":
        return _ended_pod(ref, obj)
    if ref.kind in {"CronJob", "Job"}:
        return _suspended(owned, obj, check)
    if ref[:2] in BELOW:
        return run_off(owned, obj, ref)
    alive = [name_of(pod) for pod in _pods(owned, obj)]
    wanted, _ = rollout(obj)
    if wanted == 0 and not alive and observed(obj):
        return passed(check, "no replicas, no pods")
    return inconclusive(
        check,
        f"{ref} still has {len(alive)} pods ({', '.join(alive[:2])})"
        if alive
        else f"{ref} still wants {wanted}",
    )


def _ended_pod(ref: Ref, pod: Object) -> Verdict:
    """A Pod that nobody controls: it is off when it is gone or has ended, and who made it ends it."""
    phase = dig(pod, "status", "phase")
    if phase in ENDED:
        return passed(f"{ref} off", str(phase))
    remedy = (
        f"Keep its manifest, then kubectl delete pod {ref.name} -n {ref.namespace}: no controller stops it,"
        " and it is not deleted for you. Then run the same command to go on."
    )
    return inconclusive(f"{ref} off", f"{ref} still stands", remedy)


def run_off(owned: Owned, run: Object, ref: Ref) -> Verdict:
    """A run of a custom kind is off when nothing below it has pods; that it was told to rest, its patch has read back."""
    seen, todo = {_uid(run)}, [run]
    alive: list[str] = []
    while todo:  # each once: owners that go round are no way to go on for ever
        children = [c for c in owned.get(_uid(todo.pop()), ()) if _uid(c) not in seen]
        seen.update(map(_uid, children))
        todo.extend(children)
        pods = (c for c in children if c["kind"] == "Pod" and dig(c, "status", "phase") not in ENDED)
        alive.extend(map(name_of, pods))
    if not alive:
        return passed(f"{ref} off", "told to rest, no pods")
    remedy = f"See whether the controller of {ref.kind} runs: it takes the pods away once it hears of it."
    said = f"{ref} still has {len(alive)} pods ({', '.join(sorted(alive)[:2])})"
    return inconclusive(f"{ref} off", said, remedy)


def _suspended(owned: Owned, obj: Object, check: str) -> Verdict:
    children = sorted((c for c in owned.get(_uid(obj), ()) if c["kind"] == "Job"), key=name_of)
    jobs = [obj] if obj["kind"] == "Job" else children
    # `active` leaves out pods that are still terminating, and a Job's first status comes after its pods
    running = [j for j in jobs if _pods(owned, j) or not _rests(j)]
    if not dig(obj, "spec", "suspend") or running:
        names = ", ".join(name_of(j) for j in running[:2])
        return inconclusive(check, f"{obj['kind']} {name_of(obj)} is not at rest {names}".rstrip())
    return passed(check, "suspended, no pods")


def _rests(job: Object) -> bool:
    """Whether a Job is over, or its controller has seen that it is suspended: until then it may still make pods.

    Source: kubernetes, pkg/controller/job/job_controller.go, which writes `Suspended` once the active pods were deleted.
    """
    if end_of_job(job):
        return True
    told = {c.get("type"): c.get("status") for c in dig(job, "status", "conditions", default=()) or ()}
    asked = bool(dig(job, "spec", "suspend"))
    return asked and told.get("Suspended") == "True" and not dig(job, "status", "active")


def _uid(obj: Object) -> str:
    return str(dig(obj, "metadata", "uid", default=""))


def _by_controller(inventory: Inventory) -> Owned:
    """Sort what was read by its controller once: thousands of workloads ask for theirs among ten thousand pods."""
    found: dict[str, list[Object]] = defaultdict(list)
    for _, obj in inventory:
        owner = controller_of(obj)
        if owner is not None:
            found[str(owner.get("uid", ""))].append(obj)
    return found


def _pods(owned: Owned, obj: Object) -> list[Object]:
    """The pods of a workload that have not ended, those of its ReplicaSets too."""
    children = owned.get(_uid(obj), ()) if obj["kind"] != "Pod" else [obj]
    sets = [child for child in children if child["kind"] == "ReplicaSet"]
    return [
        pod
        for pod in (*children, *(pod for s in sets for pod in owned.get(_uid(s), ())))
        if pod["kind"] == "Pod" and dig(pod, "status", "phase") not in ENDED
    ]


def _trouble(pod: Object) -> list[str]:
    found = []
    for container in dig(pod, "status", "containerStatuses") or ():
        reason = dig(container, "state", "waiting", "reason", default="")
        if reason in HOPELESS:
            found.append(f"pod {name_of(pod)}: {container.get('image', '')} {reason}")
    if dig(pod, "status", "phase") == "Pending" and not found:
        found.extend(
            f"pod {name_of(pod)}: {c.get('message', c.get('reason', 'Pending'))}"
            for c in dig(pod, "status", "conditions") or ()
            if c.get("status") == "False"
        )
    return found
