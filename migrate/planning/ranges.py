"""Check the address ranges of a migration file against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, ip_address, ip_network
from itertools import combinations

from migrate.model.migration import Green, Pool
from migrate.planning.marks import KeyPath, Problem, dotted

NETWORK: KeyPath = ("green", "network")
POD_CIDR: KeyPath = (*NETWORK, "podCIDR")
SERVICE_CIDR: KeyPath = (*NETWORK, "serviceCIDR")
POOLS: KeyPath = ("green", "calico", "pools")

_SPECIAL = (
    (IPv4Network("0.0.0.0/8"), "this network, RFC 1122"),
    (IPv4Network("127.0.0.0/8"), "loopback, RFC 1122"),
    (IPv4Network("169.254.0.0/16"), "link-local, RFC 3927; Calico refuses it"),
    (IPv4Network("224.0.0.0/4"), "multicast, RFC 5771"),
    (IPv4Network("240.0.0.0/4"), "reserved, RFC 1112"),
)
_ROOMY = tuple(
    IPv4Network(text) for text in ("10.48.0.0/14", "10.112.0.0/16", "172.20.0.0/14", "192.168.0.0/16")
)


def check_ranges(green: Green, has: Callable[[KeyPath], bool]) -> Iterator[Problem]:
    """Find ranges that are none, overlap, lie outside podCIDR, or are too small for a block.

    `has` says whether a key was written: a default is not blamed for what was written beside it.
    """
    texts = {POD_CIDR: green.network.pod_cidr, SERVICE_CIDR: green.network.service_cidr}
    texts |= {(*POOLS, index, "cidr"): pool.cidr for index, pool in enumerate(green.calico.pools)}
    networks: dict[KeyPath, IPv4Network] = {}
    for path, text in texts.items():
        found = _read(path, text)
        if isinstance(found, Problem):
            yield found
        else:
            networks[path] = found
    names = {(*POOLS, index, "cidr"): f"pool {pool.name}" for index, pool in enumerate(green.calico.pools)}
    yield from _overlaps(networks, names, has)
    yield from _outside(networks)
    for index, pool in enumerate(green.calico.pools):
        if network := networks.get((*POOLS, index, "cidr")):
            yield from _blocks(index, pool, network)
    if not green.calico.pools and POD_CIDR in networks:
        whole = Pool(name="default", cidr=green.network.pod_cidr)
        if networks[POD_CIDR].prefixlen > whole.block_size:
            told = f"{whole.cidr} is smaller than one block of the default pool (/{whole.block_size})"
            yield Problem(POD_CIDR, told, "write a wider range, or calico.pools with a blockSize")


def _read(path: KeyPath, text: str) -> IPv4Network | Problem:
    """The network of a text, or what is wrong with it."""
    if ":" in text:
        return Problem(
            path, f"{text} is IPv6", "this release moves IPv4; write one IPv4 range such as 10.48.0.0/14"
        )
    if "/" not in text:
        return Problem(
            path, f"{text or 'an empty text'} has no prefix length", "write for example 10.48.0.0/14"
        )
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return Problem(path, f"{text} is no range of addresses", "write for example 10.48.0.0/14")
    assert isinstance(network, IPv4Network)
    if not text.partition("/")[2].isdigit():
        return Problem(path, f"{text} has a mask instead of a prefix length", f"write {network}")
    if ip_address(text.partition("/")[0]) != network.network_address:
        return Problem(path, f"{text} has host bits set", f"write {network}")
    for special, meaning in _SPECIAL:
        if network.overlaps(special):
            return Problem(path, f"{text} overlaps {special} ({meaning})", "write for example 10.48.0.0/14")
    return network


def _overlaps(
    networks: dict[KeyPath, IPv4Network], names: dict[KeyPath, str], has: Callable[[KeyPath], bool]
) -> Iterator[Problem]:
    """Pools and podCIDR against serviceCIDR, and pools among each other; pools lie inside podCIDR on purpose."""
    for (one, network), (other, second) in combinations(networks.items(), 2):
        pods = {one, other} == {POD_CIDR, SERVICE_CIDR}
        nested = POD_CIDR in {one, other} and not pods
        if nested or not network.overlaps(second):
            continue
        # Of podCIDR and serviceCIDR the first is blamed, unless it is a default; else the pool, of two the second.
        blamed, kept = (one, other) if pods and (has(one) or not has(other)) else (other, one)
        free = next((str(n) for n in _ROOMY if not n.overlaps(networks[kept])), "another range")
        example = f"; for example {blamed[-1]}: {free}" if pods else ""
        yield Problem(
            blamed,
            f"{networks[blamed]} overlaps {names.get(kept) or dotted(kept)} {networks[kept]}",
            f"they must not share an address{example}",
            about=(kept,),
        )


def _outside(networks: dict[KeyPath, IPv4Network]) -> Iterator[Problem]:
    """Pools outside podCIDR: the operator refuses them, and kube-proxy would take their pods for strangers."""
    pods = networks.get(POD_CIDR)
    for path, network in networks.items():
        if pods is not None and path not in {POD_CIDR, SERVICE_CIDR} and not network.subnet_of(pods):
            told = f"{network} is not inside {dotted(POD_CIDR)} {pods}"
            yield Problem(
                path, told, "every pool must be, or kube-proxy masquerades its pods", about=(POD_CIDR,)
            )


def _blocks(index: int, pool: Pool, network: IPv4Network) -> Iterator[Problem]:
    """A pool must hold a block, which a node takes whole (Calico's block sizes are prefix lengths, 20 to 32)."""
    if pool.block_size < network.prefixlen:
        yield Problem(
            (*POOLS, index, "blockSize"),
            f"{pool.block_size} is a block of {2 ** (32 - pool.block_size)} addresses, more than all of {network}",
            f"write {max(26, network.prefixlen)} or more",
            about=((*POOLS, index, "cidr"),),
        )
