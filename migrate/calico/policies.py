"""Validating Calico's policies: rules, ports, selectors, and what a policy's scope allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from migrate.calico.fields import Problems, as_list, one_of
from migrate.model.objects import Object, kind_of, name_of

Check = Callable[[Object, Mapping[str, Any], Problems], None]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# One dot at most (an older tier prefix); the long names are Calico's own views of Kubernetes policies.
_POLICY_NAME = re.compile(rf"({_LABEL})(\.{_LABEL})?|(knp|ossg)\.default\.[a-z0-9.-]+")
_GLOBAL_NAME = re.compile(rf"({_LABEL}\.)?{_LABEL}")
_TIER = re.compile(_LABEL)
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_RANGE = re.compile(r"(\d+):(\d+)")

_PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite")
_WITH_PORTS = frozenset({"TCP", "UDP", "SCTP", "6", "17", "132"})
_ENTITY_SELECTORS = ("selector", "notSelector")
_PORTS = ("ports", "notPorts")


def network_policy(obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    """Note what is wrong with a NetworkPolicy."""
    if not _POLICY_NAME.fullmatch(name_of(obj)):
        problems.add("metadata.name", f"{name_of(obj)!r} is no policy's name: one dot at most")
    _spec(spec, problems)


def global_policy(obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
    """Note what is wrong with a GlobalNetworkPolicy."""
    if not _GLOBAL_NAME.fullmatch(name_of(obj)):
        problems.add("metadata.name", f"{name_of(obj)!r} is no policy's name: one dot at most")
    _spec(spec, problems)
    problems.selector(spec, "namespaceSelector")
    pre, untracked = bool(spec.get("preDNAT")), bool(spec.get("doNotTrack"))
    if pre and untracked:
        problems.add("spec.preDNAT", "preDNAT and doNotTrack exclude each other")
    if pre and (spec.get("egress") or "Egress" in as_list(spec.get("types"))):
        problems.add("spec.egress", "a preDNAT policy has no egress")
    if (pre or untracked) and not spec.get("applyOnForward"):
        problems.add("spec.applyOnForward", "must be true where preDNAT or doNotTrack is")
    for direction, side in (("egress", "destination"), ("ingress", "source")):
        for at, rule in enumerate(as_list(spec.get(direction))):
            services = _part(_part(rule, side), "services")
            if services and not services.get("namespace"):
                path = f"spec.{direction}[{at}].{side}.services.namespace"
                problems.add(path, "a global policy names the service's namespace")


def staged(check: Check) -> Check:
    """The check of a staged policy: its action, and all of the enforced one's unless it stages a deletion."""

    def judge(obj: Object, spec: Mapping[str, Any], problems: Problems) -> None:
        one_of(spec, "stagedAction", ("Set", "Delete", "Learn", "Ignore"), problems)
        if spec.get("stagedAction") != "Delete":
            check(obj, spec, problems)
        elif set(spec) - {"stagedAction", "tier"}:
            problems.add("spec", f"a {kind_of(obj)} that stages a deletion has no other field than tier")

    return judge


def _spec(spec: Mapping[str, Any], problems: Problems) -> None:
    for field in ("selector", "serviceAccountSelector"):
        problems.selector(spec, field)
    order = spec.get("order")
    if order is not None and (isinstance(order, bool) or not isinstance(order, int | float)):
        problems.add("spec.order", f"{order!r} is no number")
    tier = spec.get("tier")
    if tier is not None and not (
        isinstance(tier, str) and (tier == "" or (_TIER.fullmatch(tier) and len(tier) < 64))
    ):
        problems.add("spec.tier", f"{tier!r} is no tier's name")
    types = spec.get("types") or []
    for name in types:
        if name not in {"Ingress", "Egress"}:
            problems.add("spec.types", f"{name!r} is not Ingress or Egress")
    if len(types) != len({str(name) for name in types}):
        problems.add("spec.types", "a type is written twice")
    for direction in ("ingress", "egress"):
        rules = spec.get(direction)
        if rules is not None and not isinstance(rules, list):
            problems.add(f"spec.{direction}", "must be a list of rules")
        for at, rule in enumerate(as_list(rules)):
            _rule(rule, direction, f"spec.{direction}[{at}]", problems)


def _rule(rule: object, direction: str, path: str, problems: Problems) -> None:
    if not isinstance(rule, Mapping):
        problems.add(path, "must be a mapping")
        return
    if not rule.get("action"):
        problems.add(f"{path}.action", "is needed: Allow, Deny, Log or Pass")
    one_of(rule, "action", ("Allow", "Deny", "Log", "Pass"), problems, path=path)
    for field in ("protocol", "notProtocol"):
        if rule.get(field) is not None and not _is_protocol(rule[field]):
            problems.add(
                f"{path}.{field}", f"{rule[field]!r} is neither 1 to 255 nor one of {', '.join(_PROTOCOLS)}"
            )
    version = rule.get("ipVersion")
    if version is not None and version not in {4, 6}:
        problems.add(f"{path}.ipVersion", f"{version!r} is neither 4 nor 6")
    _icmp(rule, path, problems)
    if rule.get("http") is not None:
        _http(rule, direction, path, problems)
    versions: set[int] = set()
    for side in ("source", "destination"):
        versions |= _entity(rule, side, direction, path, problems)
    if len(versions) > 1:
        problems.add(path, "one rule cannot hold both IPv4 and IPv6 networks")
    elif version in {4, 6} and versions and version not in versions:
        problems.add(f"{path}.ipVersion", "does not fit the rule's networks")


def _entity(rule: Mapping[str, Any], side: str, direction: str, path: str, problems: Problems) -> set[int]:
    """Note what is wrong with a rule's source or destination; the IP versions of its networks."""
    entity, at = _part(rule, side), f"{path}.{side}"
    if rule.get(side) is not None and not isinstance(rule.get(side), Mapping):
        problems.add(at, "must be a mapping")
    for field in _ENTITY_SELECTORS:
        problems.selector(entity, field, path=at)
    problems.selector(entity, "namespaceSelector", path=at, may_be_global=True)
    accounts = _part(entity, "serviceAccounts")
    problems.selector(accounts, "selector", path=f"{at}.serviceAccounts")
    for field in _PORTS:
        for port in as_list(entity.get(field)):
            wrong = _port_problem(port)
            if wrong:
                problems.add(f"{at}.{field}", wrong)
        if entity.get(field) and str(rule.get("protocol")) not in _WITH_PORTS:
            problems.add(f"{at}.{field}", "a rule with ports sets protocol to TCP, UDP or SCTP")
    _services(entity, side, direction, at, problems)
    return problems.nets(entity, "nets", path=at) | problems.nets(entity, "notNets", path=at)


def _services(entity: Mapping[str, Any], side: str, direction: str, path: str, problems: Problems) -> None:
    """A Service stands alone in its entity, as destination of egress or source of ingress."""
    services = _part(entity, "services")
    if not services:
        return
    if not services.get("name"):
        problems.add(f"{path}.services.name", "is needed")
    if (side, direction) not in {("destination", "egress"), ("source", "ingress")}:
        problems.add(f"{path}.services", f"is not allowed in the {side} of an {direction} rule")
    beside = [*_ENTITY_SELECTORS, "namespaceSelector", "serviceAccounts", "nets", "notNets"]
    beside += list(_PORTS) if side == "destination" else []
    for field in beside:
        if entity.get(field):
            problems.add(f"{path}.services", f"cannot stand beside {field}")


def _icmp(rule: Mapping[str, Any], path: str, problems: Problems) -> None:
    protocol = rule.get("protocol")
    for field in ("icmp", "notICMP"):
        part = _part(rule, field)
        if not part:
            continue
        if field == "icmp" and protocol not in {"ICMP", "ICMPv6"}:
            problems.add(f"{path}.{field}", "a rule with ICMP fields sets protocol to ICMP or ICMPv6")
        if part.get("code") is not None and part.get("type") is None:
            problems.add(f"{path}.{field}.code", "needs a type")
        for name, top in (("type", 254), ("code", 255)):
            value = part.get(name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= top
            ):
                problems.add(f"{path}.{field}.{name}", f"{value!r} is outside 0 to {top}")
    for name, version in (("ICMP", 4), ("ICMPv6", 6)):
        if name in {protocol, rule.get("notProtocol")} and rule.get("ipVersion") not in {None, version}:
            problems.add(f"{path}.ipVersion", f"must be {version} with {name}")


def _http(rule: Mapping[str, Any], direction: str, path: str, problems: Problems) -> None:
    http = _part(rule, "http")
    if direction == "egress":
        problems.add(f"{path}.http", "is not allowed in an egress rule")
    if rule.get("action") != "Allow":
        problems.add(f"{path}.http", "is only allowed in an Allow rule")
    if rule.get("protocol") not in {None, "TCP"}:
        problems.add(f"{path}.http", "needs protocol TCP, or none")
    for match in as_list(http.get("paths")):
        values = (
            [match.get(key) for key in ("exact", "prefix") if match.get(key)]
            if isinstance(match, Mapping)
            else []
        )
        if len(values) != 1 or not str(values[0]).startswith("/") or set("?# ") & set(str(values[0])):
            problems.add(
                f"{path}.http.paths", f"{match!r} is no path: exact or prefix, from /, without ? and #"
            )


def _is_protocol(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return 1 <= int(value) <= 255
    return value in _PROTOCOLS


def _port_problem(port: object) -> str | None:
    """What is wrong with a port: a number, a range `1024:2048`, or the name of a container's port."""
    if isinstance(port, bool) or not isinstance(port, int | str):
        return f"{port!r} is no port"
    text = str(port)
    found = _RANGE.fullmatch(text)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if found and (low > high or low < 1 or high > 65535):
        return f"{text!r} is no range of ports"
    if text.isdecimal() and not 1 <= int(text) <= 65535:
        return f"{text} is outside 1 to 65535"
    if not found and not text.isdecimal() and not _PORT_NAME.fullmatch(text):
        return f"{text!r} is neither a port, a range such as 1024:2048, nor a port's name"
    return None


def _part(parent: object, key: str) -> Mapping[str, Any]:
    """A mapping inside a mapping; empty where there is none."""
    value = parent.get(key) if isinstance(parent, Mapping) else None
    return value if isinstance(value, Mapping) else {}
