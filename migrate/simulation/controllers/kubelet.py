"""The kubelets: pods that are bound start, run, end and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from migrate.errors import NotFound
from migrate.model.objects import Object, Resource, annotations_of, dig
from migrate.simulation.controllers.addresses import Addresses
from migrate.simulation.controllers.context import Context, conditions_with, watching
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.nodes import addresses_of, ready
from migrate.simulation.controllers.view import Event, Key, Kinds

RUN_SECONDS = "simulation.cnimigrate/run-seconds"
"""Annotation on a pod that ends by itself: how long it runs."""

POD_IP = "cni.projectcalico.org/podIP"
"""Annotation by which Calico's CNI plugin tells a pod's address."""

CALICO_NAMESPACES = frozenset({"kube-system", "calico-system", "tigera-operator"})
"""Where Calico's own workloads stand, by its manifests and by its operator."""

_WAITED_FOR = watching(Kinds.config_maps, Kinds.secrets, Kinds.claims, Kinds.nodes) | {
    ("crd.projectcalico.org", "ippools"),
    ("crd.projectcalico.org", "blockaffinities"),
}


class Kubelet:
    """Starts a bound pod once everything it mounts is there and its node's network gives it an address.

    A pod that was running when it was seeded is left as it is until it is deleted.
    """

    name = "kubelet"
    watches = watching(Kinds.pods) | _WAITED_FOR

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Bound pods, and those that wait for something that has changed."""
        if event.plural == "pods":
            pod = ctx.index.pods.get(event.key)
            return (event.key,) if pod is not None and pod.node and not _at_rest(pod) else ()
        return () if event.deleted else ctx.index.waiting(event.namespace)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Move one pod on: start it, end it, or let it go."""
        pod = ctx.view.get(Kinds.pods, key.name, key.namespace)
        if pod is None or not dig(pod, "spec", "nodeName"):
            return
        status = pod.get("status") or {}
        if pod["metadata"].get("deletionTimestamp"):
            ctx.delete(Kinds.pods, pod, grace=0)
        elif status.get("phase", "Pending") == "Pending" and not _stuck_when_seeded(status):
            self._start(pod, ctx)
        elif status.get("phase") == "Running" and dig(pod, "spec", "restartPolicy") != "Always":
            self._end(key, pod, ctx)
        elif status.get("phase") == "Running":
            self._ready_or_not(key, pod, ctx)

    def _start(self, pod: Object, ctx: Context) -> None:
        node = ctx.index.nodes.get(pod["spec"]["nodeName"])
        if node is None:
            return
        missing = next(_missing(pod, ctx), "")
        address = "" if missing else self._address(pod, node, ctx)
        if not address:
            if not missing and ctx.calico_gives and pod["metadata"]["creationTimestamp"] == ctx.stamp:
                return  # Calico's stand-in has not looked at it yet
            why = missing or "network: no address for the pod"
            waiting = [
                {
                    **_container(c, pod, running=False),
                    "state": {"waiting": {"reason": "ContainerCreating", "message": why}},
                }
                for c in pod["spec"]["containers"]
            ]
            ctx.status(Kinds.pods, pod, {"phase": "Pending", "containerStatuses": waiting, "hostIP": addresses_of(node) or None})  # fmt: skip
            return
        key = Key(pod["metadata"]["namespace"], pod["metadata"]["name"])
        well = not ctx.unready(key)
        status: dict[str, Any] = {
            "phase": "Running",
            "hostIP": addresses_of(node) or None,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": ctx.stamp,
            "containerStatuses": [
                _container(c, pod, running=True, well=well) for c in pod["spec"]["containers"]
            ],
            "conditions": _conditions(pod, ctx, well=well),
        }
        ctx.status(Kinds.pods, pod, status)
        if dig(pod, "spec", "restartPolicy") != "Always":
            ctx.view.later(self.name, key, ctx.now + timedelta(seconds=_seconds(pod, ctx)))

    def _address(self, pod: Object, node: Object, ctx: Context) -> str:
        if dig(pod, "spec", "hostNetwork"):
            return addresses_of(node) or "192.0.2.1"
        if not ready(node):
            return ""
        if ctx.calico_gives and node["metadata"]["name"] in _under_calico(ctx):
            return annotations_of(pod).get(POD_IP, "").partition("/")[0]
        found = ctx.scratch.get("addresses")
        if not isinstance(found, Addresses):
            found = ctx.scratch["addresses"] = Addresses(ctx)
        return found.next(node)

    def _end(self, key: Key, pod: Object, ctx: Context) -> None:
        started = datetime.fromisoformat(str(dig(pod, "status", "startTime", default=ctx.stamp)))
        due = started + timedelta(seconds=_seconds(pod, ctx))
        if due > ctx.now:
            ctx.view.later(self.name, key, due)
            return
        ended = [
            {
                **_container(c, pod, running=False),
                "state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ctx.stamp}},
            }
            for c in pod["spec"]["containers"]
        ]
        ctx.status(
            Kinds.pods,
            pod,
            {
                "phase": "Succeeded",
                "containerStatuses": ended,
                "conditions": _conditions(pod, ctx, well=False),
            },
        )

    def _ready_or_not(self, key: Key, pod: Object, ctx: Context) -> None:
        """Turn a pod Ready that a fault kept from it, once the fault is over."""
        known = ctx.index.pods.get(key)
        kept = bool(dig(pod, "status", "startTime")) and known is not None and not known.ready
        if kept and _ours(pod) and not ctx.unready(key):
            told = [_container(c, pod, running=True) for c in pod["spec"]["containers"]]
            ctx.status(
                Kinds.pods, pod, {"containerStatuses": told, "conditions": _conditions(pod, ctx, well=True)}
            )


def _at_rest(pod: Pod) -> bool:
    """Whether a pod has nothing before it but to be deleted."""
    return not pod.terminating and (pod.finished or (pod.lasting and pod.ready and pod.phase == "Running"))


def _under_calico(ctx: Context) -> set[str]:
    """The nodes that calico-node runs on, worked out once a round."""
    found: set[str] | None = ctx.scratch.get("under-calico")
    if found is None:
        found = {
            pod.node
            for namespace in CALICO_NAMESPACES
            for pod in ctx.index.by_namespace.get(namespace, {}).values()
            if pod.key.name.startswith("calico-node-")
        }
        ctx.scratch["under-calico"] = found
    return found


def _seconds(pod: Object, ctx: Context) -> float:
    try:
        return float(annotations_of(pod).get(RUN_SECONDS, ctx.run_seconds))
    except ValueError:
        return ctx.run_seconds


def _ours(pod: Object) -> bool:
    statuses = dig(pod, "status", "containerStatuses", default=()) or ()
    return all(str(s.get("containerID", "")).startswith("simulated://") for s in statuses)


def _stuck_when_seeded(status: Any) -> bool:
    """Whether a pod was seeded as waiting for something that the simulation does not know, such as an image."""
    for container in status.get("containerStatuses") or ():
        reason = dig(container, "state", "waiting", "reason", default="")
        if reason and reason not in {"ContainerCreating", "PodInitializing"}:
            return True
    return False


def _container(container: dict[str, Any], pod: Object, *, running: bool, well: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": running and well,
        "started": running,
        "restartCount": 0,
        "state": {},
    }
    if running:
        made["state"] = {"running": {}}
        made["containerID"] = f"simulated://{pod['metadata']['uid']}/{container['name']}"
    return made


def _conditions(pod: Object, ctx: Context, *, well: bool) -> list[dict[str, Any]]:
    return conditions_with(
        pod,
        ctx.stamp,
        ("PodReadyToStartContainers", True, "", ""),
        ("Initialized", True, "", ""),
        ("Ready", well, "" if well else "ContainersNotReady", ""),
        ("ContainersReady", well, "" if well else "ContainersNotReady", ""),
        ("PodScheduled", True, "", ""),
    )


def _missing(pod: Object, ctx: Context) -> Iterator[str]:
    """What a pod mounts or reads that is not there yet, in the kubelet's words."""
    namespace = pod["metadata"]["namespace"]
    spec = pod["spec"]
    for volume in spec.get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            claim = ctx.view.get(Kinds.claims, volume["persistentVolumeClaim"]["claimName"], namespace)
            if dig(claim, "status", "phase") != "Bound":
                yield f'persistentvolumeclaim "{volume["persistentVolumeClaim"]["claimName"]}" not bound'
        sources = [volume, *(dig(volume, "projected", "sources", default=()) or ())]
        for source in sources:
            yield from _absent(Kinds.config_maps, source.get("configMap"), "name", namespace, ctx)
            yield from _absent(Kinds.secrets, source.get("secret"), "secretName" if source is volume else "name", namespace, ctx)  # fmt: skip
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        for item in container.get("envFrom") or ():
            yield from _absent(Kinds.config_maps, item.get("configMapRef"), "name", namespace, ctx)
            yield from _absent(Kinds.secrets, item.get("secretRef"), "name", namespace, ctx)
        for variable in container.get("env") or ():
            source = variable.get("valueFrom") or {}
            yield from _absent(Kinds.config_maps, source.get("configMapKeyRef"), "name", namespace, ctx)
            yield from _absent(Kinds.secrets, source.get("secretKeyRef"), "name", namespace, ctx)


def _absent(what: Resource, source: Any, key: str, namespace: str, ctx: Context) -> Iterator[str]:
    if not source or source.get("optional") or not source.get(key):
        return
    try:
        found = ctx.view.get(what, source[key], namespace)
    except NotFound:
        found = None
    if found is None:
        yield f'{what.plural.removesuffix("s")} "{source[key]}" not found'
