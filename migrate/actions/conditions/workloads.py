"""Workloads that must be Ready, or off; image and crash failures are told by pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, controller_of, dig, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, inconclusive, passed

KINDS = (
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("", "ReplicationController"),
)
READ = (*KINDS, ("", "Pod"), ("batch", "Job"), ("batch", "CronJob"))

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


def ready(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` on `side` has its replicas Ready; what `broken` names was broken on blue before."""
    inventory = read_inventory(doors.cluster(Side(params["side"])), only=READ)
    broken = set(params.get("broken", ()))
    return [_ready(inventory, Ref.of_json(ref), broken) for ref in params["refs"]]


def off(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` on `side` is at rest, and its pods are gone."""
    inventory = read_inventory(doors.cluster(Side(params["side"])), only=READ)
    return [_off(inventory, Ref.of_json(ref)) for ref in params["refs"]]


def rollout(obj: Object) -> tuple[int, int]:
    """Replicas wanted and Ready, for every kind of workload that keeps pods."""
    status = obj.get("status") or {}
    if obj["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled", 0)), int(status.get("numberReady", 0))
    return int(dig(obj, "spec", "replicas", default=1) or 0), int(status.get("readyReplicas", 0))


def observed(obj: Object) -> bool:
    """Whether its controller has seen the latest spec."""
    return int(dig(obj, "status", "observedGeneration", default=0)) >= int(
        dig(obj, "metadata", "generation", default=0)
    )


def _ready(inventory: Inventory, ref: Ref, broken: set[str]) -> Verdict:
    check = f"{ref} ready"
    obj = inventory.find(ref)
    if obj is None:
        return failed(check, f"{ref} is not there")
    wanted, there = rollout(obj)
    if observed(obj) and there >= wanted:
        return passed(check, f"{there} of {wanted} Ready")
    if str(ref) in broken:
        return passed(check, f"{there} of {wanted} Ready; it was not Ready on blue either")
    trouble = [t for pod in _pods(inventory, obj) for t in _trouble(pod)]
    said = f"{ref}: {there} of {wanted} Ready" + (f"; {trouble[0]}" if trouble else "")
    return inconclusive(
        check, said, "kubectl describe the pod named here; mend the image, the node or the volume"
    )


def _off(inventory: Inventory, ref: Ref) -> Verdict:
    check = f"{ref} off"
    obj = inventory.find(ref)
    if obj is None:
        return passed(check, "not there")
    if ref.kind in {"CronJob", "Job"}:
        return _suspended(inventory, obj, check)
    alive = [name_of(pod) for pod in _pods(inventory, obj)]
    wanted, _ = rollout(obj)
    if wanted == 0 and not alive and observed(obj):
        return passed(check, "no replicas, no pods")
    return inconclusive(
        check,
        f"{ref} still has {len(alive)} pods ({', '.join(alive[:2])})"
        if alive
        else f"{ref} still wants {wanted}",
    )


def _suspended(inventory: Inventory, obj: Object, check: str) -> Verdict:
    running = [
        j
        for j in inventory.in_namespace("Job", namespace_of(obj), "batch")
        if _owned(j, obj) and dig(j, "status", "active")
    ]
    if not dig(obj, "spec", "suspend") or running or (dig(obj, "status", "active") and obj["kind"] == "Job"):
        names = ", ".join(name_of(j) for j in running[:2])
        return inconclusive(check, f"{obj['kind']} {name_of(obj)} is not at rest {names}".rstrip())
    return passed(check, "suspended, nothing active")


def _owned(child: Object, owner: Object) -> bool:
    reference = controller_of(child)
    return reference is not None and reference.get("uid") == dig(owner, "metadata", "uid")


def _pods(inventory: Inventory, obj: Object) -> list[Object]:
    owners = {dig(obj, "metadata", "uid")}
    namespace = namespace_of(obj)
    owners |= {
        dig(rs, "metadata", "uid")
        for rs in inventory.of("ReplicaSet", "apps")
        if namespace_of(rs) == namespace and _owned(rs, obj)
    }
    return [
        pod
        for pod in inventory.of("Pod")
        if namespace_of(pod) == namespace
        and (controller_of(pod) or {}).get("uid") in owners
        and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}
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
