"""Which address a pod gets, by the network that runs on its node."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from migrate.errors import NotFound
from migrate.model.objects import Object, Resource, dig
from migrate.simulation.controllers.context import Context
from migrate.simulation.controllers.view import Kinds

WEAVE_DEFAULT = "10.32.0.0/12"
"""Source: https://rajch.github.io/weave/kubernetes/kube-addon (IPALLOC_RANGE)"""

_CALICO = "crd.projectcalico.org"
_POOLS = Resource(_CALICO, "v1", "ippools", "IPPool", namespaced=False)
_BLOCKS = Resource(_CALICO, "v1", "ipamblocks", "IPAMBlock", namespaced=False)
_AFFINITIES = Resource(_CALICO, "v1", "blockaffinities", "BlockAffinity", namespaced=False)


class Addresses:
    """Gives out free pod addresses; made anew every round, so that it sees what changed between rounds."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._taken: set[str] = set(ctx.index.addresses)
        self._ranges: dict[str, list[str]] = {}
        self._walks: dict[str, Iterator[str]] = {}

    def next(self, node: Object) -> str:
        """A free address for a pod on a node; empty where no network gives one."""
        name = node["metadata"]["name"]
        if name not in self._ranges:
            self._ranges[name] = self._ranges_of(node)
        for cidr in self._ranges[name]:
            walk = self._walks.setdefault(cidr, _hosts(cidr))
            for address in walk:
                if address not in self._taken:
                    self._taken.add(address)
                    return address
        return ""

    def _ranges_of(self, node: Object) -> list[str]:
        """The ranges to try, in order: Calico's blocks and pools, Weave's range, the node's podCIDR."""
        name = node["metadata"]["name"]
        agents = {pod.key.name for pod in self._ctx.index.by_node.get(name, {}).values()}
        if any(agent.startswith("calico-node-") for agent in agents):
            return [*self._blocks(name), *self._pools(node)]
        if any(agent.startswith("weave-net-") for agent in agents):
            return [self._weave()]
        cidr = node["spec"].get("podCIDR")
        return [cidr] if cidr else []

    def _blocks(self, node: str) -> list[str]:
        found = []
        for affinity in self._list(_AFFINITIES):
            spec = affinity["spec"]
            if (
                spec.get("node") == node
                and spec.get("state") == "confirmed"
                and str(spec.get("deleted")) != "True"
            ):
                found.append(str(spec["cidr"]))
        for block in self._list(_BLOCKS):
            self._taken.update(_allocated(block["spec"]))
        return found

    def _pools(self, node: Object) -> list[str]:
        del node
        return [
            str(pool["spec"]["cidr"])
            for pool in self._list(_POOLS)
            if not pool["spec"].get("disabled")
            and pool["spec"].get("nodeSelector", "all()") == "all()"
            and "Workload" in (pool["spec"].get("allowedUses") or ["Workload"])
            and ":" not in str(pool["spec"]["cidr"])
        ]

    def _weave(self) -> str:
        for item in self._ctx.view.list(Kinds.daemon_sets):
            if item["metadata"]["name"].startswith("weave-net"):
                for container in dig(item, "spec", "template", "spec", "containers", default=()):
                    for variable in container.get("env") or ():
                        if variable.get("name") == "IPALLOC_RANGE" and variable.get("value"):
                            return str(variable["value"])
        return WEAVE_DEFAULT

    def _list(self, what: Resource) -> Any:
        try:
            return self._ctx.view.list(what)
        except NotFound:
            return []


def _hosts(cidr: str) -> Iterator[str]:
    """Addresses of a range; network and broadcast addresses and the gateway are left out of ranges wider than /26."""
    network = ipaddress.ip_network(cidr, strict=False)
    whole = network.prefixlen >= 26
    first, last = (0, network.num_addresses) if whole else (2, network.num_addresses - 1)
    for number in range(first, last):
        yield str(network[number])


def _allocated(block: dict[str, Any]) -> list[str]:
    """The addresses that a block says are taken, such as a node's tunnel address."""
    network = ipaddress.ip_network(block["cidr"])
    return [
        str(network[number])
        for number, attribute in enumerate(block.get("allocations") or ())
        if attribute is not None
    ]
