"""Putting whole clusters into a world's file, below the API server."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from migrate.doors.cluster import ClusterIdentity, Verb, Write
from migrate.errors import AlreadyExists
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, dig, end_of_job, is_established, name_of, namespace_of
from migrate.simulation.allocation import Allocator
from migrate.simulation.controllers.cronjobs import CronJobs
from migrate.simulation.controllers.jobs import Jobs
from migrate.simulation.controllers.kubelet import Kubelet
from migrate.simulation.defaults import defaulted
from migrate.simulation.published import decoded
from migrate.simulation.served import (
    DEFAULT_VERSION,
    Registry,
    Served,
    builtin,
    of_crd,
)
from migrate.simulation.server import SimulatedCluster
from migrate.simulation.shapes import copied, without
from migrate.simulation.store import Key, Store
from migrate.simulation.worldfile import to_micros

_SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "default")
_TABLES = ("objects", "gone", "served", "allocated", "timers", "firings")
_NOT_WRITABLE = {"componentstatuses", "bindings"}
_BOOTSTRAP = "kubernetes-admin"


def declare(store: Store, side: Side, *, name: str, version: str, service_cidr: str, pod_cidr: str) -> None:
    """Note that a side's cluster exists; ValueError where the side has one already."""
    if store.value(f"cluster:{side.value}") is not None:
        message = f"{side.value} is seeded already"
        raise ValueError(message)
    about = {"name": name, "version": version, "service_cidr": service_cidr, "pod_cidr": pod_cidr}
    store.set_value(f"cluster:{side.value}", about)
    store.next_number("rewritten")


def wipe(store: Store, side: Side) -> None:
    """Forget a side's cluster whole, as if it had never been."""
    store.run("DELETE FROM owners WHERE side = ?", side.value)
    for table in _TABLES:
        store.run(f"DELETE FROM {table} WHERE side = ?", side.value)  # noqa: S608
    store.set_value(f"cluster:{side.value}", None)
    for number in ("served", "rewritten", f"hooks:{side.value}"):
        store.next_number(number)
    store.set_number(f"seen:{side.value}", store.revision())
    store.forget()  # what was kept of the objects


def minor_of(version: str) -> int:
    """The minor version of a gitVersion such as v1.35.4."""
    return ClusterIdentity("", version, "").minor[1]


class Loader:
    """Writes objects as they are, with their own uids where they have any, and no admission."""

    def __init__(self, store: Store, side: Side, registry: Registry) -> None:
        self._store = store
        self._side = side.value
        self._registry = registry
        self._allocator = Allocator(store, self._side)

    def load(self, what: Resource, obj: Object) -> None:
        """Write one object; a missing uid, time and default status are made up."""
        body: dict[str, Any] = {
            "apiVersion": what.api_version,
            "kind": what.kind,
            **{key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}},
        }
        metadata = dict(obj["metadata"])
        body["metadata"] = metadata
        namespace = metadata.get("namespace") or ("default" if what.namespaced else "")
        if what.namespaced:
            metadata["namespace"] = namespace
        metadata.setdefault("uid", self._uid(what, namespace, metadata["name"]))
        metadata.setdefault("creationTimestamp", self._store.stamp())
        metadata["resourceVersion"] = str(self._store.next_number("revision"))
        key = Key(self._side, what.group, what.plural, namespace, metadata["name"])
        self._store.put(key, body)
        if what.plural == "services" and not what.group:
            self._allocator.adopt(body)
        if what.plural == "customresourcedefinitions" and is_established(body):
            self._registry.add(of_crd(body))
        if what.plural.endswith("webhookconfigurations"):
            self._store.next_number(f"hooks:{self._side}")

    def _uid(self, what: Resource, namespace: str, name: str) -> str:
        about = (self._store.value(f"cluster:{self._side}") or {}).get("name", "")
        text = f"{self._store.number('seed')} {self._side} {about} {what.name} {namespace}/{name}"
        word = hashlib.sha256(text.encode()).hexdigest()
        return f"{word[:8]}-{word[8:12]}-4{word[13:16]}-8{word[17:20]}-{word[20:32]}"


def serve(
    registry: Registry, resources: Iterable[Resource], *, version: str, crds: Iterable[Object] = ()
) -> None:
    """Serve what an inventory lists, in its order; subresources come from the built-in table and the CRDs."""
    known: dict[tuple[str, str, str], Served] = {}
    for served in builtin(minor_of(version)):
        known[served.resource.group, served.resource.plural, served.resource.version] = served
    for crd in crds:
        for served in of_crd(crd):
            known[served.resource.group, served.resource.plural, served.resource.version] = served
    rows: list[Served] = []
    for what in resources:
        for spoken in what.versions:
            found = known.get((what.group, what.plural, spoken))
            rows.append(Served(what.at(spoken), found.subresources if found else frozenset(), len(rows)))
    registry.add(rows)


def wake_what_moves(store: Store, side: Side) -> None:
    """Wake the controllers of what time moves on: CronJobs fire, Jobs and their pods end, though nothing has changed."""
    for cron_job in _stored(store, side, "batch", "cronjobs"):
        _wake(store, side, CronJobs.name, cron_job)
    for job in _stored(store, side, "batch", "jobs"):
        if not end_of_job(job):
            _wake(store, side, Jobs.name, job)
    for pod in _stored(store, side, "", "pods"):
        running = dig(pod, "status", "phase") == "Running"
        if running and dig(pod, "spec", "restartPolicy", default="Always") != "Always":
            _wake(store, side, Kubelet.name, pod)


def _stored(store: Store, side: Side, group: str, plural: str) -> Iterator[Object]:
    for body in store.page(side.value, group, plural, "", ("", ""), 1_000_000):
        yield orjson.loads(body)


def _wake(store: Store, side: Side, controller: str, obj: Object) -> None:
    row = (side.value, controller, namespace_of(obj), name_of(obj), to_micros(store.now()))
    store.run("INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?, ?)", *row)


def fresh_cluster(
    store: Store,
    side: Side,
    *,
    version: str = "",
    pod_cidr: str,
    service_cidr: str,
    nodes: int,
    name: str,
    classes: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Make a cluster as kubeadm leaves it: nodes that wait for a pod network, system namespaces, CoreDNS.

    `classes` are StorageClasses, IngressClasses and the like that the platform brings along, as objects.
    """
    version = version or DEFAULT_VERSION
    with store.transaction():
        declare(store, side, name=name, version=version, service_cidr=service_cidr, pod_cidr=pod_cidr)
        Registry(store, side.value).add(
            served for served in builtin(minor_of(version)) if served.resource.plural not in _NOT_WRITABLE
        )
        store.set_number(f"seen:{side.value}", store.revision())
        door = SimulatedCluster(store, side, manager=_BOOTSTRAP)
        for obj in _bootstrap(side, version, pod_cidr, service_cidr, nodes):
            _create(door, obj)
        for item in classes:
            _create(door, _portable(item))


def _create(door: SimulatedCluster, obj: Mapping[str, Any]) -> None:
    group = str(obj["apiVersion"]).rpartition("/")[0]
    what = next(r for r in door.resources() if r.kind == obj["kind"] and r.group == group)
    metadata = obj["metadata"]
    write = Write(Verb.CREATE, what, metadata["name"], metadata.get("namespace", ""), obj)
    try:
        door.write(write)
    except AlreadyExists:
        return


def _portable(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {
        k: v for k, v in obj["metadata"].items() if k in {"name", "namespace", "labels", "annotations"}
    }
    return {**copied(without(obj, "status")), "metadata": copied(metadata)}


def _bootstrap(
    side: Side, version: str, pod_cidr: str, service_cidr: str, nodes: int
) -> Iterable[dict[str, Any]]:
    for namespace in _SYSTEM:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        yield _named("v1", "ServiceAccount", "default", namespace)
    yield from _kubeadm(version, pod_cidr, service_cidr)
    for word, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
        yield {**_named("scheduling.k8s.io/v1", "PriorityClass", word), "value": value}
    for word in ("cluster-admin", "admin", "edit", "view"):
        role = _named("rbac.authorization.k8s.io/v1", "ClusterRole", word)
        role["metadata"]["labels"] = {"kubernetes.io/bootstrapping": "rbac-defaults"}
        yield {
            **role,
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
            if word == "cluster-admin"
            else [],
        }
    for number in range(1, nodes + 1):
        yield _node(side, number, version)


def _kubeadm(version: str, pod_cidr: str, service_cidr: str) -> Iterable[dict[str, Any]]:
    """What kubeadm leaves in kube-system and default: its configuration, the API's Service, CoreDNS, kube-proxy."""
    first = _first_address(service_cidr)
    networking = f"networking:\n  podSubnet: {pod_cidr}\n  serviceSubnet: {service_cidr}\n"
    configuration = f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n{networking}"
    yield {
        **_named("v1", "ConfigMap", "kubeadm-config", "kube-system"),
        "data": {"ClusterConfiguration": configuration},
    }
    api = _named("v1", "Service", "kubernetes", "default")
    api["metadata"]["labels"] = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "targetPort": 6443}
    yield {**api, "spec": {"clusterIP": first(1), "ports": [port]}}
    yield _named("v1", "ServiceAccount", "coredns", "kube-system")
    labels = {"k8s-app": "kube-dns"}
    dns = _named("v1", "Service", "kube-dns", "kube-system")
    dns["metadata"]["labels"] = {**labels, "kubernetes.io/name": "CoreDNS"}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "metrics", "port": 9153, "protocol": "TCP"},
    ]
    yield {**dns, "spec": {"clusterIP": first(10), "selector": labels, "ports": ports}}
    yield {
        **_named("v1", "ConfigMap", "coredns", "kube-system"),
        "data": {"Corefile": ".:53 {\n    kubernetes cluster.local\n}\n"},
    }
    yield _workload(
        "Deployment",
        "coredns",
        labels,
        replicas=2,
        account="coredns",
        taint="node-role.kubernetes.io/control-plane",
    )
    yield _named("v1", "ServiceAccount", "kube-proxy", "kube-system")
    yield {
        **_named("v1", "ConfigMap", "kube-proxy", "kube-system"),
        "data": {"config.conf": f"clusterCIDR: {pod_cidr}\nmode: iptables\n"},
    }
    yield _workload("DaemonSet", "kube-proxy", {"k8s-app": "kube-proxy"}, account="kube-proxy", host=True)


def _first_address(cidr: str) -> Callable[[int], str]:
    network = ipaddress.ip_network(cidr)
    return lambda number: str(network[number])


def _named(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _workload(
    kind: str,
    name: str,
    labels: Mapping[str, str],
    *,
    account: str,
    replicas: int = 0,
    taint: str = "",
    host: bool = False,
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "serviceAccountName": account,
        "priorityClassName": "system-cluster-critical" if kind == "Deployment" else "system-node-critical",
        "containers": [{"name": name, "image": f"registry.k8s.io/{name}:simulated"}],
        "tolerations": [{"operator": "Exists"}] if host else [{"key": taint, "effect": "NoSchedule"}],
    }
    if host:
        spec["hostNetwork"] = True
    body = {**_named("apps/v1", kind, name, "kube-system")}
    body["metadata"]["labels"] = dict(labels)
    body["spec"] = {
        "selector": {"matchLabels": dict(labels)},
        "template": {"metadata": {"labels": dict(labels)}, "spec": spec},
    }
    if kind == "Deployment":
        body["spec"]["replicas"] = replicas
    return body


def _node(side: Side, number: int, version: str) -> dict[str, Any]:
    name = f"{side.value}-{number}"
    host = 10 if side is Side.BLUE else 20
    node = _named("v1", "Node", name)
    node["metadata"]["labels"] = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    address = f"192.0.2.{host + number}" if number < 200 else f"198.51.100.{number % 250}"
    if number == 1:
        node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""
        node["spec"] = {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}
    node["status"] = {
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "nodeInfo": {
            "kubeletVersion": version,
            "osImage": "Simulated Linux",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "containerRuntimeVersion": "containerd://2.1.4",
            "kernelVersion": "6.12.0",
        },
    }
    return node


def loaded(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A hand-written object with the defaults that an API server would have filled in."""
    body: dict[str, Any] = copied(decoded(obj))
    body.setdefault("metadata", {})
    defaulted(body)
    if body.get("kind") == "Namespace":
        body.setdefault("status", {"phase": "Active"})
    return body
