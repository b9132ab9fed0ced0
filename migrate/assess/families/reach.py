"""REACH: addresses and ports by which others know blue, which green cannot keep."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess.families import Code, Situation
from migrate.assess.ranges import holds, networks
from migrate.assess.wording import count, few
from migrate.assess.workloads import all_containers
from migrate.model.facts import Finding, Severity
from migrate.model.objects import Object, controller_of, dig, kind_of, name_of, namespace_of

BALANCERS = Code(
    "REACH-001",
    Severity.WARNING,
    "Services of type LoadBalancer get other addresses",
    "The address of a load balancer belongs to blue; green's Service gets one of its own where green has something that "
    "gives addresses (a cloud controller, MetalLB, Calico's LoadBalancer pools).",
    "Whoever uses the old address stays on blue; without a provider on green the Service stays pending.",
    "Check that green has a provider, and turn names, not addresses, at the cutover.",
)
NODE_PORTS = Code(
    "REACH-002",
    Severity.WARNING,
    "node ports are taken on green",
    "The nodePorts of Services that move are compared with those of Services that stand on green.",
    "The API server of green refuses the Service with that port.",
    "Free the port on green, or give the Service another one and tell whoever uses it.",
)
LITERALS = Code(
    "REACH-003",
    Severity.WARNING,
    "addresses of blue are written into configuration",
    "Environment values, arguments and ConfigMaps of what moves are searched for addresses inside blue's pod and service "
    "ranges and for its nodes' addresses. Secrets are not searched. Nothing is rewritten.",
    "On green those addresses belong to nobody: the classic hidden break of a move.",
    "Replace them by names of Services or by addresses that both clusters reach.",
)
CODES = (BALANCERS, NODE_PORTS, LITERALS)

_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.]|/[0-9])")
"""What may be an IPv4 address and is no range; what stands before it is looked at apart, as a lookbehind is slow here."""

_WORKLOADS = (
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("CronJob", "batch"),
    ("Job", "batch"),
    ("Pod", ""),
)


def find(situation: Situation) -> Iterator[Finding]:
    """Look at what others know blue by."""
    services = list(situation.moving("Service"))
    balancers = [s for s in services if dig(s, "spec", "type") == "LoadBalancer"]
    if balancers:
        yield BALANCERS.found(f"{count(len(balancers), 'Service')}: {few(map(_address, balancers))}")
    if situation.green_inventory is not None:
        names = {(namespace_of(s), name_of(s)) for s in services}
        taken = {
            port: _title(s)
            for s in situation.green_inventory.of("Service")
            if (namespace_of(s), name_of(s)) not in names
            for port in _node_ports(s)
        }
        clashes = [
            f"{port}: {_title(s)} and green's {taken[port]}"
            for s in services
            for port in _node_ports(s)
            if port in taken
        ]
        if clashes:
            yield NODE_PORTS.found(few(clashes))
    yield from _literals(situation)


def _literals(situation: Situation) -> Iterator[Finding]:
    blue = situation.blue
    ranges = networks([*blue.pod_cidrs, *blue.service_cidrs])
    nodes = set(blue.node_addresses)
    found: dict[str, set[str]] = defaultdict(set)
    for obj, text in _texts(situation):
        for address in _addresses(text):
            if address in nodes or holds(ranges, address):
                found[_title(obj)].add(address)
    if found:
        said = few(f"{who} has {few(addresses, 3)}" for who, addresses in found.items())
        yield LITERALS.found(f"{count(len(found), 'object')}: {said}")


def _addresses(text: str) -> Iterator[str]:
    """The addresses in a text; a part of a longer number, such as a version's, is none."""
    for match in _ADDRESS.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if not before.isdigit() and before != ".":
            yield match[0]


def _texts(situation: Situation) -> Iterator[tuple[Object, str]]:
    """The free text of what moves: what containers are told, and ConfigMaps."""
    for kind, group in _WORKLOADS:
        for obj in situation.moving(kind, group):
            if controller_of(obj) is None:
                for container in all_containers(obj):
                    yield from ((obj, text) for text in _told(container))
    for obj in situation.moving("ConfigMap"):
        for text in (obj.get("data") or {}).values():
            yield obj, str(text)


def _told(container: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(v.get("value", "")) for v in container.get("env") or ())
    for key in ("command", "args"):
        yield from map(str, container.get(key) or ())


def _node_ports(service: Object) -> set[int]:
    return {int(p["nodePort"]) for p in dig(service, "spec", "ports") or () if p.get("nodePort")}


def _address(service: Object) -> str:
    given = dig(service, "status", "loadBalancer", "ingress") or [{}]
    where = given[0].get("ip") or given[0].get("hostname") or "no address"
    return f"{namespace_of(service)}/{name_of(service)} ({where})"


def _title(obj: Object) -> str:
    return f"{kind_of(obj)} {namespace_of(obj)}/{name_of(obj)}"
