"""RANGE: address ranges that meet, and ranges that do not cover what they must."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.kubeadm import cluster_configuration, kube_proxy, static_flag
from migrate.assess.projectcalico import pools as live_pools
from migrate.assess.ranges import holds, inside, listed, network, networks, overlap
from migrate.assess.wording import few
from migrate.model.facts import Finding, Severity
from migrate.model.objects import dig, name_of

OVERLAP = Code(
    "RANGE-001",
    Severity.BLOCKER,
    "green's ranges meet blue's",
    "Green's pod and service ranges are compared with blue's pod and service ranges and with the addresses of blue's "
    "nodes. While both clusters run, something in one must be able to talk to something in the other: clients, "
    "databases, monitoring, and this migration's own probes. Calico also requires that a pool meets no host's range.",
    "An address would mean two things while both clusters run: traffic between them goes to the wrong pod or nowhere.",
    "Choose other ranges for green in green.network (and in green's kubeadm configuration), then build green with them.",
)
NOT_COVERED = Code(
    "RANGE-002",
    Severity.BLOCKER,
    "green.network.podCIDR is not covered by what green was built with",
    "kube-proxy tells the pods' traffic from others' by its clusterCIDR and masquerades what comes from outside it; "
    "Calico's operator refuses pools outside kubeadm's podSubnet. Both must cover green.network.podCIDR. They are read "
    "from green's ConfigMaps kubeadm-config and kube-proxy and from the controller manager's --cluster-cidr.",
    "Services would masquerade pods' traffic, so that NetworkPolicies see node addresses instead of pods', and Calico's "
    "operator would refuse the pools.",
    "Build green with networking.podSubnet equal to green.network.podCIDR, or write the range that green has into "
    "green.network.podCIDR.",
)
POOL_OUTSIDE = Code(
    "RANGE-003",
    Severity.BLOCKER,
    "a pool of Calico lies outside green.network.podCIDR",
    "Every pool of green, planned in green.calico.pools or already there, must lie inside green.network.podCIDR: that "
    "range is what kube-proxy, the firewall and the other cluster's routes are told.",
    "Pods of that pool would be masqueraded by Services and cut off wherever the pod range is what was let through.",
    "Make the pool a part of green.network.podCIDR, or widen podCIDR so that it holds every pool.",
)
POOL_MEETS = Code(
    "RANGE-004",
    Severity.BLOCKER,
    "green's ranges meet each other",
    "Green's pod range must not meet its own service range, its nodes' addresses, or 169.254.0.0/16, from which Calico "
    "takes the pods' gateway (Calico's IP pool reference).",
    "Some Services, nodes or gateways could not be reached from pods.",
    "Choose ranges for green that share no address with each other, with its nodes or with 169.254.0.0/16.",
)
BY_NODE = Code(
    "RANGE-005",
    Severity.WARNING,
    "kube-proxy on green goes by the nodes' podCIDR",
    "With detectLocalMode: NodeCIDR kube-proxy takes only addresses of the node's own podCIDR for local pods. Calico's "
    "IPAM gives addresses from blocks that have nothing to do with node.spec.podCIDR.",
    "kube-proxy would masquerade the traffic of local pods, and policies would see node addresses.",
    "Set detectLocalMode: ClusterCIDR and clusterCIDR to green.network.podCIDR in green's kube-proxy ConfigMap, then "
    "restart kube-proxy.",
)
BLUE_PROXY = Code(
    "RANGE-006",
    Severity.NOTE,
    "blue's kube-proxy does not know blue's pod range",
    "Blue's clusterCIDR does not hold the range that its pods have. Weave Net's documentation asks that clusterCIDR "
    "equals IPALLOC_RANGE.",
    "Pods on blue see node addresses as the source of Service traffic; on green they will see the pods' own. What "
    "allows or logs by source address may notice.",
    "Look for allow-lists of node addresses in front of applications; nothing needs to be changed on blue.",
)
GUESSED = Code(
    "RANGE-007",
    Severity.WARNING,
    "a range of blue is known only from addresses in use",
    "No object of blue states the range, as on managed clusters, or pods or Services have addresses outside what is "
    "stated. The range was summed up from the addresses seen, to whole /24s (IPv6: /64s), so the true one may be larger.",
    "An overlap with green's ranges could go unseen.",
    "Find out the range from whoever built blue and compare it with green.network by hand.",
)
OTHER_POOL = Code(
    "RANGE-008",
    Severity.WARNING,
    "green has a pool that the migration file does not plan",
    "Calico's first start creates a pool of its own (default-ipv4-ippool) unless it is told not to. A pool that is not "
    "in green.calico.pools takes part in giving addresses; one that overlaps a planned pool is refused by Calico.",
    "Pods get addresses from a range that the file does not know, or the planned pools cannot be created.",
    "Add the pool to green.calico.pools as it stands, or delete it on green before any pod has an address of it.",
)
SERVICE_RANGE = Code(
    "RANGE-009",
    Severity.WARNING,
    "green's service range is not the one in the migration file",
    "green.network.serviceCIDR is compared with what green's API server gives Services addresses from. It cannot be "
    "changed on a running cluster; firewalls and the overlap check go by the file.",
    "What was opened or checked for the range in the file does not hold for the range that green uses.",
    "Write green's own range into green.network.serviceCIDR, or build green again with the range in the file.",
)
CODES = (
    OVERLAP,
    NOT_COVERED,
    POOL_OUTSIDE,
    POOL_MEETS,
    BY_NODE,
    BLUE_PROXY,
    GUESSED,
    OTHER_POOL,
    SERVICE_RANGE,
)


def find(situation: Situation) -> Iterator[Finding]:
    """Compare green's ranges, planned and real, with blue's and with each other."""
    yield from _overlaps(situation)
    yield from _cover(situation)
    yield from _pools(situation)
    yield from _among_themselves(situation)
    yield from _of_blue(situation)
    yield from _of_green(situation)


def _green_ranges(situation: Situation) -> dict[str, str]:
    """Green's pod and service ranges by what they are called; a range named twice keeps its first name."""
    planned = situation.migration.green.network
    named = [(planned.pod_cidr, "green.network.podCIDR"), (planned.service_cidr, "green.network.serviceCIDR")]
    named += [(p.cidr, f"pool {p.name}") for p in situation.pools]
    if situation.green is not None:
        named += [(cidr, "green's pod range") for cidr in situation.green.pod_cidrs]
        named += [(cidr, "green's service range") for cidr in situation.green.service_cidrs]
    found: dict[str, str] = {}
    for cidr, name in named:
        for canonical in listed(cidr):
            found.setdefault(canonical, name)
    return found


def _overlaps(situation: Situation) -> Iterator[Finding]:
    blue = situation.blue
    theirs = [(cidr, "blue's pod range") for cidr in blue.pod_cidrs]
    theirs += [(cidr, "blue's service range") for cidr in blue.service_cidrs]
    said: list[str] = []
    for cidr, name in _green_ranges(situation).items():
        mine = networks([cidr])
        said += [
            f"{name} {cidr} meets {whose} {other} ({blue.sources.get(other, 'observed')})"
            for other, whose in theirs
            if (found := network(other)) and any(overlap(m, found) for m in mine)
        ]
        nodes = [a for a in blue.node_addresses if holds(mine, a)]
        if nodes:
            said.append(f"{name} {cidr} holds addresses of blue's nodes: {few(nodes)}")
    if said:
        yield OVERLAP.found("; ".join(said))


def _cover(situation: Situation) -> Iterator[Finding]:
    inventory = situation.green_inventory
    if inventory is None:
        return
    proxy = kube_proxy(inventory)
    manager = "kube-controller-manager"
    stated = {
        "kubeadm's podSubnet": dig(cluster_configuration(inventory), "networking", "podSubnet", default=""),
        "kube-proxy's clusterCIDR": proxy.cluster_cidr if proxy.by_range else "",
        f"{manager}'s --cluster-cidr": static_flag(inventory, manager, "cluster-cidr"),
    }
    planned = situation.migration.green.network.pod_cidr
    said = [
        f"green.network.podCIDR {planned} is not inside {name} ({text})"
        for name, text in stated.items()
        if text and any(not inside(mine, networks(listed(text))) for mine in networks(listed(planned)))
    ]
    if said:
        yield NOT_COVERED.found("; ".join(said))
    if proxy.detect_local == "NodeCIDR":
        yield BY_NODE.found("ConfigMap kube-system/kube-proxy of green has detectLocalMode: NodeCIDR")


def _pools(situation: Situation) -> Iterator[Finding]:
    planned = networks(listed(situation.migration.green.network.pod_cidr))
    named = {p.name: p.cidr for p in situation.pools}
    inventory = situation.green_inventory
    live = (
        {name_of(p): str(dig(p, "spec", "cidr", default="")) for p in live_pools(inventory)}
        if inventory
        else {}
    )
    said = [
        f"{where} {name} {cidr} is not inside {situation.migration.green.network.pod_cidr}"
        for where, pools in (("pool", named), ("green's IPPool", live))
        for name, cidr in sorted(pools.items())
        if (found := network(cidr))
        and any(n.version == found.version for n in planned)
        and not inside(found, planned)
    ]
    if said:
        yield POOL_OUTSIDE.found("; ".join(said))
    ranges = {str(n) for n in networks(named.values())}
    unplanned = {n: c for n, c in live.items() if str(network(c)) not in ranges}
    if unplanned:
        yield OTHER_POOL.found(
            "IPPools of green: " + few(f"{name} {cidr}" for name, cidr in unplanned.items())
        )


def _among_themselves(situation: Situation) -> Iterator[Finding]:
    planned = situation.migration.green.network
    pods = {str(n): "green.network.podCIDR" for n in networks(listed(planned.pod_cidr))}
    pods |= {
        str(n): f"pool {p.name}"
        for p in situation.pools
        for n in networks(listed(p.cidr))
        if str(n) not in pods
    }
    services = set(listed(planned.service_cidr)) | set(
        situation.green.service_cidrs if situation.green else ()
    )
    nodes = situation.green.node_addresses if situation.green else ()
    said: list[str] = []
    for cidr, name in pods.items():
        mine = networks([cidr])[0]
        said += [
            f"{name} {cidr} meets the service range {s}"
            for s in sorted(services)
            if overlap(mine, networks([s])[0])
        ]
        if overlap(mine, networks(["169.254.0.0/16"])[0]):
            said.append(f"{name} {cidr} meets 169.254.0.0/16")
        held = [a for a in nodes if holds([mine], a)]
        if held:
            said.append(f"{name} {cidr} holds addresses of green's nodes: {few(held)}")
    if said:
        yield POOL_MEETS.found("; ".join(said))


def _of_blue(situation: Situation) -> Iterator[Finding]:
    blue = situation.blue
    proxy = kube_proxy(situation.blue_inventory)
    known = networks(listed(proxy.cluster_cidr))
    outside = [c for c in blue.pod_cidrs if (found := network(c)) and not inside(found, known)]
    if proxy.by_range and known and outside:
        yield BLUE_PROXY.found(f"clusterCIDR {proxy.cluster_cidr} does not hold {few(outside)}")
    seen = [
        f"{cidr}: {source}"
        for cidr, source in blue.sources.items()
        if source.startswith("addresses of") and cidr in {*blue.pod_cidrs, *blue.service_cidrs}
    ]
    if seen:
        yield GUESSED.found(few(seen))


def _of_green(situation: Situation) -> Iterator[Finding]:
    green, planned = situation.green, situation.migration.green.network.service_cidr
    if green is None:
        return
    stated = [c for c in green.service_cidrs if not green.sources.get(c, "").startswith("addresses of")]
    if stated and not set(listed(planned)) <= set(stated):
        yield SERVICE_RANGE.found(
            f"the file says {planned}, green has {few(stated)} ({green.sources.get(stated[0], '')})"
        )
