"""Address ranges as values: read, compared, summed up; IPv4 and IPv6 alike."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network

Network = IPv4Network | IPv6Network


def network(text: str) -> Network | None:
    """Read a CIDR, host bits ignored; None for text that is none (the migration file's are checked elsewhere)."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def networks(texts: Iterable[str]) -> list[Network]:
    """Read many CIDRs; text that is none is left out."""
    return [found for found in map(network, texts) if found is not None]


def listed(text: object) -> list[str]:
    """Split what Kubernetes writes as "one" or "one,two" (dual stack) into canonical CIDRs; text that is none is left out."""
    return [str(found) for found in networks(str(text or "").split(","))]


def overlap(one: Network, other: Network) -> bool:
    """Whether two ranges share an address."""
    return one.version == other.version and one.overlaps(other)


def inside(inner: Network, outers: Iterable[Network]) -> bool:
    """Whether a range lies wholly in one of others, or in what adjacent ones make together."""
    same = [o for o in outers if o.version == inner.version]
    return any(_within(inner, joined) for joined in collapsed(same))


def holds(ranges: Iterable[Network], address: str) -> bool:
    """Whether an address (a prefix length is ignored) lies in one of the ranges; False for text that is none."""
    try:
        found = ip_address(address.partition("/")[0])
    except ValueError:
        return False
    return any(found.version == r.version and found in r for r in ranges)


def summed_up(addresses: Iterable[str]) -> list[str]:
    """Sum addresses up into the /24s (IPv6: /64s) that they lie in, neighbours joined; for ranges that nobody states."""
    found: list[Network] = []
    for address in addresses:
        parsed = network(address.partition("/")[0])
        if parsed is not None:
            found.append(parsed.supernet(new_prefix=24 if parsed.version == 4 else 64))
    return [str(joined) for joined in collapsed(found)]


def around(addresses: Iterable[str]) -> str:
    """The smallest range that holds every IPv4 address given, such as the nodes'; empty where there is none."""
    found = [n for n in networks(addresses) if isinstance(n, IPv4Network)]
    if not found:
        return ""
    span = found[0]
    while not all(_within(n, span) for n in found):
        span = span.supernet()
    return str(span)


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def collapsed(found: Iterable[Network]) -> list[Network]:
    """Join neighbouring and nested ranges, IPv4 first."""
    found = list(found)
    four = collapse_addresses(n for n in found if isinstance(n, IPv4Network))
    six = collapse_addresses(n for n in found if isinstance(n, IPv6Network))
    return [*four, *six]
