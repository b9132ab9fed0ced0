"""Validating objects of Calico's own API before they are written.

A raw write to crd.projectcalico.org is validated by nobody: an IPPool that overlaps, a selector with a single `=`,
are taken, and Felix then treats the policy as missing, so it fails open. A server dry run on projectcalico.org/v3
skips the checks too. So what calicoctl would refuse is refused here. Source of the rules: the resource references
(docs.tigera.io, reference/resources), the CRDs' own enumerations, and libcalico-go's v3 validator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any

from migrate.calico import policies
from migrate.calico.fields import Problems, network, one_of
from migrate.calico.pools import CRD_GROUP, V3_GROUP, spec_of
from migrate.model.objects import (
    Object,
    annotations_of,
    dig,
    group_of,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
)

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TIER_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PEER = re.compile(
    r"(?P<v4>[0-9.]+)(:(?P<port4>\d+))?|\[(?P<v6>[0-9a-fA-F:.]+)\]:(?P<port6>\d+)|(?P<bare>[0-9a-fA-F:.]+)"
)

_NAMESPACED = frozenset(
    {"NetworkPolicy", "NetworkSet", "StagedNetworkPolicy", "StagedKubernetesNetworkPolicy"}
)

# The built-in tiers' orders are fixed; another one makes calico-node complain and the tier be put back.
_TIER_ORDERS = {"default": 1_000_000, "kube-admin": 1_000, "kube-baseline": 10_000_000}

_MODES = ("Always", "CrossSubnet", "Never")
_SWITCH = ("Enabled", "Disabled")
_SEVERITIES = ("Trace", "Debug", "Info", "Warning", "Error", "Fatal")

# Enumerations of FelixConfiguration v3.32 as its CRD states them; compared without regard to case where the CRD's
# pattern does the same ("exact" below says where it does not).
_FELIX: Mapping[str, tuple[str, ...]] = {
    "bpfEnforceRPF": ("Disabled", "Strict", "Loose"),
    "bpfExternalServiceMode": ("Tunnel", "DSR"),
    "bpfLogLevel": ("Off", "Info", "Debug"),
    "chainInsertMode": ("Insert", "Append"),
    "defaultEndpointToHostAction": ("Drop", "Accept", "Return"),
    "iptablesFilterAllowAction": ("Accept", "Return"),
    "iptablesFilterDenyAction": ("Drop", "Reject"),
    "iptablesMangleAllowAction": ("Accept", "Return"),
    "logSeverityFile": _SEVERITIES,
    "logSeverityScreen": _SEVERITIES,
    "logSeveritySys": _SEVERITIES,
    "nftablesFilterAllowAction": ("Accept", "Return"),
    "nftablesFilterDenyAction": ("Drop", "Reject"),
    "nftablesMangleAllowAction": ("Accept", "Return"),
    "routeSource": ("WorkloadIPs", "CalicoIPAM"),
    "serviceLoopPrevention": ("Drop", "Reject", "Disabled"),
    "workloadSourceSpoofing": ("Disabled", "Any"),
}
_FELIX_EXACT: Mapping[str, tuple[str, ...]] = {
    "awsSrcDstCheck": ("DoNothing", "Enable", "Disable"),
    "bpfConnectTimeLoadBalancing": ("TCP", "Enabled", "Disabled"),
    "bpfConntrackMode": ("Auto", "Userspace", "BPFProgram"),
    "bpfHostNetworkedNATWithoutCTLB": _SWITCH,
    "bpfRedirectToPeer": _SWITCH,
    "floatingIPs": _SWITCH,
    "ipForwarding": _SWITCH,
    "iptablesBackend": ("Legacy", "NFT", "Auto"),
    "natOutgoingExclusions": ("IPPoolsOnly", "IPPoolsAndHostIPs"),
    "nftablesMode": (*_SWITCH, "Auto"),
    "programClusterRoutes": _SWITCH,
    "windowsManageFirewallRules": _SWITCH,
}
_FELIX_SWITCHES = (
    "bpfEnabled",
    "healthEnabled",
    "ipipEnabled",
    "ipv6Support",
    "prometheusMetricsEnabled",
    "vxlanEnabled",
    "wireguardEnabled",
    "wireguardEnabledV6",
)
_FELIX_PORTS = (
    "healthPort",
    "prometheusMetricsPort",
    "vxlanPort",
    "wireguardListeningPort",
    "wireguardListeningPortV6",
)
_FELIX_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))*")


def is_calico(obj: Object) -> bool:
    """Whether an object belongs to Calico's own API, in either group."""
    return group_of(obj) in {CRD_GROUP, V3_GROUP}


def validate(obj: Object) -> tuple[str, ...]:
    """What is wrong with one object of Calico's API, as sentences with the path of each; empty where nothing is.

    Objects of other APIs, and kinds of Calico's that it computes itself (blocks, handles, …), have no problems here.
    """
    if not is_calico(obj):
        return ()
    problems = Problems()
    _metadata(obj, problems)
    check = _CHECKS.get(kind_of(obj))
    if check is not None:
        spec = obj.get("spec")
        if spec is not None and not isinstance(spec, Mapping):
            problems.add("spec", "must be a mapping")
        else:
            check(obj, spec or {}, problems)
    return tuple(problems)


def validate_all(objects: Iterable[Object]) -> dict[str, tuple[str, ...]]:
    """What is wrong with objects that shall stand together, by `Kind namespace/name`: each alone, and pools that overlap."""
    found: dict[str, tuple[str, ...]] = {}
    pools: list[Object] = []
    for obj in objects:
        wrong = validate(obj)
        if wrong:
            found[_title(obj)] = found.get(_title(obj), ()) + wrong
        if is_calico(obj) and kind_of(obj) == "IPPool":
            pools.append(obj)
    for title, sentence in pool_overlaps(pools):
        found[title] = (*found.get(title, ()), sentence)
    return found


def pool_overlaps(pools: Iterable[Object]) -> list[tuple[str, str]]:
    """Pairs of pools that share addresses, as (title of the second, sentence); two views of one pool are one pool."""
    ranges = {}
    for pool in pools:
        cidr = network(dig(pool, "spec", "cidr"))
        if cidr is not None:
            ranges[name_of(pool)] = (cidr, _title(pool))
    return [
        (title, f"spec.cidr: {other} overlaps {one} of IPPool {name}")
        for (name, (one, _)), (_, (other, title)) in combinations(sorted(ranges.items()), 2)
        if one.version == other.version and one.overlaps(other)
    ]


def _title(obj: Object) -> str:
    namespace = namespace_of(obj)
    return f"{kind_of(obj)} {namespace}/{name_of(obj)}" if namespace else f"{kind_of(obj)} {name_of(obj)}"


def _metadata(obj: Object, problems: Problems) -> None:
    name = name_of(obj)
    if len(name) > 253 or not _NAME.fullmatch(name):
        problems.add(
            "metadata.name", f"{name!r} is no name: lower-case letters, digits, '-' and '.', at most 253"
        )
    if kind_of(obj) in _NAMESPACED and not namespace_of(obj):
        problems.add("metadata.namespace", f"a {kind_of(obj)} needs a namespace")
    for key, value in labels_of(obj).items():
        if not _LABEL_KEY.fullmatch(key):
            problems.add("metadata.labels", f"{key!r} is no label name")
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            problems.add("metadata.labels", f"{value!r} is no value of the label {key}")
    for key in annotations_of(obj):
        if not _LABEL_KEY.fullmatch(key):
            problems.add("metadata.annotations", f"{key!r} is no annotation name")


def _pool(_obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    for field in ("ipipMode", "vxlanMode"):
        one_of(spec, field, _MODES, problems)
    one_of(spec, "assignmentMode", ("Automatic", "Manual"), problems)
    problems.selector(spec, "nodeSelector")
    problems.selector(spec, "namespaceSelector")
    cidr = network(spec.get("cidr"))
    if cidr is None:
        problems.add("spec.cidr", f"{spec.get('cidr')!r} is no range without host bits")
        return
    size = spec_of({"spec": spec})["blockSize"]
    low, high = (20, 32) if cidr.version == 4 else (116, 128)
    if not isinstance(size, int) or not low <= size <= high:
        problems.add("spec.blockSize", f"{size!r} is outside {low} to {high}")
    elif cidr.prefixlen > size and not spec.get("disabled"):
        problems.add("spec.cidr", f"{cidr} is smaller than one block of /{size}")
    for local in ("169.254.0.0/16", "fe80::/10"):
        other = network(local)
        if other is not None and other.version == cidr.version and cidr.overlaps(other):
            problems.add("spec.cidr", f"{cidr} overlaps the link-local range {local}")
    _encapsulation(spec, cidr.version, problems)


def _encapsulation(spec: Mapping[str, Any], version: int, problems: Problems) -> None:
    ipip, vxlan = (spec.get(field) or "Never" for field in ("ipipMode", "vxlanMode"))
    if ipip != "Never" and vxlan != "Never":
        problems.add("spec.ipipMode", "ipipMode and vxlanMode exclude each other")
    if version == 6 and ipip != "Never":
        problems.add("spec.ipipMode", "IPIP carries IPv4 only")
    uses = spec.get("allowedUses") or []
    for use in uses:
        if use not in {"Workload", "Tunnel", "LoadBalancer"}:
            problems.add("spec.allowedUses", f"{use!r} is not Workload, Tunnel or LoadBalancer")
    if "LoadBalancer" not in uses:
        return
    if len(set(uses)) > 1:
        problems.add("spec.allowedUses", "LoadBalancer stands alone")
    if ipip != "Never" or vxlan != "Never":
        problems.add("spec.allowedUses", "a LoadBalancer pool has no encapsulation")
    if spec.get("disableBGPExport"):
        problems.add("spec.disableBGPExport", "a LoadBalancer pool is exported over BGP")
    if spec.get("nodeSelector", "all()") != "all()":
        problems.add("spec.nodeSelector", "a LoadBalancer pool serves all()")


def _reservation(_obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    problems.nets(spec, "reservedCIDRs", strict=False)


def _network_set(obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    problems.nets(spec, "nets", strict=False)
    if "projectcalico.org/namespace" in labels_of(obj):
        problems.add("metadata.labels", "projectcalico.org/namespace is Calico's own label")


def _tier(obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    name = name_of(obj)
    if len(name) > 63 or not _TIER_NAME.fullmatch(name):
        problems.add("metadata.name", f"{name!r} is no tier's name: no dots, at most 63")
    order = spec.get("order")
    if order is not None and (isinstance(order, bool) or not isinstance(order, int | float)):
        problems.add("spec.order", f"{order!r} is no number")
    elif name in _TIER_ORDERS and order != _TIER_ORDERS[name]:
        problems.add("spec.order", f"the built-in tier {name} has the order {_TIER_ORDERS[name]}")
    one_of(spec, "defaultAction", ("Pass", "Deny"), problems)


def _host_endpoint(_obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    if not spec.get("node"):
        problems.add("spec.node", "a node is needed")
    if not spec.get("interfaceName") and not spec.get("expectedIPs"):
        problems.add("spec.interfaceName", "an interface or expected addresses are needed")
    for address in spec.get("expectedIPs") or ():
        found = network(address)
        if found is None or found.num_addresses != 1:
            problems.add("spec.expectedIPs", f"{address!r} is no address")


def _peer(_obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    for one, other in (
        ("node", "nodeSelector"),
        ("peerIP", "peerSelector"),
        ("asNumber", "peerSelector"),
        ("peerIP", "localWorkloadSelector"),
        ("peerSelector", "localWorkloadSelector"),
    ):
        if spec.get(one) and spec.get(other):
            problems.add(f"spec.{one}", f"must be empty where {other} is set")
    if spec.get("localWorkloadSelector") and not spec.get("asNumber"):
        problems.add("spec.asNumber", "is needed where localWorkloadSelector is set")
    if not any(spec.get(field) for field in ("peerIP", "peerSelector", "localWorkloadSelector")):
        problems.add("spec.peerIP", "an address or a selector of the peer is needed")
    for field in ("nodeSelector", "peerSelector", "localWorkloadSelector"):
        problems.selector(spec, field)
    number = spec.get("asNumber")
    if number is not None and not _as_number(number):
        problems.add("spec.asNumber", f"{number!r} is no AS number")
    if spec.get("peerIP") and not _peer_address(str(spec["peerIP"])):
        problems.add("spec.peerIP", f"{spec['peerIP']!r} is no address, address:port or [address]:port")


def _as_number(value: object) -> bool:
    """An AS number as 1 to 4294967295, or in the dotted form 1.10."""
    if isinstance(value, str) and re.fullmatch(r"\d+\.\d+", value):
        return all(int(part) <= 0xFFFF for part in value.split("."))
    text = str(value)
    return not isinstance(value, bool) and text.isdecimal() and 0 < int(text) <= 0xFFFFFFFF


def _peer_address(text: str) -> bool:
    found = _PEER.fullmatch(text)
    if not found:
        return False
    port = found["port4"] or found["port6"]
    address = network(found["v4"] or found["v6"] or found["bare"])
    return address is not None and "/" not in text and (port is None or 0 < int(port) < 65536)


def _felix(_obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    for field, allowed in _FELIX.items():
        one_of(spec, field, allowed, problems, exact=False)
    for field, allowed in _FELIX_EXACT.items():
        one_of(spec, field, allowed, problems)
    for field in _FELIX_SWITCHES:
        if field in spec and not isinstance(spec[field], bool):
            problems.add(f"spec.{field}", f"{spec[field]!r} is neither true nor false")
    for field in _FELIX_PORTS:
        port = spec.get(field)
        if port is not None and (
            isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535
        ):
            problems.add(f"spec.{field}", f"{port!r} is no port")
    for field in ("reportingInterval", "ipsetsRefreshInterval", "routeRefreshInterval", "wireguardKeepAlive"):
        value = spec.get(field)
        if value is not None and not (isinstance(value, str) and _FELIX_DURATION.fullmatch(value)):
            problems.add(f"spec.{field}", f"{value!r} is no duration such as 30s")
    if spec.get("routeTableRange") and spec.get("routeTableRanges"):
        problems.add("spec.routeTableRange", "must not be set beside routeTableRanges")


_CHECKS: Mapping[str, Callable[[Object, Mapping[str, Any], Problems], None]] = {
    "IPPool": _pool,
    "IPReservation": _reservation,
    "NetworkSet": _network_set,
    "GlobalNetworkSet": _network_set,
    "Tier": _tier,
    "HostEndpoint": _host_endpoint,
    "BGPPeer": _peer,
    "FelixConfiguration": _felix,
    "NetworkPolicy": policies.network_policy,
    "StagedNetworkPolicy": policies.staged(policies.network_policy),
    "GlobalNetworkPolicy": policies.global_policy,
    "StagedGlobalNetworkPolicy": policies.staged(policies.global_policy),
}
