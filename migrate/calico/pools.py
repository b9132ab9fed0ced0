"""IP pools: what the migration file plans, what Calico is given, and how what stands differs from it.

A pool that names namespaces serves only those: its nodeSelector is `!all()`, so that nobody else draws from it, and
the namespaces carry the annotation `cni.projectcalico.org/ipv4pools`, which overrides a pool's nodeSelector
(docs.tigera.io, reference/configure-cni-plugins and networking/ipam/legacy-firewalls; seen on Calico v3.32.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, ip_network
from typing import Any

from migrate.model.inventory import Inventory
from migrate.model.migration import Network, Pool
from migrate.model.objects import Object, dig, group_of, kind_of, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, passed

CRD_GROUP = "crd.projectcalico.org"
"""The group of Calico's own CRDs; raw writes to it are validated by nobody."""

V3_GROUP = "projectcalico.org"
"""The group of the aggregated API, and of native v3 CRDs."""

CRD_V1 = f"{CRD_GROUP}/v1"
V3 = f"{V3_GROUP}/v3"

POOLS_ANNOTATION = "cni.projectcalico.org/ipv4pools"
DEFAULT_POOL = "default"
EVERYWHERE = "all()"
NOWHERE = "!all()"

MODES = {
    "IPIP": ("Always", "Never"),
    "IPIPCrossSubnet": ("CrossSubnet", "Never"),
    "VXLAN": ("Never", "Always"),
    "VXLANCrossSubnet": ("Never", "CrossSubnet"),
    "None": ("Never", "Never"),
}
"""Encapsulation in the migration file (and in an Installation) as an IPPool's ipipMode and vxlanMode."""

# What an IPPool means where a field is missing (IPPool reference, docs.tigera.io; read back from a live cluster).
_DEFAULTS: Mapping[str, Any] = {
    "blockSize": 26,
    "ipipMode": "Never",
    "vxlanMode": "Never",
    "natOutgoing": False,
    "nodeSelector": EVERYWHERE,
    "allowedUses": ["Workload", "Tunnel"],
    "assignmentMode": "Automatic",
    "disabled": False,
}


def planned_pools(network: Network, pools: Sequence[Pool]) -> tuple[Pool, ...]:
    """The pools as they shall stand: those written down, or one named default that covers podCIDR."""
    return tuple(pools) or (Pool(name=DEFAULT_POOL, cidr=network.pod_cidr),)


def modes(pool: Pool) -> tuple[str, str]:
    """A pool's ipipMode and vxlanMode: Always, CrossSubnet or Never; never both beside Never."""
    return MODES[pool.encapsulation]


def needs_bird(pools: Iterable[Pool]) -> bool:
    """Whether routes come from BIRD over BGP: they do for IPIP and None; for VXLAN Felix programs them itself."""
    return any(modes(pool)[1] == "Never" for pool in pools)


def node_selector(pool: Pool) -> str:
    """Where a pool is used without being asked for: everywhere, or nowhere for one that names its namespaces."""
    return NOWHERE if pool.namespaces else EVERYWHERE


def ip_pool(pool: Pool, api_version: str = CRD_V1) -> Object:
    """The IPPool object; its spec is the same in crd.projectcalico.org/v1 and projectcalico.org/v3."""
    ipip, vxlan = modes(pool)
    return {
        "apiVersion": api_version,
        "kind": "IPPool",
        "metadata": {"name": pool.name},
        "spec": {
            "allowedUses": ["Workload", "Tunnel"],
            "assignmentMode": "Automatic",
            "blockSize": pool.block_size,
            "cidr": str(ip_network(pool.cidr)),
            "ipipMode": ipip,
            "natOutgoing": pool.nat_outgoing,
            "nodeSelector": node_selector(pool),
            "vxlanMode": vxlan,
        },
    }


def installation_pool(pool: Pool) -> dict[str, Any]:
    """The same pool as an entry of Installation.spec.calicoNetwork.ipPools, from which the operator makes it."""
    return {
        "name": pool.name,
        "cidr": str(ip_network(pool.cidr)),
        "blockSize": pool.block_size,
        "encapsulation": pool.encapsulation,
        "natOutgoing": "Enabled" if pool.nat_outgoing else "Disabled",
        "nodeSelector": node_selector(pool),
        "allowedUses": ["Workload", "Tunnel"],
        "assignmentMode": "Automatic",
    }


def namespace_annotations(pools: Iterable[Pool], namespaces: Iterable[str]) -> dict[str, dict[str, str]]:
    """The annotations that bind namespaces to their pools, by namespace; namespaces without a pool are left out.

    A pool's namespaces may be globs. The value is a JSON list of pool names in the order of the migration file:
    Calico tries them in that order.
    """
    bound = [pool for pool in pools if pool.namespaces]
    found: dict[str, dict[str, str]] = {}
    for namespace in namespaces:
        names = [pool.name for pool in bound if any(fnmatchcase(namespace, glob) for glob in pool.namespaces)]
        if names:
            found[namespace] = {POOLS_ANNOTATION: json.dumps(names)}
    return found


def problems(network: Network, pools: Sequence[Pool]) -> tuple[str, ...]:
    """What is wrong with planned pools among themselves and with the ranges of green, as sentences."""
    found: list[str] = []
    ranges: dict[str, IPv4Network] = {}
    for pool in pools:
        cidr = _range(pool.cidr)
        if cidr is None:
            found.append(f"pool {pool.name}: {pool.cidr!r} is no IPv4 range without host bits")
            continue
        if pool.name in ranges:
            found.append(f"pool {pool.name} is written twice")
        ranges[pool.name] = cidr
        if cidr.prefixlen > pool.block_size:
            found.append(f"pool {pool.name}: {cidr} is smaller than one block of /{pool.block_size}")
        found += _collisions(pool.name, cidr, network)
    names = sorted(ranges)
    for at, one in enumerate(names):
        found += [
            f"pools {one} ({ranges[one]}) and {other} ({ranges[other]}) overlap"
            for other in names[at + 1 :]
            if ranges[one].overlaps(ranges[other])
        ]
    if pools and all(pool.namespaces for pool in pools):
        found.append("every pool names namespaces: no pool is left for the pods of the others")
    return tuple(found)


def compare(planned: Sequence[Pool], found: Iterable[Object]) -> tuple[Verdict, ...]:
    """Judge the pools that stand: one verdict for each planned pool, and one for each other pool.

    `found` may hold a pool twice, in the views of both API groups; the v3 view counts then.
    """
    standing = _by_name(found)
    verdicts = [_judge(pool, standing.get(pool.name)) for pool in planned]
    names = {pool.name for pool in planned}
    verdicts += [_judge_other(name, obj) for name, obj in sorted(standing.items()) if name not in names]
    return tuple(verdicts)


def spec_of(pool: Object) -> dict[str, Any]:
    """An IPPool's spec with what Calico takes for a missing or empty field."""
    spec = dict(dig(pool, "spec", default={}))
    defaults = dict(_DEFAULTS)
    if ":" in str(spec.get("cidr", "")):
        defaults["blockSize"] = 122
    return defaults | {key: value for key, value in spec.items() if value not in (None, "", [])}


def _by_name(found: Iterable[Object]) -> dict[str, Object]:
    standing: dict[str, Object] = {}
    for obj in found:
        if kind_of(obj) == "IPPool" and (name_of(obj) not in standing or group_of(obj) == V3_GROUP):
            standing[name_of(obj)] = obj
    return standing


def _judge(pool: Pool, obj: Object | None) -> Verdict:
    check = f"calico/pools/{pool.name}"
    if obj is None:
        return failed(
            check, f"IPPool {pool.name} ({pool.cidr}) does not stand", "create it before the first pod starts"
        )
    want = spec_of(ip_pool(pool)) | {"allowedUses": ["Tunnel", "Workload"]}
    have = spec_of(obj)
    have["allowedUses"] = sorted(have["allowedUses"])
    wrong = [
        f"{key} is {have.get(key)!r} and not {want[key]!r}"
        for key in sorted(want)
        if have.get(key) != want[key]
    ]
    if have.get("namespaceSelector"):
        wrong.append(f"namespaceSelector is {have['namespaceSelector']!r} and was not planned")
    if not wrong:
        return passed(
            check, f"IPPool {pool.name} stands as planned: {pool.cidr}, blocks of /{pool.block_size}"
        )
    # cidr and blockSize are immutable (a rule of the CRD): another value means another pool.
    fixed = {"cidr", "blockSize"} & {key for key in want if have.get(key) != want[key]}
    remedy = (
        f"delete IPPool {pool.name} and let it be made anew, while no pod has an address of it"
        if fixed
        else f"change IPPool {pool.name} as planned"
    )
    return failed(check, f"IPPool {pool.name}: {'; '.join(wrong)}", remedy)


def _judge_other(name: str, obj: Object) -> Verdict:
    check = f"calico/pools/{name}"
    spec = spec_of(obj)
    if spec["disabled"]:
        return passed(
            check, f"IPPool {name} ({spec.get('cidr')}) was not planned and is disabled: no pod draws from it"
        )
    if spec["assignmentMode"] == "Manual" or "Workload" not in spec["allowedUses"]:
        return passed(
            check, f"IPPool {name} ({spec.get('cidr')}) was not planned; pods draw from it only when told to"
        )
    return failed(
        check,
        f"IPPool {name} ({spec.get('cidr')}) was not planned: pods may get addresses from it",
        f"delete or disable IPPool {name}, or write it into green.calico.pools",
    )


def _range(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def _collisions(name: str, cidr: IPv4Network, network: Network) -> list[str]:
    """Where a pool must not lie: link-local (IPPool reference), the services' range, outside podCIDR."""
    found = []
    if cidr.overlaps(IPv4Network("169.254.0.0/16")):
        found.append(f"pool {name}: {cidr} overlaps the link-local range 169.254.0.0/16")
    services, pods = _range(network.service_cidr), _range(network.pod_cidr)
    if services and cidr.overlaps(services):
        found.append(f"pool {name}: {cidr} overlaps the service range {services}")
    if pods and not cidr.subnet_of(pods):
        found.append(f"pool {name}: {cidr} does not lie inside podCIDR {pods}")
    return found


def of_calico(inventory: Inventory, kind: str) -> list[Object]:
    """Calico's objects of a kind, whichever group they were read in; two views of one name count once, the v3 one."""
    found: dict[tuple[str, str], Object] = {}
    for group in (CRD_GROUP, V3_GROUP):
        found |= {(namespace_of(obj), name_of(obj)): obj for obj in inventory.of(kind, group)}
    return list(found.values())
