"""Held forms: how something stands on green without doing anything, and the record of how to let it go.

Every held form is a merge patch that the object carries already and another that takes it away; what was there
before is remembered with "absent" told apart from any value, in the Decision and in an annotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.canonical import canonical
from migrate.model.decision import Hold
from migrate.model.marks import HELD, PARKED, PARKED_CLASS
from migrate.model.objects import Object, annotations_of, dig, group_of, kind_of
from migrate.replay import kinds
from migrate.replay.addresses import ASKING, fixed_address
from migrate.replay.edits import merged, nested, replaced

Path = tuple[str, ...]

_MISSING = object()

_LOAD_BALANCER_FIELDS = (
    "loadBalancerIP",
    "loadBalancerClass",
    "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts",
)
"""Fields of a Service that are refused where its type is not LoadBalancer; source: core validation, ValidateService."""

INGRESS_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


RETENTION: Path = ("spec", "persistentVolumeClaimRetentionPolicy")
"""Whether a StatefulSet deletes its claims with itself, or when it is scaled down."""


def held(
    target: Object,
    asleep: Mapping[Path, Any],
    *,
    release: Mapping[Path, Any] | None = None,
    rest: Object | None = None,
) -> tuple[Object, Hold]:
    """Put an object to rest: set (or, with None, remove) values at paths, and record what was there.

    `release` says other values to return to than the prior ones; `rest` is the merge patch for blue's twin.
    """
    prior: Object = {}
    waking: Object = {}
    resting: Object = {}
    absent: list[str] = []
    for path, value in asleep.items():
        before = dig(target, *path, default=_MISSING)
        if before is _MISSING:
            if value is None:
                continue
            absent.append(".".join(path))
            before = None
        after = release[path] if release and path in release else before
        prior = replaced(prior, path, before)
        waking = replaced(waking, path, after)
        resting = replaced(resting, path, value)
    sleeping: Object = merged(target, resting)
    return noted(sleeping, Hold(waking, prior, tuple(absent), rest))


def noted(target: Object, hold: Hold) -> tuple[Object, Hold]:
    """Write the record of a hold into the object's own annotations."""
    record = canonical({"absent": list(hold.absent), "prior": hold.prior})
    return replaced(target, ("metadata", "annotations"), {**annotations_of(target), HELD: record}), hold


def at_zero(target: Object, *, wanted: int | None, rest: Object | None) -> tuple[Object, Hold]:
    """Hold a workload at 0 replicas; `wanted` are the replicas to return to, by its autoscaler's last word.

    A workload without replicas of its own returns to 1, the default (API reference, apps/v1). A StatefulSet that
    deletes claims keeps them while it is held, so that a way back does not delete what is on them.
    """
    path = ("spec", "replicas")
    back = wanted if wanted is not None else dig(target, *path, default=1)
    asleep: dict[Path, Any] = {path: 0}
    if "Delete" in dig(target, *RETENTION, default={}).values():
        asleep[RETENTION] = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    return held(target, asleep, release={path: back}, rest=rest)


def twin_at_zero(source: Object) -> Object:
    """The patch that puts blue's twin to rest.

    A StatefulSet that deletes claims when it is scaled down is told to keep them, in the same patch: else putting
    blue to rest would delete its data, and with it the way back.
    """
    spec: dict[str, Any] = {"replicas": 0}
    if dig(source, *RETENTION, "whenScaled") == "Delete":
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": "Retain"}
    return {"spec": spec}


def off_every_node(target: Object, *, exclusive: bool) -> tuple[Object, Hold]:
    """Hold a DaemonSet with a node selector that no node matches; its own selector stays beside it."""
    parent = ("spec", "template", "spec", "nodeSelector")
    selector = dig(target, *parent)
    rest = twin_off_every_node() if exclusive else None
    if selector is None:
        return held(target, {parent: {PARKED: "true"}}, rest=rest)
    return held(target, {(*parent, PARKED): "true"}, rest=rest)


def twin_off_every_node() -> Object:
    """The patch that puts blue's DaemonSet to rest: a node selector that no node matches."""
    return nested(("spec", "template", "spec", "nodeSelector", PARKED), "true")


def gated(target: Object) -> tuple[Object, Hold]:
    """Hold a Pod with a scheduling gate (Kubernetes 1.27 and newer); a gate is taken away and never put back.

    So the way back of its release deletes it: `steps.letting_go`.
    """
    gates = dig(target, "spec", "schedulingGates")
    return held(target, {("spec", "schedulingGates"): [*(gates or ()), {"name": PARKED}]})


def suspended(target: Object) -> tuple[Object, Hold]:
    """Hold what knows `suspend`; on blue the twin is suspended before this one goes on."""
    return switched(target, ("spec", "suspend"), True)


def switched(target: Object, path: Path, asleep: Any) -> tuple[Object, Hold]:
    """Hold what one field tells to rest; on blue the twin is told so before this one goes on."""
    return held(target, {path: asleep}, rest=nested(path, asleep))


def without_automation(target: Object) -> tuple[Object, Hold]:
    """Hold an Argo CD Application without automated sync; on blue it is switched off before this one is on."""
    path = ("spec", "syncPolicy", "automated")
    return held(target, {path: None}, rest=nested(path, None))


def deferred(target: Object, *, rest: Path | None = None, value: Any = True) -> Hold:
    """The record of an object that is made at cutover as it is on blue; `rest` is set to `value` on blue before."""
    if rest is None:
        return Hold(release={}, prior={})
    before = _prior(target, rest)
    return Hold({}, nested(rest, before), (".".join(rest),) if before is None else (), nested(rest, value))


def parked(target: Object) -> tuple[Object, Hold]:
    """Hold an Ingress, or a Gateway, with a class that nobody serves.

    An Ingress may not have a class and the older annotation both (networking validation), so the annotation goes.
    """
    if (group_of(target), kind_of(target)) == kinds.GATEWAY:
        return held(target, {("spec", "gatewayClassName"): PARKED_CLASS})
    annotation = ("metadata", "annotations", INGRESS_CLASS_ANNOTATION)
    return held(target, {("spec", "ingressClassName"): PARKED_CLASS, annotation: None})


def inert(target: Object) -> tuple[Object, Hold]:
    """Hold a Service without an address outside: a LoadBalancer as ClusterIP, no external addresses, no pools.

    A fixed address is freed on blue before green takes it, else both clusters announce it.
    """
    balancer = dig(target, "spec", "type") == "LoadBalancer"
    asleep: dict[Path, Any] = {("spec", "externalIPs"): None}
    for annotation in ASKING:
        asleep["metadata", "annotations", annotation] = None
    if balancer:
        asleep["spec", "type"] = "ClusterIP"
        asleep |= {("spec", field): None for field in _LOAD_BALANCER_FIELDS}
        asleep["spec", "ports"] = _unpublished(target)
    if balancer or dig(target, "spec", "type", default="ClusterIP") == "ClusterIP":
        # refused on a Service that nothing outside can reach: core validation, externalTrafficPolicy
        asleep["spec", "externalTrafficPolicy"] = None
    rest = _freed(target) if fixed_address(target) else None
    return held(target, asleep, rest=rest)


def _freed(target: Object) -> Object:
    spec: dict[str, Any] = {}
    if dig(target, "spec", "externalIPs"):
        spec["externalIPs"] = None
    if dig(target, "spec", "type") == "LoadBalancer":
        spec["type"] = "ClusterIP"
        spec |= dict.fromkeys((*_LOAD_BALANCER_FIELDS, "externalTrafficPolicy", "healthCheckNodePort"))
        # a server that takes node ports away by itself gives others on the way back (dropTypeDependentFields)
        spec["ports"] = _unpublished(target)
    return {"spec": spec}


def _unpublished(service: Object) -> list[dict[str, Any]]:
    ports = dig(service, "spec", "ports", default=()) or ()
    return [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]


def _prior(target: Object, path: Path) -> Any:
    return dig(target, *path)
