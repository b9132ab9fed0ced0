"""Seeding a world: from a real cluster's inventory, from YAML, or as a fresh cluster."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Resource, dig, kind_of, name_of
from migrate.simulation import recorded
from migrate.simulation.redaction import redacted
from migrate.simulation.seeding import (
    Loader,
    declare,
    fresh_cluster,
    loaded,
    serve,
    wake_what_moves,
)
from migrate.simulation.served import DEFAULT_VERSION, Registry
from migrate.simulation.world import World

_SYSTEM = ("default", "kube-system", "kube-public", "kube-node-lease")
_SERVICE_CIDR = "10.96.0.0/12"


def seed(world: World, side: Side, inventory: Inventory, *, name: str) -> None:
    """Copy a real cluster as it was read: same uids, same status, same served resources; Secrets' values replaced.

    The controllers take it as settled: they act on what changes from now on, and on CronJobs as time passes.
    Raises ValueError where the side has a cluster already.
    """
    store = world.store
    version = inventory.version or DEFAULT_VERSION
    with store.transaction():
        declare(
            store,
            side,
            name=name,
            version=version,
            service_cidr=_service_cidr(inventory.of("Service"), _flags(inventory.of("Pod"))),
            pod_cidr="",
        )
        registry = Registry(store, side.value)
        loader = Loader(store, side, registry)
        for resource, obj in inventory:
            if name_of(obj):
                loader.load(resource, redacted(obj))
        # last, so that what the inventory was read in goes before what its definitions would prefer
        crds = inventory.of("CustomResourceDefinition", "apiextensions.k8s.io")
        serve(registry, inventory.resources, version=version, crds=crds)
        store.set_number(f"seen:{side.value}", store.revision())
        wake_what_moves(store, side)


def seed_yaml(world: World, side: Side, text: str, name: str) -> None:
    """Make a cluster from YAML or JSON documents, Lists included, as `seed_objects` does.

    Raises RecordingError for a text that is no cluster.
    """
    seed_objects(world, side, recorded.of_text(text, name), name)


def seed_objects(world: World, side: Side, objects: Sequence[Object], name: str) -> None:
    """Make a cluster from objects that `recorded` has judged; controllers make what the objects call for.

    Namespaces that objects are in, and the system ones, are made where they are missing. Objects keep the uid and
    status they have. The version is the first node's kubelet's. Raises ValueError where the side has a cluster already.
    """
    store = world.store
    with store.transaction():
        services = [obj for obj in objects if kind_of(obj) == "Service"]
        declare(
            store,
            side,
            name=name,
            version=recorded.version_of(objects),
            service_cidr=_service_cidr(services, _flags(o for o in objects if kind_of(o) == "Pod"), objects),
            pod_cidr=_pod_cidr(objects),
        )
        store.set_number(f"seen:{side.value}", store.revision())
        registry = Registry(store, side.value)
        served = recorded.served_in(objects)
        registry.add(served)
        loader = Loader(store, side, registry)
        known = recorded.kinds_of(served)
        read_in: dict[tuple[str, str], set[Resource]] = defaultdict(set)
        for obj in [*_namespaces(objects), *objects]:
            modern = recorded.modern(obj, known)
            what = known[modern["apiVersion"], kind_of(modern)]
            loader.load(what, _established(loaded(modern)))
            read_in[what.group, what.plural].add(what)
        for what, *others in read_in.values():
            preferred = registry.named(what.group, what.plural)
            if not others and preferred is not None and preferred.resource.version != what.version:
                # a world converts nothing: it would give them out under the name of another version
                registry.only(what)


def empty(
    world: World,
    side: Side,
    *,
    version: str = "",
    pod_cidr: str,
    service_cidr: str,
    nodes: int,
    name: str,
    classes: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Make a fresh cluster, as kubeadm leaves it before a pod network is installed.

    `classes` are objects such as StorageClasses and IngressClasses to create in it, whichever cluster they are from.
    """
    fresh_cluster(
        world.store,
        side,
        version=version,
        pod_cidr=pod_cidr,
        service_cidr=service_cidr,
        nodes=nodes,
        name=name,
        classes=classes,
    )


def _namespaces(objects: Sequence[Object]) -> Iterable[Object]:
    there = {name_of(obj) for obj in objects if kind_of(obj) == "Namespace"}
    wanted = dict.fromkeys((*_SYSTEM, *(str(dig(obj, "metadata", "namespace") or "") for obj in objects)))
    for name in wanted:
        if name and name not in there:
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _established(obj: dict[str, Any]) -> dict[str, Any]:
    """A CRD that was written down without its status serves at once: its objects stand beside it."""
    if kind_of(obj) == "CustomResourceDefinition" and not dig(obj, "status", "conditions"):
        told = [{"type": word, "status": "True"} for word in ("NamesAccepted", "Established")]
        obj["status"] = {**(obj.get("status") or {}), "conditions": told}
    return obj


def _flags(pods: Iterable[Object]) -> str:
    """The API server's --service-cluster-ip-range, where its pod is among the objects."""
    for pod in pods:
        for container in dig(pod, "spec", "containers", default=()) or ():
            for word in (*(container.get("command") or ()), *(container.get("args") or ())):
                if str(word).startswith("--service-cluster-ip-range="):
                    return str(word).partition("=")[2].partition(",")[0]
    return ""


def _service_cidr(services: Sequence[Object], flag: str, objects: Sequence[Object] = ()) -> str:
    """The Service range: the API server's flag, kubeadm's configuration, else one that holds every clusterIP."""
    if flag:
        return flag
    for obj in objects:
        if name_of(obj) == "kubeadm-config":
            return _kubeadm(obj, "serviceSubnet") or _SERVICE_CIDR
    found = [str(dig(service, "spec", "clusterIP", default="")) for service in services]
    addresses = [ipaddress.IPv4Address(item) for item in found if item.count(".") == 3]
    if not addresses or all(item in ipaddress.IPv4Network(_SERVICE_CIDR) for item in addresses):
        return _SERVICE_CIDR
    network = ipaddress.IPv4Network(f"{addresses[0]}/16", strict=False)
    while not all(item in network for item in addresses):
        network = network.supernet()
    return str(network)


def _pod_cidr(objects: Sequence[Object]) -> str:
    """The range for the nodes' podCIDRs from kubeadm's configuration; empty where nodes bring theirs or need none."""
    for obj in objects:
        if name_of(obj) == "kubeadm-config":
            return _kubeadm(obj, "podSubnet")
    return ""


def _kubeadm(obj: Object, key: str) -> str:
    configuration = yaml.safe_load(str(dig(obj, "data", "ClusterConfiguration", default=""))) or {}
    return str(dig(configuration, "networking", key, default="") or "").partition(",")[0]
