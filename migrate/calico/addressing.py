"""Which addresses a running Calico would have given out: from what stands, who holds what, and what is marked how.

Pure: objects in, a ledger and annotations out; whoever plays Calico writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import yaml

from migrate.calico import created
from migrate.calico.created import POD_HANDLE, TUNNELS, Dialect
from migrate.calico.ipam import (
    Address,
    Attribute,
    Block,
    Ledger,
    NoAddressError,
    PoolRange,
    Range,
    block_of,
    pool_ranges,
)
from migrate.calico.pools import POOLS_ANNOTATION, spec_of
from migrate.calico.selectors import SelectorError, parse
from migrate.model.canonical import digest
from migrate.model.objects import (
    Object,
    Resource,
    annotations_of,
    dig,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
)

_NamedSpec = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands: Calico's objects, every node, the nodes on which calico-node is up, pods and namespaces.

    `give` plays the CNI plugin for pods without an address; `collect` frees what deleted nodes held, as
    kube-controllers does once calico-node has been ready everywhere.
    """

    pools: Sequence[Object]
    blocks: Sequence[Object]
    nodes: Sequence[Object]
    up: Sequence[Object]
    pods: Sequence[Object]
    at: datetime
    namespaces: Sequence[Object] = ()
    reservations: Sequence[Object] = ()
    config: Object | None = None
    give: bool = False
    collect: bool = False


@dataclass(slots=True)
class Settled:
    """What follows: the blocks, each node's tunnel addresses, and the annotations and events that pods get."""

    ledger: Ledger
    tunnels: dict[str, dict[str, str]] = field(default_factory=dict)
    pod_marks: list[tuple[Object, dict[str, str]]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a look at everything leaves for the next one; `starved` where a pod got no address and will ask again."""

    resources: Sequence[Resource]
    seen: Seen
    ledger: Ledger
    starved: bool


def settle(seen: Seen) -> Settled:
    """Work out what Calico's IPAM would hold by now."""
    pools = [(name_of(pool), spec_of(pool)) for pool in seen.pools]
    settled = Settled(_ledger(seen))
    held = settled.ledger.held()
    for node in seen.up:
        settled.tunnels[name_of(node)] = _tunnels(settled.ledger, held, node, pools)
    living = {pod_handle(pod) for pod in seen.pods if _is_networked(pod)}
    for handle in settled.ledger.held().keys() - living:
        if handle.startswith(POD_HANDLE):
            settled.ledger.release(handle)
    _pods(settled, seen, pools)
    if seen.collect:
        _collect(settled.ledger, {name_of(node) for node in seen.nodes})
    return settled


def follow(ledger: Ledger, seen: Seen, gone: Iterable[Object]) -> Settled:
    """Go on from a ledger where only pods have changed: `seen.pods` are those, `gone` the ones that are no more.

    Tunnels are left out: they follow from nodes and pools.
    """
    settled = Settled(ledger)
    ledger.date(seen.at)
    for pod in (*gone, *(pod for pod in seen.pods if not _is_networked(pod))):
        ledger.release(pod_handle(pod))
    _pods(settled, seen, [(name_of(pool), spec_of(pool)) for pool in seen.pools])
    return settled


def affinities(dialect: Dialect, blocks: Mapping[Range, Block]) -> dict[str, Object]:
    """The BlockAffinities of blocks, by name."""
    made = [created.affinity(dialect, block.node, cidr) for cidr, block in blocks.items() if block.node]
    return {name_of(obj): obj for obj in made}


def handles(dialect: Dialect, blocks: Mapping[Range, Block]) -> dict[str, Object]:
    """The IPAMHandles of blocks, by name."""
    counts: dict[str, dict[str, int]] = {}
    for cidr, block in blocks.items():
        for holder in block.holders.values():
            held = counts.setdefault(holder.handle, {})
            held[str(cidr)] = held.get(str(cidr), 0) + 1
    made = [created.handle_object(dialect, handle, held) for handle, held in counts.items()]
    return {name_of(obj): obj for obj in made}


def _ledger(seen: Seen) -> Ledger:
    reserved = [
        ip_network(cidr, strict=False)
        for reservation in seen.reservations
        for cidr in dig(reservation, "spec", "reservedCIDRs", default=None) or ()
    ]
    ranges = [ip_network(c) for node in seen.nodes for c in dig(node, "spec", "podCIDRs", default=None) or ()]
    ledger = Ledger(
        blocks={block.cidr: block for block in (block_of(obj) for obj in seen.blocks)},
        strict=bool(dig(seen.config, "spec", "strictAffinity")),
        per_host=int(dig(seen.config, "spec", "maxBlocksPerHost") or 0),
        reserved=tuple(reserved),
        # Where something else gives out addresses it takes them of the node's podCIDR: no tunnel shall be first.
        avoid=() if seen.give else tuple(ranges),
    )
    ledger.date(seen.at)
    return ledger


def _tunnels(
    ledger: Ledger, before: Mapping[str, Sequence[Address]], node: Object, pools: Sequence[_NamedSpec]
) -> dict[str, str]:
    """The node's tunnel addresses by encapsulation: those of before, given out where they are missing."""
    found: dict[str, str] = {}
    for kind, mode in (("vxlan", "vxlanMode"), ("ipip", "ipipMode")):
        _, prefix, word = TUNNELS[kind]
        handle = f"{prefix}{name_of(node)}"
        usable = pool_ranges(
            (n, spec) for n, spec in pools if spec[mode] != "Never" and _serves(spec, node, "Tunnel")
        )
        held = [str(a) for a in before.get(handle, ()) if any(a in pool.cidr for pool in usable)]
        if held:
            found[kind] = held[0]
            continue
        if handle in before:
            ledger.release(handle)
        if usable:
            holder = Attribute(handle, {"node": name_of(node), "type": word})
            try:
                found[kind] = str(ledger.assign(name_of(node), holder, usable))
            except NoAddressError:
                continue
    return found


def _pods(settled: Settled, seen: Seen, pools: Sequence[_NamedSpec]) -> None:
    ledger, ranges = settled.ledger, pool_ranges(pools)
    up = {name_of(node): node for node in seen.up}
    namespaces = {name_of(namespace): namespace for namespace in seen.namespaces}
    for pod in seen.pods:
        node = up.get(str(dig(pod, "spec", "nodeName"))) if _is_networked(pod) else None
        if node is None:
            continue
        if dig(pod, "status", "podIP"):
            _adopt(settled, pod, name_of(node), ranges)
        elif seen.give and not ledger.holds(pod_handle(pod)):
            usable = _pools_of(pod, namespaces.get(namespace_of(pod)), node, pools)
            _give(settled, pod, name_of(node), usable, seen.at)


def _adopt(settled: Settled, pod: Object, node: str, ranges: Iterable[PoolRange]) -> None:
    """Note the address that a pod has; what lies in no pool, or is somebody else's already, is left alone."""
    address = ip_address(str(dig(pod, "status", "podIP")))
    holder = _holder(pod, node)
    pool = next((pool for pool in ranges if address in pool.cidr), None)
    if pool is None:
        return
    standing = settled.ledger.holder(address, pool)
    if standing is None or standing.handle != holder.handle:
        if settled.ledger.holds(holder.handle):
            # A pod has one address: another one under its handle is what it had before.
            settled.ledger.release(holder.handle)
        if not settled.ledger.adopt(node, address, holder, pool):
            return
    _mark(settled, pod, str(address))


def _give(settled: Settled, pod: Object, node: str, usable: Sequence[PoolRange], at: datetime) -> None:
    """Play the CNI plugin's ADD: an annotation with the address, or kubelet's event that says why there is none."""
    try:
        _mark(settled, pod, str(settled.ledger.assign(node, _holder(pod, node), usable)))
    except NoAddressError as error:
        _mark(settled, pod, "")
        settled.events.append(
            _event(pod, node, str(error), at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        )


def _mark(settled: Settled, pod: Object, address: str) -> None:
    marks = created.pod_marks(pod, address)
    if any(annotations_of(pod).get(key) != value for key, value in marks.items()):
        settled.pod_marks.append((pod, marks))


def _collect(ledger: Ledger, nodes: set[str]) -> None:
    """Free what deleted nodes held: their tunnels' addresses, their blocks, and with them their affinities."""
    for block in list(ledger.blocks.values()):
        for holder in block.holders.values():
            if holder.secondary.get("node", "") not in nodes | {""}:
                ledger.release(holder.handle)
    for cidr, block in list(ledger.blocks.items()):
        if block.node and block.node not in nodes and not block.holders:
            del ledger.blocks[cidr]


def _is_networked(pod: Object) -> bool:
    return not dig(pod, "spec", "hostNetwork") and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}


def pod_handle(pod: Object) -> str:
    """The handle under which a pod's address is held."""
    return POD_HANDLE + created.container_id(pod)


def _holder(pod: Object, node: str) -> Attribute:
    started = str(dig(pod, "status", "startTime") or metadata_of(pod).get("creationTimestamp") or "")
    secondary = {"namespace": namespace_of(pod), "node": node, "pod": name_of(pod)}
    if started:
        secondary["timestamp"] = f"{started.replace('T', ' ').removesuffix('Z')} +0000 UTC"
    return Attribute(pod_handle(pod), secondary)


def _serves(spec: Mapping[str, Any], node: Object, use: str) -> bool:
    """Whether a pool serves a node by itself."""
    try:
        selected = parse(str(spec["nodeSelector"])).matches(labels_of(node))
    except SelectorError:
        return False
    return (
        selected
        and not spec["disabled"]
        and spec["assignmentMode"] == "Automatic"
        and use in spec["allowedUses"]
    )


def _pools_of(
    pod: Object, namespace: Object | None, node: Object, pools: Sequence[_NamedSpec]
) -> tuple[PoolRange, ...]:
    """The pools that a pod draws from: those its annotation, else its namespace's, names; else those of its node."""
    for holder in (pod, namespace):
        written = annotations_of(holder).get(POOLS_ANNOTATION) if holder is not None else None
        if written:
            named: Sequence[str] = yaml.safe_load(written)
            known = {name: (name, spec) for name, spec in pools} | {
                str(s.get("cidr")): (n, s) for n, s in pools
            }
            return pool_ranges(known[name] for name in named if name in known)
    return pool_ranges((name, spec) for name, spec in pools if _serves(spec, node, "Workload"))


def _event(pod: Object, node: str, reason: str, at: str) -> dict[str, Any]:
    """Kubelet's event of a pod whose sandbox could not be made; one for each pod."""
    uid = str(metadata_of(pod).get("uid", ""))
    words = (
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox"
        f' "{created.container_id(pod)}": plugin type="calico" failed (add): failed to request IPv4 addresses: {reason}'
    )
    involved = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": name_of(pod),
        "namespace": namespace_of(pod),
        "uid": uid,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name_of(pod)}.{digest(uid)[:16]}", "namespace": namespace_of(pod)},
        "involvedObject": involved,
        "reason": "FailedCreatePodSandBox",
        "message": words,
        "type": "Warning",
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "reportingComponent": "kubelet",
        "reportingInstance": node,
        "source": {"component": "kubelet", "host": node},
    }
