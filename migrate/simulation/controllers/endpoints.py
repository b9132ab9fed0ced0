"""Services to EndpointSlices and Endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.errors import AlreadyExists
from migrate.model.objects import Object, annotations_of, dig, labels_of
from migrate.simulation.controllers.context import Context, owner_reference, suffix, watching
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.view import Event, Key, Kinds

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"
_MIRROR = "endpointslicemirroring-controller.k8s.io"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_MOST = 100
"""Endpoints a slice; source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/"""


class Endpoints:
    """Keeps the slices and the Endpoints object of every Service with a selector; mirrors hand-made Endpoints."""

    name = "endpoints"
    watches = watching(Kinds.services, Kinds.endpoints, Kinds.pods)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Services themselves, those that select a pod whose part in them moved, and hand-made Endpoints."""
        if event.plural in {"services", "endpoints"}:
            return (event.key,)
        if event.key not in ctx.index.moved:
            return ()
        pod = ctx.index.pods.get(event.key)
        labels = pod.labels if pod else labels_of(event.obj)
        return ctx.index.services(event.namespace, labels)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Write what the Service's pods are now, where it differs."""
        service = ctx.view.get(Kinds.services, key.name, key.namespace)
        if service is None:
            self._gone(key, ctx)
            return
        if service["metadata"].get("deletionTimestamp") or dig(service, "spec", "type") == "ExternalName":
            return
        selector = dig(service, "spec", "selector")
        if not selector:
            self._mirror(service, ctx)
            return
        behind = ctx.index.selected(key.namespace, selector)
        pods = [pod for pod in behind if pod.ip and not pod.finished]
        self._slices(service, pods, ctx)
        self._legacy(service, pods, ctx)

    def _slices(self, service: Object, pods: list[Pod], ctx: Context) -> None:
        name = service["metadata"]["name"]
        old = {
            obj["metadata"]["name"]: obj
            for what, obj in ctx.view.owned(service["metadata"]["uid"])
            if what.plural == "endpointslices"
        }
        always = bool(dig(service, "spec", "publishNotReadyAddresses"))
        parts = [pods[place : place + _MOST] for place in range(0, len(pods), _MOST)] or [[]]
        spare = iter(sorted(set(old)))
        for number, part in enumerate(parts):
            # A seeded slice is taken over under the name it has.
            word = next(spare, None) or f"{name[:57]}-{suffix(name, number)}"
            body = {
                "endpoints": [_endpoint(pod, always=always) for pod in part],
                "ports": _ports(service),
            }
            self._slice(service, word, old.get(word), body, ctx)
        for word in spare:
            ctx.delete(Kinds.slices, old[word])

    def _slice(
        self, service: Object, word: str, old: Object | None, body: dict[str, Any], ctx: Context
    ) -> None:
        if old is not None:
            if any(old.get(key) != value for key, value in body.items()):
                ctx.patch(Kinds.slices, old, body)
            return
        metadata = service["metadata"]
        labels = {**labels_of(service), SERVICE_NAME: metadata["name"], MANAGED_BY: _CONTROLLER}
        if dig(service, "spec", "clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        made = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": word,
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            **body,
        }
        try:
            ctx.create(Kinds.slices, made)
        except AlreadyExists:  # of an earlier Service of that name; the garbage collector is about to take it
            return

    def _legacy(self, service: Object, pods: list[Pod], ctx: Context) -> None:
        metadata = service["metadata"]
        always = bool(dig(service, "spec", "publishNotReadyAddresses"))
        good = [pod for pod in pods if (pod.ready or always) and not pod.terminating]
        bad = [pod for pod in pods if not (pod.ready or always) and not pod.terminating]
        subset: dict[str, Any] = {}
        if good:
            subset["addresses"] = [_address(pod) for pod in good[:1000]]
        if bad:
            subset["notReadyAddresses"] = [_address(pod) for pod in bad[:1000]]
        if subset and _ports(service):
            subset["ports"] = [{**port, "name": port["name"]} if port.get("name") else _nameless(port) for port in _ports(service)]  # fmt: skip
        subsets = [subset] if subset else []
        old = ctx.view.get(Kinds.endpoints, metadata["name"], metadata["namespace"])
        if old is not None:
            if (old.get("subsets") or []) != subsets:
                ctx.patch(Kinds.endpoints, old, {"subsets": subsets or None})
            return
        labels = {**labels_of(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        made: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels},
        }
        if subsets:
            made["subsets"] = subsets
        ctx.create(Kinds.endpoints, made)

    def _mirror(self, service: Object, ctx: Context) -> None:
        """Give hand-made Endpoints of a Service without a selector their slice."""
        metadata = service["metadata"]
        found = ctx.view.get(Kinds.endpoints, metadata["name"], metadata["namespace"])
        if found is None or _LEADER in annotations_of(found) or (metadata["namespace"] == "default" and metadata["name"] == "kubernetes"):  # fmt: skip
            return
        slices = [o for w, o in ctx.view.owned(found["metadata"]["uid"]) if w.plural == "endpointslices"]
        subset: Mapping[str, Any] = next(iter(found.get("subsets") or ()), {})
        body = {
            "endpoints": [
                {"addresses": [address["ip"]], "conditions": {"ready": key == "addresses"}}
                for key in ("addresses", "notReadyAddresses")
                for address in subset.get(key) or ()
            ],
            "ports": [
                {"name": port.get("name", ""), "port": port["port"], "protocol": port.get("protocol", "TCP")}
                for port in subset.get("ports") or ()
            ],
        }
        if slices:
            if any(slices[0].get(key) != value for key, value in body.items()):
                ctx.patch(Kinds.slices, slices[0], body)
            return
        made = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{metadata['name'][:57]}-{suffix(metadata['name'], 'mirror')}",
                "namespace": metadata["namespace"],
                "labels": {SERVICE_NAME: metadata["name"], MANAGED_BY: _MIRROR},
                "ownerReferences": [owner_reference(found)],
            },
            "addressType": "IPv4",
            **body,
        }
        ctx.create(Kinds.slices, made)

    def _gone(self, key: Key, ctx: Context) -> None:
        """The Endpoints object has no owner: it goes with its Service by name; slices follow by ownership."""
        left = ctx.view.get(Kinds.endpoints, key.name, key.namespace)
        if (
            left is not None
            and labels_of(left).get("endpoints.kubernetes.io/managed-by") == "endpoint-controller"
        ):
            ctx.delete(Kinds.endpoints, left)


def _endpoint(pod: Pod, *, always: bool) -> dict[str, Any]:
    serving = pod.ready
    return {
        "addresses": [pod.ip],
        "conditions": {
            "ready": always or (serving and not pod.terminating),
            "serving": serving,
            "terminating": pod.terminating,
        },
        "nodeName": pod.node,
        "targetRef": {"kind": "Pod", "namespace": pod.key.namespace, "name": pod.key.name, "uid": pod.uid},
    }


def _address(pod: Pod) -> dict[str, Any]:
    target = {"kind": "Pod", "namespace": pod.key.namespace, "name": pod.key.name, "uid": pod.uid}
    return {"ip": pod.ip, "nodeName": pod.node, "targetRef": target}


def _ports(service: Object) -> list[dict[str, Any]]:
    """The ports of a slice; a named target port is taken to be the Service's own, containers are not looked at."""
    return [
        {
            "name": port.get("name", ""),
            "port": port["targetPort"] if isinstance(port.get("targetPort"), int) else port["port"],
            "protocol": port.get("protocol", "TCP"),
        }
        for port in service["spec"].get("ports") or ()
    ]


def _nameless(port: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in port.items() if key != "name"}
