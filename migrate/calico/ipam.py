"""Calico's IPAM as values: blocks, affinities and handles, and the rules by which addresses are given out.

The rules (libcalico-go's ipam, and seen on Calico v3.32.1): a node draws from its own blocks first; then it claims
another block of its pools, up to maxBlocksPerHost (0 means 20; at the cap nothing is borrowed); only when no block
is left and strictAffinity is off does it borrow single addresses from blocks of other nodes. A freed address goes to
the tail of its block's list. Every address of a block is used, the first and the last too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import Any

from migrate.model.objects import Object, dig

Address = IPv4Address | IPv6Address
Range = IPv4Network | IPv6Network

DEFAULT_BLOCKS_PER_HOST = 20


class NoAddressError(Exception):
    """Say that no address could be given, in the words of Calico's CNI plugin."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """Who holds an address: the handle, and what Calico notes beside it (node, pod, namespace, type, timestamp)."""

    handle: str
    secondary: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `holders` by ordinal, `free` in the order in which ordinals are given out.

    `node` is empty where the block has no affinity. `sequence` grows with every change; `sequences` keeps, by ordinal,
    the one at which it was last given out, also when it is free again.
    """

    cidr: Range
    node: str
    free: tuple[int, ...]
    holders: Mapping[int, Attribute] = field(default_factory=dict)
    sequence: int = 0
    sequences: Mapping[int, int] = field(default_factory=dict)
    claimed: str = ""
    strict: bool = False

    def address(self, ordinal: int) -> Address:
        """The address of an ordinal, counted from 0."""
        return self.cidr[ordinal]

    def ordinal(self, address: Address) -> int:
        """The ordinal of an address inside this block."""
        return int(address) - int(self.cidr.network_address)

    def take(self, ordinal: int, holder: Attribute) -> Block:
        """The block after an ordinal was given to a holder; raises ValueError where it is not free."""
        if ordinal not in self.free:
            message = f"{self.address(ordinal)} of block {self.cidr} is not free"
            raise ValueError(message)
        return replace(
            self,
            free=tuple(o for o in self.free if o != ordinal),
            holders={**self.holders, ordinal: holder},
            sequences={**self.sequences, ordinal: self.sequence},
            sequence=self.sequence + 1,
        )

    def release(self, handle: str) -> Block:
        """The block after all addresses of a handle were freed; they go to the tail of the list."""
        freed = tuple(o for o, holder in self.holders.items() if holder.handle == handle)
        if not freed:
            return self
        kept = {o: holder for o, holder in self.holders.items() if holder.handle != handle}
        return replace(self, free=self.free + freed, holders=kept, sequence=self.sequence + 1)


def new_block(cidr: Range, node: str, *, sequence: int, claimed: str = "", strict: bool = False) -> Block:
    """A block that a node has just claimed; all of its addresses are free."""
    return Block(
        cidr, node, tuple(range(cidr.num_addresses)), sequence=sequence, claimed=claimed, strict=strict
    )


def block_of(obj: Object) -> Block:
    """Read an IPAMBlock; raises ValueError for one whose cidr is none."""
    spec: Mapping[str, Any] = dig(obj, "spec", default={})
    attributes = [
        Attribute(str(a.get("handle_id") or ""), a.get("secondary") or {})
        for a in spec.get("attributes") or ()
    ]
    allocations = spec.get("allocations") or []
    affinity = str(spec.get("affinity") or "")
    return Block(
        cidr=ip_network(str(spec.get("cidr"))),
        node=affinity.removeprefix("host:") if affinity.startswith("host:") else "",
        free=tuple(spec.get("unallocated") or ()),
        holders={
            o: attributes[at] for o, at in enumerate(allocations) if at is not None and at < len(attributes)
        },
        sequence=int(spec.get("sequenceNumber") or 0),
        sequences={int(o): int(n) for o, n in (spec.get("sequenceNumberForAllocation") or {}).items()},
        claimed=str(spec.get("affinityClaimTime") or ""),
        strict=bool(spec.get("strictAffinity")),
    )


def block_spec(block: Block) -> dict[str, Any]:
    """The spec of an IPAMBlock; attributes are shared by the addresses of one handle."""
    holders = list(dict.fromkeys(holder.handle for _, holder in sorted(block.holders.items())))
    by_handle = {holder.handle: holder for holder in block.holders.values()}
    spec: dict[str, Any] = {
        "allocations": [
            holders.index(block.holders[o].handle) if o in block.holders else None
            for o in range(block.cidr.num_addresses)
        ],
        "attributes": [
            {"handle_id": handle, "secondary": dict(sorted(by_handle[handle].secondary.items()))}
            for handle in holders
        ],
        "cidr": str(block.cidr),
        "deleted": False,
        "sequenceNumber": block.sequence,
        "sequenceNumberForAllocation": {str(o): number for o, number in sorted(block.sequences.items())},
        "strictAffinity": block.strict,
        "unallocated": list(block.free),
    }
    if block.node:
        spec["affinity"] = f"host:{block.node}"
    if block.claimed:
        spec["affinityClaimTime"] = block.claimed
    return spec


@dataclass(frozen=True, slots=True)
class PoolRange:
    """A pool as IPAM sees it."""

    name: str
    cidr: Range
    block_size: int

    def blocks(self) -> int:
        """How many blocks the pool has."""
        return 1 << max(0, self.block_size - self.cidr.prefixlen)

    def block(self, index: int) -> Range:
        """The block of an index, counted from 0."""
        step = 1 << (self.cidr.max_prefixlen - self.block_size)
        first = ip_address(int(self.cidr.network_address) + index * step)
        return ip_network((first, self.block_size))

    def block_at(self, address: Address) -> Range:
        """The block that holds an address of this pool."""
        return ip_network((address, self.block_size), strict=False)


@dataclass(slots=True)
class Ledger:
    """All blocks while addresses are given out and freed; a working copy, written back by whoever holds it.

    `reserved` are ranges of IPReservations. `avoid` are ranges from which no block is claimed while others are left,
    because somebody else gives out addresses there. `claimed_at` dates new blocks and seeds their sequence numbers.
    """

    blocks: dict[Range, Block]
    strict: bool = False
    per_host: int = DEFAULT_BLOCKS_PER_HOST
    reserved: tuple[Range, ...] = ()
    avoid: tuple[Range, ...] = ()
    claimed_at: str = ""
    seed: int = 0
    _where: dict[str, list[Range]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        # ten thousand handles are asked for one by one; looking through every block for each takes minutes
        for cidr, block in self.blocks.items():
            for handle in dict.fromkeys(holder.handle for holder in block.holders.values()):
                self._where.setdefault(handle, []).append(cidr)

    def date(self, at: datetime) -> None:
        """Claim blocks as of this time from now on."""
        self.claimed_at = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.seed = int(at.timestamp()) * 1_000_000_000

    def holds(self, handle: str) -> bool:
        """Whether a handle has an address."""
        return handle in self._where

    def counts(self, handle: str) -> dict[str, int]:
        """How many addresses a handle has in each block."""
        blocks = [self.blocks[cidr] for cidr in self._where.get(handle, ())]
        return {
            str(block.cidr): sum(holder.handle == handle for holder in block.holders.values())
            for block in blocks
        }

    def held(self) -> dict[str, tuple[Address, ...]]:
        """Every handle's addresses."""
        found: dict[str, tuple[Address, ...]] = {}
        for block in self.blocks.values():
            for ordinal, holder in block.holders.items():
                found[holder.handle] = (*found.get(holder.handle, ()), block.address(ordinal))
        return found

    def holder(self, address: Address, pool: PoolRange) -> Attribute | None:
        """Who holds an address of a pool; None where it is free or in no block."""
        block = self.blocks.get(pool.block_at(address))
        return block.holders.get(block.ordinal(address)) if block is not None else None

    def of_node(self, node: str) -> list[Block]:
        """The blocks that have an affinity to a node, in the order of their ranges."""
        return sorted((b for b in self.blocks.values() if b.node == node), key=lambda b: _key(b.cidr))

    def assign(self, node: str, holder: Attribute, pools: Sequence[PoolRange]) -> Address:
        """Give a node's pod or tunnel an address by the rules above; raises NoAddressError."""
        for block in self.of_node(node):
            if any(_inside(block.cidr, pool) for pool in pools):
                ordinal = self._first_free(block)
                if ordinal is not None:
                    return self._give(block, ordinal, holder)
        claimed = self.claim(node, pools)
        if claimed is not None:
            ordinal = self._first_free(claimed)
            if ordinal is not None:
                return self._give(claimed, ordinal, holder)
        if not self.strict and claimed is None:
            for pool in pools:
                for block in sorted(self.blocks.values(), key=lambda b: _key(b.cidr)):
                    ordinal = self._first_free(block) if _inside(block.cidr, pool) else None
                    if ordinal is not None:
                        return self._give(block, ordinal, holder)
        ranges = ", ".join(str(pool.cidr) for pool in pools)
        message = f"Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [{ranges}]"
        raise NoAddressError(message)

    def claim(self, node: str, pools: Sequence[PoolRange]) -> Block | None:
        """Claim a free block for a node; None where none is left, NoAddressError at the cap of blocks per node.

        Which block is first tried follows from the node's name alone, so that the same node gets the same block
        whenever a cluster is made again, as with Calico (which seeds another generator: not the same block as there).
        """
        mine = [b for b in self.of_node(node) if any(_inside(b.cidr, pool) for pool in pools)]
        if len(mine) >= (self.per_host or DEFAULT_BLOCKS_PER_HOST):
            message = f"cannot allocate new block due to per host block limit ({len(mine)} blocks)"
            raise NoAddressError(message)
        for last_resort in (False, True):
            for pool in pools:
                found = self._free_block(node, pool, last_resort=last_resort)
                if found is not None:
                    return self.claim_block(node, found)
        return None

    def claim_block(self, node: str, cidr: Range) -> Block:
        """Claim this very block for a node."""
        sequence = self.seed + fnv32(f"{node}/{cidr}")
        block = new_block(cidr, node, sequence=sequence, claimed=self.claimed_at, strict=self.strict)
        self.blocks[cidr] = block
        return block

    def adopt(self, node: str, address: Address, holder: Attribute, pool: PoolRange) -> bool:
        """Note an address that a pod already has; False where somebody else holds it."""
        cidr = pool.block_at(address)
        block = self.blocks.get(cidr) or self.claim_block(node, cidr)
        ordinal = block.ordinal(address)
        if ordinal in block.holders:
            return block.holders[ordinal].handle == holder.handle
        self._take(block, ordinal, holder)
        return True

    def release(self, handle: str) -> None:
        """Free all addresses of a handle; a node's empty blocks go too, but for its last one (seen on a CNI DEL)."""
        for cidr in self._where.pop(handle, ()):
            freed = self.blocks[cidr].release(handle)
            self.blocks[cidr] = freed
            if not freed.holders and len(self.of_node(freed.node)) > 1:
                del self.blocks[cidr]

    def _free_block(self, node: str, pool: PoolRange, *, last_resort: bool) -> Range | None:
        count = pool.blocks()
        first = fnv32(node) % count
        taken = sum(1 for cidr in self.blocks if _inside(cidr, pool))
        if taken >= count:
            return None
        for step in range(count):
            cidr = pool.block((first + step) % count)
            if cidr in self.blocks or any(_within(cidr, r) for r in self.reserved):
                continue
            if last_resort or not any(cidr.version == r.version and cidr.overlaps(r) for r in self.avoid):
                return cidr
        return None

    def _first_free(self, block: Block) -> int | None:
        for ordinal in block.free:
            if not any(block.address(ordinal) in reserved for reserved in self.reserved):
                return ordinal
        return None

    def _give(self, block: Block, ordinal: int, holder: Attribute) -> Address:
        self._take(block, ordinal, holder)
        return block.address(ordinal)

    def _take(self, block: Block, ordinal: int, holder: Attribute) -> None:
        self.blocks[block.cidr] = block.take(ordinal, holder)
        places = self._where.setdefault(holder.handle, [])
        if block.cidr not in places:
            places.append(block.cidr)


def pool_ranges(pools: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[PoolRange, ...]:
    """Pools as IPAM sees them, from (name, spec with defaults); what has no range is left out."""
    found = []
    for name, spec in pools:
        try:
            found.append(PoolRange(name, ip_network(str(spec.get("cidr"))), int(spec["blockSize"])))
        except (KeyError, ValueError):
            continue
    return tuple(found)


def fnv32(text: str) -> int:
    """FNV-1, 32 bits: the hash by which Calico starts its search for a node's block."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value * 0x01000193) & 0xFFFFFFFF ^ byte
    return value


def _inside(cidr: Range, pool: PoolRange) -> bool:
    return _within(cidr, pool.cidr)


def _within(cidr: Range, other: Range) -> bool:
    return cidr.version == other.version and cidr.subnet_of(other)  # type: ignore[arg-type]  # one version by now


def _key(cidr: Range) -> tuple[int, int]:
    return cidr.version, int(cidr.network_address)
