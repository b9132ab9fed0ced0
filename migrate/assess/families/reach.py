"""REACH: addresses and ports by which others know blue, which green cannot keep."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.wording import count, few
from migrate.model.facts import Finding, Severity
from migrate.model.objects import Object, dig, kind_of, name_of, namespace_of, ref_of
from migrate.replay import decide_all

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
    "Every text of what moves is searched for addresses and ranges inside blue's pod and service ranges and for its "
    "nodes' addresses: environment, arguments, ConfigMaps, annotations, policies, custom resources, Secrets. Ranges that "
    "no pod uses now count, too; so do addresses written with dashes in the DNS names of pods and machines, and nodes' "
    "names before a port or in a URL. Of a Secret only keys are told, the addresses are masked. Compressed data, as Helm keeps "
    "of its releases, is not searched. `cnimigrate plan --objects -o json` has every place. Nothing is rewritten.",
    "On green those addresses belong to nobody: the classic hidden break of a move.",
    "Replace them by names of Services or by addresses that both clusters reach.",
)
CODES = (BALANCERS, NODE_PORTS, LITERALS)


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
    """What the replay itself would carry over and flag; it is asked only of objects that may name an address."""
    blue, scanner = situation.blue_inventory, situation.literals
    suspects = {ref_of(obj) for _, obj in blue if scanner.may_name(obj)}
    decisions = decide_all(
        blue,
        situation.migration,
        residue=situation.residue,
        ranges=scanner.ranges,
        green_resources=None,
        only=suspects,
    )
    found = {
        str(d.ref): [f"{literal.address} ({literal.range})" for literal in d.literals]
        for d in decisions
        if d.literals
    }
    if found:
        said = few(f"{who} has {few(addresses, 3)}" for who, addresses in found.items())
        yield LITERALS.found(f"{count(len(found), 'object')}: {said}")


def _node_ports(service: Object) -> set[int]:
    return {int(p["nodePort"]) for p in dig(service, "spec", "ports") or () if p.get("nodePort")}


def _address(service: Object) -> str:
    given = dig(service, "status", "loadBalancer", "ingress") or [{}]
    where = given[0].get("ip") or given[0].get("hostname") or "no address"
    return f"{namespace_of(service)}/{name_of(service)} ({where})"


def _title(obj: Object) -> str:
    return f"{kind_of(obj)} {namespace_of(obj)}/{name_of(obj)}"
