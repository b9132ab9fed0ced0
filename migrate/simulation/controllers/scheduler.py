"""The scheduler: binds pods to the emptiest node that they may run on and that has room."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from migrate.doors.cluster import Verb, Write
from migrate.errors import Conflict, NotFound
from migrate.model.objects import Object, dig, name_of
from migrate.model.quantity import quantity
from migrate.simulation.controllers.context import Context, conditions_with, watching
from migrate.simulation.controllers.index import Index, Pod
from migrate.simulation.controllers.placement import fits_node, tolerated
from migrate.simulation.controllers.view import Event, Key, Kinds

SELECTED_NODE = "volume.kubernetes.io/selected-node"


@dataclass
class _Room:
    """What is left on a node; the heap orders by how many pods it has."""

    node: Object
    pods: int
    most: int
    cpu: int
    memory: int


@dataclass
class _Nodes:
    rooms: dict[str, _Room]
    heap: list[tuple[int, str]] = field(default_factory=list)


class Scheduler:
    """Looks at pods without a node, and at all of them again when a node or a claim changed."""

    name = "scheduler"
    watches = watching(Kinds.pods, Kinds.nodes, Kinds.claims)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Unbound pods; every waiting one when something they may wait for changed."""
        if event.plural == "pods" and not event.deleted:
            pod = ctx.index.pods.get(event.key)
            return (event.key,) if pod is not None and not pod.node else ()
        return _waiting(ctx.index)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Bind one pod, or say why not."""
        pod = ctx.index.pods.get(key)
        live = ctx.view.get(Kinds.pods, key.name, key.namespace)
        if (
            pod is None
            or live is None
            or dig(live, "spec", "nodeName")
            or live["metadata"].get("deletionTimestamp")
        ):
            return
        if live["spec"].get("schedulingGates"):
            return
        missing = self._missing_claim(pod, ctx)
        nodes = self._nodes(ctx)
        chosen = None if missing else next(self._feasible(live["spec"], pod, nodes), None)
        if chosen is None:
            count = len(nodes.rooms)
            why = (
                missing
                or f"0/{count} nodes are available: none has room, matches its selectors and is tolerated."
            )
            told = conditions_with(live, ctx.stamp, ("PodScheduled", False, "Unschedulable", why))
            ctx.status(Kinds.pods, live, {"conditions": told})
            return
        self._bind(live, pod, chosen, nodes, ctx)

    def _bind(self, live: Object, pod: Pod, chosen: _Room, nodes: _Nodes, ctx: Context) -> None:
        node = name_of(chosen.node)
        for name in pod.claims:
            claim = ctx.view.get(Kinds.claims, name, pod.key.namespace)
            if claim is not None and not claim["spec"].get("volumeName"):
                ctx.patch(Kinds.claims, claim, {"metadata": {"annotations": {SELECTED_NODE: node}}})
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.key.name},
            "target": target,
        }
        write = Write(
            Verb.CREATE, Kinds.pods, pod.key.name, pod.key.namespace, binding, subresource="binding"
        )
        try:
            ctx.cluster.write(write)
        except (Conflict, NotFound):  # bound or gone since it was read
            return
        del live
        chosen.pods += 1
        chosen.cpu -= pod.cpu
        chosen.memory -= pod.memory
        heapq.heappush(nodes.heap, (chosen.pods, node))

    def _missing_claim(self, pod: Pod, ctx: Context) -> str:
        for name in pod.claims:
            claim = ctx.view.get(Kinds.claims, name, pod.key.namespace)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            waits = _waits_for_consumer(claim, ctx)
            if not claim["spec"].get("volumeName") and not waits:
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _feasible(self, spec: dict[str, Any], pod: Pod, nodes: _Nodes) -> Iterator[_Room]:
        """Nodes that would do, the emptiest first; what is taken off the heap goes back on it."""
        aside: list[tuple[int, str]] = []
        try:
            while nodes.heap:
                count, name = heapq.heappop(nodes.heap)
                room = nodes.rooms[name]
                if count != room.pods:
                    continue
                aside.append((count, name))
                enough = room.pods < room.most and pod.cpu <= room.cpu and pod.memory <= room.memory
                if enough and fits_node(spec, room.node) and tolerated(spec, room.node):
                    yield room
        finally:
            for item in aside:
                heapq.heappush(nodes.heap, item)

    def _nodes(self, ctx: Context) -> _Nodes:
        """The nodes' room, worked out once a round."""
        found = ctx.scratch.get("nodes")
        if isinstance(found, _Nodes):
            return found
        rooms: dict[str, _Room] = {}
        for node in ctx.index.nodes.values():
            if not node["spec"].get("unschedulable"):
                rooms[name_of(node)] = _room(node, ctx.index)
        made = _Nodes(rooms, [(room.pods, name) for name, room in rooms.items()])
        heapq.heapify(made.heap)
        ctx.scratch["nodes"] = made
        return made


def _room(node: Object, index: Index) -> _Room:
    allocatable = dig(node, "status", "allocatable", default=None) or dig(
        node, "status", "capacity", default={}
    )
    used = index.used[name_of(node)]
    return _Room(
        node,
        used.pods,
        quantity((allocatable or {}).get("pods", 110)),
        quantity((allocatable or {}).get("cpu", 4), 1000) - used.cpu,
        quantity((allocatable or {}).get("memory", "16Gi")) - used.memory,
    )


def _waiting(index: Index) -> list[Key]:
    return [pod.key for pod in index.unbound()]


def _waits_for_consumer(claim: Object, ctx: Context) -> bool:
    name = claim["spec"].get("storageClassName")
    found = ctx.view.get(Kinds.storage_classes, name) if name else None
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"
