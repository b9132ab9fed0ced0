"""ADDR: whether Calico's IPAM has blocks and addresses enough. Arithmetic of Calico's libcalico-go/lib/ipam."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from migrate.assess.families import Code, Situation
from migrate.assess.ranges import network
from migrate.assess.stated import pod_addresses
from migrate.assess.wording import count
from migrate.model.facts import Finding, Severity
from migrate.model.migration import Pool

BLOCKS_PER_NODE = 20
"""Most blocks that a node may own where maxBlocksPerHost is 0 (libcalico-go/lib/ipam)."""

KUBELET_PODS = 110
"""Pods that a kubelet takes by default, where no node says."""

FEW_BLOCKS = Code(
    "ADDR-001",
    Severity.BLOCKER,
    "fewer blocks than nodes",
    "A pool of prefix p with block size b has 2^(b-p) blocks, and every node needs one of its own. The nodes counted are "
    "green's; while there is no green, blue's.",
    "Some nodes own no block: each of their pods borrows an address, with a route of its own in the whole fabric, and "
    "where strictAffinity is on those pods get no address at all.",
    "Give the pool a shorter prefix or a smaller block (a larger blockSize number); neither can be changed later.",
)
FEW_ADDRESSES = Code(
    "ADDR-002",
    Severity.BLOCKER,
    "fewer addresses than blue's pods have",
    "Blue's pods of the pod network are counted, and one address a node for the tunnel where the pool is encapsulated.",
    "Pods stay in ContainerCreating with 'No IPs available in pools' before the move is complete.",
    "Give the pool a shorter prefix, or plan another pool.",
)
BORROWING = Code(
    "ADDR-003",
    Severity.WARNING,
    "full nodes would borrow addresses",
    "With as many pods as the nodes may take, a node needs ceil((pods + tunnel) / block) blocks; the pools have fewer "
    "than that for all nodes.",
    "Once the blocks are used up, every further address is borrowed and is a route of its own on every node.",
    "Give the pool a shorter prefix now; a pool's range cannot be changed later.",
)
CAP = Code(
    "ADDR-004",
    Severity.WARNING,
    "a full node would need more blocks than it may own",
    "A node may own at most 20 blocks unless IPAMConfiguration.maxBlocksPerHost says otherwise, and at that limit "
    "borrowing is not tried.",
    "Pods beyond the limit get no address although the pool has free ones.",
    "Use larger blocks (a smaller blockSize number).",
)
CODES = (FEW_BLOCKS, FEW_ADDRESSES, BORROWING, CAP)


def find(situation: Situation) -> Iterator[Finding]:
    """Do the arithmetic for IPv4 and IPv6 apart; pools of some namespaces only are not counted for all pods."""
    nodes, whose = _nodes(situation)
    for version in (4, 6):
        pools = [p for p in situation.pools if (n := network(p.cidr)) and n.version == version]
        common = [p for p in pools if not p.namespaces]
        if nodes and common:
            yield from _of_pools(situation, common, nodes, whose)


def blocks(pool: Pool) -> int:
    """How many blocks a pool has; 0 where it is smaller than a block. IPv6 blocks are said as /122 where b is a v4 size."""
    found = network(pool.cidr)
    if found is None:
        return 0
    size = pool.block_size if found.version == 4 else pool.block_size + 96
    return int(2 ** (size - found.prefixlen)) if size >= found.prefixlen else 0


def _of_pools(situation: Situation, pools: list[Pool], nodes: int, whose: str) -> Iterator[Finding]:
    total = sum(blocks(p) for p in pools)
    held = sum(blocks(p) * 2 ** (32 - p.block_size) for p in pools)
    said = ", ".join(f"{p.cidr} with block size {p.block_size} is {count(blocks(p), 'block')}" for p in pools)
    if total < nodes:
        yield FEW_BLOCKS.found(f"{said}; {whose}: {count(nodes, 'node')}")
        return
    tunnel = 1 if any(p.encapsulation != "None" for p in pools) else 0
    wanted = len(set(pod_addresses(situation.blue_inventory))) + tunnel * nodes
    if held < wanted:
        yield FEW_ADDRESSES.found(
            f"{said}, {held} addresses; blue's pods and {count(nodes, 'node')} take {wanted}"
        )
        return
    yield from _full(situation, pools, nodes, total, tunnel)


def _full(situation: Situation, pools: list[Pool], nodes: int, total: int, tunnel: int) -> Iterator[Finding]:
    """What happens when every node has as many pods as it may take."""
    facts = situation.green if situation.green and situation.green.nodes else situation.blue
    pods = int(facts.details.get("podsPerNode", {}).get("allowed") or KUBELET_PODS)
    smallest = min(2 ** (32 - p.block_size) for p in pools)
    each = ceil((pods + tunnel) / smallest)
    said = f"{pods} pods a node take {each} blocks of {smallest} addresses"
    if each > BLOCKS_PER_NODE:
        yield CAP.found(said)
    if nodes * each > total:
        yield BORROWING.found(f"{said}; {count(nodes, 'node')} would take {nodes * each}, there are {total}")


def _nodes(situation: Situation) -> tuple[int, str]:
    """How many nodes green has, or blue where green has none yet."""
    if situation.green is not None and situation.green.nodes:
        return situation.green.nodes, "green"
    return situation.blue.nodes, "blue, as green is not there yet"
