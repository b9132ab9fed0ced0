"""Which object states which range of a cluster, and which of them holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrate.assess.kubeadm import cluster_configuration, k3s_flag, kube_proxy, static_flag
from migrate.assess.ranges import collapsed, holds, listed, networks, summed_up
from migrate.assess.wording import count
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, dig, name_of

K3S_PODS = "10.42.0.0/16"
K3S_SERVICES = "10.43.0.0/16"


@dataclass(frozen=True, slots=True)
class Statement:
    """One range as one object states it; `role` is "pods" or "services", `seen` marks a range made of addresses."""

    role: str
    cidr: str
    source: str
    seen: bool = False


def pod_statements(inventory: Inventory, cnis: Sequence[Cni]) -> tuple[Statement, ...]:
    """Every statement about the pods' range, the strongest first: the CNI, then the control plane, then the nodes."""
    return tuple(_pods(inventory, cnis))


def service_statements(inventory: Inventory) -> tuple[Statement, ...]:
    """Every statement about the Services' range, the strongest first: ServiceCIDRs, then the API server's flag."""
    return tuple(_services(inventory))


def every_pod_range(inventory: Inventory, cnis: Sequence[Cni]) -> tuple[str, ...]:
    """Every range that anything takes for the pods': what is stated, of any CNI that is there, and the nodes' podCIDRs."""
    given = [cidr for node in inventory.of("Node") for cidr in _node_ranges(node)]
    stated = [s.cidr for s in pod_statements(inventory, cnis)]
    return tuple(dict.fromkeys([*stated, *(c for cni in cnis for c in cni.pod_cidrs), *_joined(given)]))


def that_hold(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Of some statements those that hold: all of the strongest source, and ranges made of addresses outside them."""
    stated = [s for s in statements if not s.seen]
    strongest = [s for s in stated if s.source == stated[0].source] if stated else []
    return (*strongest, *(s for s in statements if s.seen))


def pod_addresses(inventory: Inventory) -> Iterator[str]:
    """The addresses that pods of the pod network have; finished pods and those of the host network are left out."""
    for pod in inventory.of("Pod"):
        if dig(pod, "spec", "hostNetwork", default=False):
            continue
        if dig(pod, "status", "phase", default="") in {"Succeeded", "Failed"}:
            continue
        for entry in dig(pod, "status", "podIPs") or ():
            yield str(entry.get("ip", ""))
        if not dig(pod, "status", "podIPs") and dig(pod, "status", "podIP"):
            yield str(dig(pod, "status", "podIP"))


def cluster_ips(inventory: Inventory) -> Iterator[str]:
    """The cluster addresses that Services have."""
    for service in inventory.of("Service"):
        one = dig(service, "spec", "clusterIP", default="")
        for address in dig(service, "spec", "clusterIPs") or ([one] if one else []):
            if address and address != "None":
                yield str(address)


def _pods(inventory: Inventory, cnis: Sequence[Cni]) -> Iterator[Statement]:
    found: list[Statement] = []
    if cnis:
        found += _statements("pods", cnis[0].pod_cidrs, _of_cni(cnis[0]))
    configuration = cluster_configuration(inventory)
    proxy = kube_proxy(inventory)
    found += _statements(
        "pods",
        listed(dig(configuration, "networking", "podSubnet")),
        "ConfigMap kube-system/kubeadm-config networking.podSubnet",
    )
    manager = "kube-controller-manager"
    found += _statements(
        "pods",
        listed(static_flag(inventory, manager, "cluster-cidr")),
        f"static pod {manager} --cluster-cidr",
    )
    found += _statements("pods", listed(proxy.cluster_cidr), "ConfigMap kube-system/kube-proxy clusterCIDR")
    found += _k3s(inventory, "pods", "cluster-cidr", K3S_PODS)
    given = [cidr for node in inventory.of("Node") for cidr in _node_ranges(node)]
    by_node = not cnis or cnis[0].name is not CniName.WEAVE  # Weave's ring ignores what the nodes are given
    if by_node and not found:
        found += _statements("pods", _joined(given), "spec.podCIDR of the nodes")
    yield from found
    known = networks(s.cidr for s in that_hold(found))
    stray = [a for a in pod_addresses(inventory) if not holds(known, a)]
    yield from _statements("pods", summed_up(stray), f"addresses of {count(len(stray), 'pod')}", seen=True)


def _of_cni(cni: Cni) -> str:
    if cni.name is CniName.WEAVE:
        return next((e for e in cni.evidence if e.startswith("IPALLOC_RANGE")), "IPALLOC_RANGE")
    if cni.name in {CniName.FLANNEL, CniName.CANAL}:
        return next((e.partition(":")[0] for e in cni.evidence if "net-conf.json" in e), "net-conf.json")
    return "IPPools" if cni.name is CniName.CALICO else str(cni.name)


def _services(inventory: Inventory) -> Iterator[Statement]:
    found: list[Statement] = []
    for obj in inventory.of("ServiceCIDR", "networking.k8s.io"):
        found += _statements(
            "services", listed(",".join(dig(obj, "spec", "cidrs") or ())), "ServiceCIDR objects"
        )
    name = "service-cluster-ip-range"
    for component in ("kube-apiserver", "kube-controller-manager"):
        found += _statements(
            "services", listed(static_flag(inventory, component, name)), f"static pod {component} --{name}"
        )
    found += _statements(
        "services",
        listed(dig(cluster_configuration(inventory), "networking", "serviceSubnet")),
        "ConfigMap kube-system/kubeadm-config networking.serviceSubnet",
    )
    found += _k3s(inventory, "services", "service-cidr", K3S_SERVICES)
    yield from found
    known = networks(s.cidr for s in that_hold(found))
    stray = [a for a in cluster_ips(inventory) if not holds(known, a)]
    source = f"addresses of {count(len(stray), 'Service')}, default/kubernetes among them"
    if not any(
        name_of(s) == "kubernetes" and dig(s, "spec", "clusterIP") in stray for s in inventory.of("Service")
    ):
        source = f"addresses of {count(len(stray), 'Service')}"
    yield from _statements("services", summed_up(stray), source, seen=True)


def _k3s(inventory: Inventory, role: str, name: str, default: str) -> list[Statement]:
    value = k3s_flag(inventory, name)
    if value is None:
        return []
    source = f"k3s --{name}" if value else f"default of k3s (no --{name} on its nodes)"
    return _statements(role, listed(value or default), source)


def _statements(role: str, cidrs: Sequence[str], source: str, *, seen: bool = False) -> list[Statement]:
    return [Statement(role, cidr, source, seen) for cidr in cidrs]


def _node_ranges(node: Object) -> Sequence[str]:
    one = dig(node, "spec", "podCIDR", default="")
    found: Sequence[str] = dig(node, "spec", "podCIDRs") or ([one] if one else [])
    return found


def _joined(cidrs: Sequence[str]) -> list[str]:
    """Join adjacent ranges; nodes are given neighbouring ones."""
    return [str(n) for n in collapsed(networks(cidrs))]
