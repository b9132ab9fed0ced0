"""An inventory's facts: CNI, ranges and where they are stated, nodes, classes, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from migrate.assess.kubeadm import cluster_configuration, kube_proxy
from migrate.assess.ranges import around
from migrate.assess.sources import detect
from migrate.assess.stated import Statement, every_pod_range, pod_statements, service_statements, that_hold
from migrate.model.facts import ClusterFacts, OwnRanges
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, annotations_of, dig, name_of

DEFAULT_CLASS = {
    "storage": (
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ),
    "ingress": ("ingressclass.kubernetes.io/is-default-class",),
}
"""The annotations that make a class the default one."""

_ADDRESSES = frozenset({"InternalIP", "ExternalIP"})
_NAMES = frozenset({"Hostname", "InternalDNS", "ExternalDNS"})


def cluster_facts(inventory: Inventory, *, name: str, uid: str) -> ClusterFacts:
    """Draw the facts of one cluster from its objects; `name` is what people call it, `uid` kube-system's.

    `sources` says for each range which object states it. A range that nobody states is summed up from addresses in use
    and is then a lower bound: its source begins with "addresses of".
    """
    cnis = detect(inventory)
    pods, services = pod_statements(inventory, cnis), service_statements(inventory)
    holding_pods, holding_services = that_hold(pods), that_hold(services)
    nodes = inventory.of("Node")
    addresses = _node_addresses(inventory)
    return ClusterFacts(
        name=name,
        uid=uid,
        version=inventory.version,
        nodes=len(nodes),
        pods=len(inventory.of("Pod")),
        cnis=cnis,
        pod_cidrs=_cidrs(holding_pods),
        service_cidrs=_cidrs(holding_services),
        node_addresses=addresses,
        sources=_sources((*holding_pods, *holding_services)),
        details=_details(inventory, (*pods, *services), addresses),
    )


def own_ranges(inventory: Inventory) -> OwnRanges:
    """Draw what may be written down somewhere as an address of this cluster: ranges that nothing uses now, too."""
    return OwnRanges(
        pods=every_pod_range(inventory, detect(inventory)),
        services=_cidrs(service_statements(inventory)),
        nodes=_node_addresses(inventory),
        names=_node_names(inventory),
    )


def classes(inventory: Inventory, kind: str) -> dict[str, Object]:
    """StorageClasses ("storage") or IngressClasses ("ingress") by name."""
    found = {
        "storage": inventory.of("StorageClass", "storage.k8s.io"),
        "ingress": inventory.of("IngressClass", "networking.k8s.io"),
    }[kind]
    return {name_of(obj): obj for obj in found}


def is_default(obj: Object, kind: str) -> bool:
    """Whether a class is the default one of its kind."""
    return any(annotations_of(obj).get(key) == "true" for key in DEFAULT_CLASS[kind])


def _node_addresses(inventory: Inventory) -> tuple[str, ...]:
    found = {
        str(a["address"])
        for node in inventory.of("Node")
        for a in dig(node, "status", "addresses") or ()
        if a.get("type") in _ADDRESSES
    }
    return tuple(sorted(found, key=_numerically))


def _node_names(inventory: Inventory) -> tuple[str, ...]:
    """The names of nodes; no address that is written as a name, and not the one that every machine has."""
    nodes = inventory.of("Node")
    found = {name_of(node) for node in nodes}
    found |= {
        str(a["address"])
        for node in nodes
        for a in dig(node, "status", "addresses") or ()
        if a.get("type") in _NAMES
    }
    return tuple(
        sorted(name for name in found if name != "localhost" and not name.replace(".", "").isdigit())
    )


def _cidrs(statements: Sequence[Statement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.cidr for s in statements))


def _sources(statements: Sequence[Statement]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for statement in statements:
        said = found.setdefault(statement.cidr, [])
        if statement.source not in said:
            said.append(statement.source)
    return {cidr: "; ".join(said) for cidr, said in found.items()}


def _numerically(address: str) -> tuple[int, tuple[int, ...], str]:
    parts = address.split(".")
    numbers = tuple(int(p) for p in parts) if all(p.isdigit() for p in parts) else ()
    return (4 if numbers else 6), numbers, address


def _details(
    inventory: Inventory, statements: Sequence[Statement], addresses: Sequence[str]
) -> dict[str, Any]:
    proxy = kube_proxy(inventory)
    return {
        "counts": {
            r.name: len(objects) for r in inventory.resources if (objects := inventory.objects.get(r, ()))
        },
        "ranges": [{"role": s.role, "cidr": s.cidr, "source": s.source} for s in statements],
        "nodeRange": around(addresses),
        "nodeVersions": _tally(inventory, "kubeletVersion"),
        "architectures": _tally(inventory, "architecture"),
        "podsPerNode": _pods_per_node(inventory),
        "storageClasses": [
            {
                "name": name,
                "provisioner": str(obj.get("provisioner", "")),
                "default": is_default(obj, "storage"),
            }
            for name, obj in sorted(classes(inventory, "storage").items())
        ],
        "ingressClasses": [
            {
                "name": name,
                "controller": dig(obj, "spec", "controller", default=""),
                "default": is_default(obj, "ingress"),
            }
            for name, obj in sorted(classes(inventory, "ingress").items())
        ],
        "kubeProxy": {
            "mode": proxy.mode,
            "clusterCIDR": proxy.cluster_cidr,
            "detectLocalMode": proxy.detect_local,
        }
        if proxy.present
        else {},
        "kubeadm": _kubeadm(cluster_configuration(inventory)),
        "unreadable": dict(inventory.unreadable),
    }


def _tally(inventory: Inventory, field: str) -> dict[str, int]:
    found = Counter(str(dig(n, "status", "nodeInfo", field, default="") or "") for n in inventory.of("Node"))
    return {value: number for value, number in sorted(found.items()) if value}


def _pods_per_node(inventory: Inventory) -> dict[str, int]:
    """The busiest node's pods of the pod network, and the most pods that any node takes (0 where no node says)."""
    placed = Counter(
        str(dig(p, "spec", "nodeName", default=""))
        for p in inventory.of("Pod")
        if dig(p, "spec", "nodeName") and not dig(p, "spec", "hostNetwork", default=False)
    )
    takes = [str(dig(n, "status", "allocatable", "pods", default="")) for n in inventory.of("Node")]
    return {
        "busiest": max(placed.values(), default=0),
        "allowed": max((int(t) for t in takes if t.isdigit()), default=0),
    }


def _kubeadm(configuration: Mapping[str, Any]) -> dict[str, Any]:
    if not configuration:
        return {}
    networking = configuration.get("networking") or {}
    return {
        "podSubnet": networking.get("podSubnet", ""),
        "serviceSubnet": networking.get("serviceSubnet", ""),
        "dnsDomain": networking.get("dnsDomain", ""),
        "controlPlaneEndpoint": configuration.get("controlPlaneEndpoint", ""),
        "kubernetesVersion": configuration.get("kubernetesVersion", ""),
    }
