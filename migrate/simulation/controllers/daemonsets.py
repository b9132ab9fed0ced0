"""DaemonSet to one pod on every node that it may run on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migrate.errors import AlreadyExists
from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import Context, owner_key, pod_from, suffix, watching
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.placement import fits_node, tolerated
from migrate.simulation.controllers.replicasets import delete_pod
from migrate.simulation.controllers.revisions import revision_of
from migrate.simulation.controllers.view import Event, Key, Kinds

# Source: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations
_TOLERATIONS = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_HOST_TOLERATION = ("node.kubernetes.io/network-unavailable", "NoSchedule")


class DaemonSets:
    """Follows nodes and their labels; the pods are bound by the scheduler through an affinity to their node."""

    name = "daemonsets"
    watches = watching(Kinds.daemon_sets, Kinds.pods, Kinds.nodes)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The sets themselves, those whose pods changed, and all of them when a node changed what they look at."""
        if event.plural == "daemonsets":
            return () if event.deleted else (event.key,)
        if event.plural == "pods":
            return owner_key(event, "DaemonSet")
        return [
            Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
            for obj in ctx.view.list(Kinds.daemon_sets)
        ]

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Create and delete pods so that every eligible node has one, and tell the status."""
        live = ctx.view.get(Kinds.daemon_sets, key.name, key.namespace)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        revision = revision_of(live, ctx)
        spec = _pod_spec(live)
        eligible = {
            node["metadata"]["name"]
            for node in ctx.view.list(Kinds.nodes)
            if fits_node(spec, node) and tolerated(spec, node)
        }
        pods = ctx.index.owned(live["metadata"]["uid"])
        # A pod that is not bound yet is known by its name, which depends on the node it was made for.
        made_for = {_pod_name(live, node): node for node in eligible}
        homes = {pod.key: pod.node or made_for.get(pod.key.name, "") for pod in pods}
        self._tell(live, len(eligible), [pod for pod in pods if homes[pod.key] in eligible], revision, ctx)
        for pod in pods:
            outdated = pod.labels.get("controller-revision-hash") not in {None, revision}
            rolling = dig(live, "spec", "updateStrategy", "type") != "OnDelete"
            if not pod.terminating and (
                homes[pod.key] not in eligible or (outdated and rolling) or pod.finished
            ):
                delete_pod(pod, ctx)
        for node in sorted(eligible - set(homes.values())):
            self._create(live, spec, node, revision, ctx)

    def _create(self, live: Object, spec: dict[str, Any], node: str, revision: str, ctx: Context) -> None:
        name = _pod_name(live, node)
        labels = {"controller-revision-hash": revision, "pod-template-generation": "1"}
        pod = pod_from({**live["spec"]["template"], "spec": spec}, live, name, **labels)
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        wanted = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        pod["spec"] = {**spec, "affinity": {**(spec.get("affinity") or {}), "nodeAffinity": wanted}}
        try:
            ctx.create(Kinds.pods, pod)
        except AlreadyExists:  # the old one of that name still ends
            return

    def _tell(self, live: Object, eligible: int, pods: list[Pod], revision: str, ctx: Context) -> None:
        active = [pod for pod in pods if pod.active]
        ready = sum(1 for pod in active if pod.ready)
        status = {
            "observedGeneration": live["metadata"].get("generation", 1),
            "currentNumberScheduled": len(active),
            "desiredNumberScheduled": eligible,
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": ready or None,
            "numberUnavailable": eligible - ready or None,
            "updatedNumberScheduled": sum(
                1 for pod in active if pod.labels.get("controller-revision-hash") in {None, revision}
            )
            or None,
        }
        ctx.status(Kinds.daemon_sets, live, status)


def _pod_name(live: Object, node: str) -> str:
    return f"{live['metadata']['name'][:57]}-{suffix(live['metadata']['name'], node)}"


def _pod_spec(live: Object) -> dict[str, Any]:
    spec = dict(live["spec"]["template"]["spec"])
    tolerations = list(spec.get("tolerations") or ())
    extra = (*_TOLERATIONS, _HOST_TOLERATION) if spec.get("hostNetwork") else _TOLERATIONS
    tolerations.extend({"key": key, "operator": "Exists", "effect": effect} for key, effect in extra)
    spec["tolerations"] = tolerations
    return spec
