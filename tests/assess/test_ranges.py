"""Ranges: read, compared and summed up."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.assess.ranges import around, holds, inside, listed, network, networks, overlap, summed_up

ADDRESSES = st.lists(st.integers(0, 2**32 - 1).map(lambda n: str(IPv4Address(n))), min_size=1, max_size=20)


@given(ADDRESSES)
def test_what_is_summed_up_holds_every_address(addresses: list[str]) -> None:
    """No address in use falls out of the ranges that are made of them, and none is wider than needed."""
    ranges = networks(summed_up(addresses))
    assert all(holds(ranges, a) for a in addresses)
    assert sum(r.num_addresses for r in ranges) <= 256 * len(set(addresses))


@given(ADDRESSES)
def test_the_range_around_addresses_is_the_smallest(addresses: list[str]) -> None:
    """It holds every address, and neither of its halves does."""
    found = network(around(addresses))
    assert found is not None
    assert all(holds([found], a) for a in addresses)
    if found.prefixlen < 32:
        assert not any(all(holds([half], a) for a in addresses) for half in found.subnets())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.0.0/16", ["10.1.0.0/16"]),
        ("10.1.2.3/16", ["10.1.0.0/16"]),
        ("10.1.0.0/16, 2001:db8::/64", ["10.1.0.0/16", "2001:db8::/64"]),
        ("", []),
        (None, []),
        ("pods", []),
    ],
)
def test_lists_of_ranges_are_read_as_kubernetes_writes_them(text: object, expected: list[str]) -> None:
    """Host bits are ignored, dual stack is two ranges, text that is no range is left out."""
    assert listed(text) == expected


def test_a_range_may_be_inside_of_two_neighbours() -> None:
    """Adjacent ranges are one for what must be covered; the other family never covers."""
    inner = networks(["10.0.0.0/15"])[0]
    assert inside(inner, networks(["10.0.0.0/16", "10.1.0.0/16"]))
    assert not inside(inner, networks(["10.0.0.0/16", "::/0"]))


def test_families_never_overlap() -> None:
    """IPv4 and IPv6 share no address."""
    four, six = networks(["0.0.0.0/0", "::/0"])
    assert not overlap(four, six)
    assert overlap(four, networks(["10.0.0.0/8"])[0])


def test_addresses_are_looked_up_with_or_without_a_prefix() -> None:
    """Calico writes pods' addresses as /32; text that is no address is in no range."""
    ranges = networks(["10.0.0.0/8", "2001:db8::/32"])
    assert holds(ranges, "10.9.8.7/32")
    assert holds(ranges, "2001:db8::1")
    assert not holds(ranges, "localhost")


def test_ipv6_is_summed_up_to_64_bits() -> None:
    """A pod network's IPv6 blocks are smaller than what a site routes."""
    assert summed_up(["2001:db8::1", "2001:db8::ffff", "10.0.0.1"]) == ["10.0.0.0/24", "2001:db8::/64"]
    assert around(["2001:db8::1"]) == ""
