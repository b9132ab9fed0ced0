"""Calico's IPAM as values."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.calico import created
from migrate.calico.created import Dialect
from migrate.calico.documents import documents
from migrate.calico.ipam import Attribute, Ledger, NoAddressError, PoolRange, block_of, block_spec, new_block
from migrate.model.objects import kind_of, name_of

POOL = PoolRange("p", ip_network("10.77.0.0/28"), 29)
WIDE = PoolRange("w", ip_network("10.78.0.0/16"), 26)


def holder(name: str) -> Attribute:
    return Attribute(f"k8s-pod-network.{name}", {"pod": name})


def ledger(**more: Any) -> Ledger:
    return Ledger(blocks={}, **more)


def test_a_block_gives_every_address_and_takes_freed_ones_last() -> None:
    """The network and broadcast addresses are used; a freed ordinal goes to the tail of the list."""
    block = new_block(ip_network("10.77.0.0/30"), "n1", sequence=100)
    for ordinal in range(4):
        block = block.take(ordinal, holder(str(ordinal)))
    assert block.free == ()
    block = block.release(holder("2").handle).release(holder("1").handle)
    assert block.free == (2, 1)
    assert (block.sequence, dict(block.sequences)) == (106, {0: 100, 1: 101, 2: 102, 3: 103})
    with pytest.raises(ValueError, match=r"10\.77\.0\.0 of block"):
        block.take(0, holder("x"))


def test_a_node_draws_from_its_own_block_first() -> None:
    """One block serves a node until it is full; the same name gets the same block whenever it is asked."""
    book = ledger()
    given_out = [book.assign("n1", holder(str(i)), [WIDE]) for i in range(64)]
    assert len(book.blocks) == 1
    assert sorted(given_out) == list(book.of_node("n1")[0].cidr)
    again = ledger()
    assert again.assign("n1", holder("0"), [WIDE]) == given_out[0]


def test_a_full_block_is_followed_by_another() -> None:
    """The 65th address comes of a second block with the same affinity."""
    book = ledger()
    for i in range(65):
        book.assign("n1", holder(str(i)), [WIDE])
    assert [block.node for block in book.blocks.values()] == ["n1", "n1"]


def test_addresses_are_borrowed_only_when_no_block_is_left() -> None:
    """Two blocks, two nodes: the ninth pod of n1 takes a single address of n2's block (as recorded: s9 to s15)."""
    book = ledger()
    book.assign("n2", holder("s0"), [POOL])
    other = book.of_node("n2")[0]
    for i in range(1, 16):
        book.assign("n1", holder(f"s{i}"), [POOL])
    assert [len(block.holders) for block in book.blocks.values()] == [8, 8]
    borrowed = [h.secondary["pod"] for h in book.blocks[other.cidr].holders.values()]
    assert borrowed == ["s0", *(f"s{i}" for i in range(9, 16))]


def test_exhaustion_is_said_in_calicos_words() -> None:
    """The words are those of the event that operators search for."""
    book = ledger()
    for i in range(16):
        book.assign("n1", holder(str(i)), [POOL])
    with pytest.raises(NoAddressError) as caught:
        book.assign("n1", holder("17"), [POOL])
    assert str(caught.value) == (
        "Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [10.77.0.0/28]"
    )


def test_strict_affinity_borrows_nothing() -> None:
    """With strictAffinity a node without a block of its own gets no address, though others have free ones."""
    book = ledger(strict=True)
    book.assign("n1", holder("a"), [POOL])
    book.assign("n2", holder("b"), [POOL])
    with pytest.raises(NoAddressError):
        book.assign("n3", holder("c"), [POOL])


def test_at_the_cap_of_blocks_nothing_is_borrowed() -> None:
    """maxBlocksPerHost ends a node's room even while the pool has blocks."""
    book = ledger(per_host=1)
    for i in range(64):
        book.assign("n1", holder(str(i)), [WIDE])
    with pytest.raises(NoAddressError, match="per host block limit"):
        book.assign("n1", holder("x"), [WIDE])


def test_reserved_addresses_are_not_given_out() -> None:
    """An IPReservation is read at every assignment."""
    pool = PoolRange("p", ip_network("10.77.0.0/30"), 30)
    book = ledger(reserved=(ip_network("10.77.0.0/31"),))
    assert [str(book.assign("n1", holder(c), [pool])) for c in "ab"] == ["10.77.0.2", "10.77.0.3"]
    with pytest.raises(NoAddressError):
        book.assign("n1", holder("c"), [pool])


def test_a_pod_keeps_the_address_it_has() -> None:
    """An address given by somebody else is noted; its block goes to the node, and nobody's is taken away."""
    book = ledger()
    address = IPv4Address("10.78.3.77")
    assert book.adopt("n1", address, holder("a"), WIDE)
    assert book.adopt("n1", address, holder("a"), WIDE)
    assert not book.adopt("n2", address, holder("b"), WIDE)
    assert book.holder(address, WIDE) == holder("a")
    assert book.of_node("n1")[0].cidr == ip_network("10.78.3.64/26")


def test_an_extra_block_goes_with_its_last_address() -> None:
    """The node's last block stays, an extra one is released at once (seen on a CNI DEL)."""
    book = ledger()
    for i in range(65):
        book.assign("n1", holder(str(i)), [WIDE])
    book.release(holder("64").handle)
    assert len(book.blocks) == 1
    for i in range(64):
        book.release(holder(str(i)).handle)
    assert [len(block.holders) for block in book.blocks.values()] == [0]


def test_blocks_are_read_and_written_as_calico_does(test_data: Path) -> None:
    """Every recorded block survives reading and writing: allocations, shared attributes, order of the free ones."""
    seen = 0
    for path in sorted((test_data / "calico-live").glob("*/ipamblocks*.yaml")):
        for obj in documents(path.read_text(encoding="utf-8"), source=path.name):
            assert block_spec(block_of(obj)) == obj["spec"]
            seen += 1
    assert seen > 10


def test_affinities_and_handles_are_named_and_labelled_as_calico_does(test_data: Path) -> None:
    """Names, labels (with the hash of the host's name), annotations and specs of every recorded object."""
    dialect = Dialect()
    seen = 0
    for path in sorted((test_data / "calico-live").glob("0[1-6]*/*.crd.projectcalico.org.yaml")):
        for obj in documents(path.read_text(encoding="utf-8"), source=path.name):
            made: dict[str, Any] | None = None
            if kind_of(obj) == "BlockAffinity":
                made = created.affinity(dialect, obj["spec"]["node"], ip_network(obj["spec"]["cidr"]))
            elif kind_of(obj) == "IPAMHandle":
                made = created.handle_object(dialect, obj["spec"]["handleID"], obj["spec"]["block"])
            elif kind_of(obj) == "IPAMBlock":
                made = created.block_object(dialect, block_of(obj))
            if made is None:
                continue
            seen += 1
            assert (name_of(made), made["spec"]) == (name_of(obj), obj["spec"])
            assert made["metadata"].get("labels") == obj["metadata"].get("labels")
            assert made["metadata"]["annotations"] == obj["metadata"]["annotations"]
    assert seen > 50


def test_a_long_node_name_is_cut_and_hashed() -> None:
    """An affinity's name stays below 253 characters, and two long names stay apart."""
    cidr = ip_network("10.109.166.64/26")
    one, other = (created.affinity_name("n" * 249 + last, cidr) for last in "ab")
    assert len(one) < 253
    assert one != other


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["n1", "n2", "n3"]), st.booleans()), max_size=40))
def test_no_address_is_ever_given_twice(steps: list[tuple[str, bool]]) -> None:
    """Whatever comes and goes, holders and free ordinals part each block between them."""
    book = ledger()
    living: list[str] = []
    for number, (node, leave) in enumerate(steps):
        if leave and living:
            book.release(living.pop(0))
            continue
        try:
            book.assign(node, holder(str(number)), [POOL])
        except NoAddressError:
            assert len(living) == 16
        else:
            living.append(holder(str(number)).handle)
    held = [book.held()[handle] for handle in living]
    assert all(len(addresses) == 1 for addresses in held)
    assert len(set(held)) == len(living)
    for block in book.blocks.values():
        assert sorted([*block.free, *block.holders]) == list(range(8))
