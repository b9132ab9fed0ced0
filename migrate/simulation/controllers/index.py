"""A compact index of the pods and Services of a cluster, kept up to date from what changes.

Ten thousand pods are looked through for every Service and every scheduling decision; their JSON is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.objects import Object, controller_of, dig
from migrate.model.quantity import quantity
from migrate.simulation.controllers.view import Event, Key, Kinds, View

_FINISHED = {"Succeeded", "Failed"}

Label = tuple[str, str, str]
"""A namespace, and the key and value of a label in it."""


@dataclass(frozen=True, slots=True)
class Pod:
    """What controllers ask of a pod; `cpu` in millicores, `memory` in bytes, `owner` the uid of its controller.

    `lasting` says that it never ends by itself.
    """

    key: Key
    uid: str
    labels: Mapping[str, str]
    node: str
    ip: str
    phase: str
    ready: bool
    terminating: bool
    host_network: bool
    lasting: bool
    owner: str
    cpu: int
    memory: int
    claims: tuple[str, ...]

    @property
    def active(self) -> bool:
        """Whether the pod counts towards its owner's replicas."""
        return not self.terminating and self.phase not in _FINISHED

    @property
    def finished(self) -> bool:
        """Whether the pod has ended by itself."""
        return self.phase in _FINISHED


def pod_of(obj: Object) -> Pod:
    """Read a pod."""
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    owner = controller_of(obj)
    requests = [dig(c, "resources", "requests", default=None) or {} for c in spec.get("containers") or ()]
    return Pod(
        Key(metadata["namespace"], metadata["name"]),
        metadata["uid"],
        metadata.get("labels") or {},
        spec.get("nodeName") or "",
        status.get("podIP") or "",
        status.get("phase") or "Pending",
        any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()),
        bool(metadata.get("deletionTimestamp")),
        bool(spec.get("hostNetwork")),
        spec.get("restartPolicy") == "Always",
        owner["uid"] if owner else "",
        sum(quantity(item.get("cpu", 0), 1000) for item in requests),
        sum(quantity(item.get("memory", 0)) for item in requests),
        tuple(
            volume["persistentVolumeClaim"]["claimName"]
            for volume in spec.get("volumes") or ()
            if volume.get("persistentVolumeClaim")
        ),
    )


@dataclass(slots=True)
class Used:
    """What the pods of a node that have not ended take up: how many they are, millicores, bytes."""

    pods: int = 0
    cpu: int = 0
    memory: int = 0

    def add(self, pod: Pod, sign: int) -> None:
        """Count a pod in (1) or out (-1)."""
        if not pod.finished:
            self.pods += sign
            self.cpu += sign * pod.cpu
            self.memory += sign * pod.memory


class Index:
    """Pods by key, owner, node, namespace and label; Services by what they select; nodes by name.

    `seen` and `stamp` are the keeper's notes on how far the index has come; `fresh` holds until the second `follow`:
    what had changed before the index was read cannot be told, so every pod of the first counts as moved.
    """

    def __init__(self) -> None:
        self.pods: dict[Key, Pod] = {}
        self.by_owner: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self.by_namespace: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self.by_node: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self.used: dict[str, Used] = defaultdict(Used)
        self._by_label: dict[Label, dict[Key, Pod]] = defaultdict(dict)
        self._starting: dict[str, dict[Key, None]] = defaultdict(dict)
        self.addresses: dict[str, Key] = {}
        self.nodes: dict[str, Object] = {}
        self._selectors: dict[Key, Mapping[str, str]] = {}
        self._services: dict[Label, set[Key]] = defaultdict(set)
        self.moved: set[Key] = set()
        self._follows = 0
        self.seen = 0
        self.stamp = 0

    @classmethod
    def read(cls, view: View) -> Index:
        """Read everything once."""
        index = cls()
        for obj in view.list(Kinds.pods):
            index._put(pod_of(obj))
        for obj in view.list(Kinds.services):
            index._serve(Key(obj["metadata"]["namespace"], obj["metadata"]["name"]), selector_of(obj))
        index.nodes = {obj["metadata"]["name"]: obj for obj in view.list(Kinds.nodes)}
        return index

    @property
    def fresh(self) -> bool:
        """Whether the events at hand are the first ones, which may tell of a world that was seeded."""
        return self._follows < 2

    def follow(self, events: Iterable[Event]) -> None:
        """Take in what changed; `moved` holds the keys of pods whose part in Services may have changed."""
        self.moved = set()
        self._follows += 1
        for event in events:
            if event.group:
                continue
            if event.plural == "pods":
                self._pod_event(event)
            elif event.plural == "services":
                self._serve(event.key, {} if event.deleted else selector_of(event.obj))
            elif event.plural == "nodes" and event.deleted:
                self.nodes.pop(event.name, None)
            elif event.plural == "nodes":
                self.nodes[event.name] = event.obj

    def owned(self, uid: str) -> list[Pod]:
        """The pods of a controller."""
        return list(self.by_owner.get(uid, {}).values())

    def unbound(self) -> list[Pod]:
        """Pods that no node has yet, by name."""
        return [self.by_node[""][key] for key in sorted(self.by_node.get("", {}))]

    def waiting(self, namespace: str) -> list[Key]:
        """Pods of a namespace (all where it is empty) that have a node and have not started."""
        places = [self._starting.get(namespace, {})] if namespace else list(self._starting.values())
        return [key for place in places for key in place]

    def services(self, namespace: str, labels: Mapping[str, str]) -> list[Key]:
        """The Services of a namespace that select a pod of these labels."""
        candidates = {key for item in labels.items() for key in self._services.get((namespace, *item), ())}
        return sorted(key for key in candidates if selected(self._selectors[key], labels))

    def selected(self, namespace: str, selector: Mapping[str, str]) -> list[Pod]:
        """The pods of a namespace that carry every pair of a Service's selector, by name; none for an empty one."""
        item = next(iter(selector.items()), None)
        found = self._by_label.get((namespace, *item), {}) if item is not None else {}
        return [found[key] for key in sorted(found) if selected(selector, found[key].labels)]

    def _serve(self, key: Key, selector: Mapping[str, str]) -> None:
        """Keep a Service's selector under its first pair, which every pod behind it carries."""
        old = self._selectors.pop(key, None)
        if old:
            self._services[key.namespace, *next(iter(old.items()))].discard(key)
        if selector:
            self._selectors[key] = selector
            self._services[key.namespace, *next(iter(selector.items()))].add(key)

    def _pod_event(self, event: Event) -> None:
        old = self.pods.get(event.key)
        if event.deleted:
            if old is not None and old.uid == event.obj["metadata"]["uid"]:
                self._drop(old)
            self.moved.add(event.key)
            return
        new = pod_of(event.obj)
        if old is not None:
            self._drop(old)
        if self.fresh or old is None or _served(old) != _served(new):
            self.moved.add(event.key)
        self._put(new)

    def _put(self, pod: Pod) -> None:
        self.pods[pod.key] = pod
        self.by_namespace[pod.key.namespace][pod.key] = pod
        if pod.owner:
            self.by_owner[pod.owner][pod.key] = pod
        self.by_node[pod.node][pod.key] = pod
        self.used[pod.node].add(pod, 1)
        for item in pod.labels.items():
            self._by_label[pod.key.namespace, *item][pod.key] = pod
        if pod.node and pod.phase == "Pending":
            self._starting[pod.key.namespace][pod.key] = None
        if pod.ip and not pod.host_network and not pod.finished:
            self.addresses[pod.ip] = pod.key

    def _drop(self, pod: Pod) -> None:
        del self.pods[pod.key]
        self.by_namespace[pod.key.namespace].pop(pod.key, None)
        self.used[pod.node].add(pod, -1)
        places: list[tuple[dict[Any, dict[Key, Pod]], Any]] = [
            (self.by_owner, pod.owner),
            (self.by_node, pod.node),
            *((self._by_label, (pod.key.namespace, *item)) for item in pod.labels.items()),
        ]
        for table, name in places:
            table[name].pop(pod.key, None)
            if not table[name]:
                del table[name]
        self._starting.get(pod.key.namespace, {}).pop(pod.key, None)
        if self.addresses.get(pod.ip) == pod.key:
            del self.addresses[pod.ip]


def _served(pod: Pod) -> tuple[Any, ...] | None:
    """What a pod is to the Services that select it; None for one that is no endpoint."""
    if not pod.ip or pod.finished:
        return None
    return pod.labels, pod.ip, pod.ready, pod.terminating, pod.node


def selector_of(service: Object) -> Mapping[str, str]:
    """A Service's selector; empty where it has none."""
    found: Mapping[str, str] = dig(service, "spec", "selector", default=None) or {}
    return found


def selected(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether labels carry every pair of a Service's selector."""
    return all(labels.get(key) == value for key, value in selector.items())
