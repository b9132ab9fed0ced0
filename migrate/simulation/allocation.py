"""Addresses and ports that the API server gives to Services: clusterIPs from the side's range, NodePorts.

Deterministic where the real one draws at random: the lowest free one above the band that is kept for fixed choices.
Source of the band: https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

from __future__ import annotations

import ipaddress
from itertools import chain
from typing import Any

from migrate.model.objects import Resource, dig
from migrate.simulation.refusals import invalid
from migrate.simulation.store import Store

Json = dict[str, Any]

NODE_PORTS = range(30000, 32768)
_STATIC_PORTS = 86


def static_band(size: int) -> int:
    """How many addresses at the start of a range are left for fixed choices: between 16 and 256, a 16th of the range."""
    return min(max(16, size // 16), 256)


class Allocator:
    """What one side's Services hold; the rows live in the world's file."""

    def __init__(self, store: Store, side: str) -> None:
        self._store = store
        self._side = side

    def settle(self, resource: Resource, service: Json, old: Json | None) -> None:
        """Give a Service what it needs and check what it asks for, in place; raises Invalid like the server."""
        spec = service["spec"]
        holder = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        self._carry_over(spec, (old or {}).get("spec") or {})
        self._addresses(resource, service, holder)
        self._ports(resource, service, holder)

    def release(self, service: Json) -> None:
        """Take back what a Service that went held."""
        holder = f"{service['metadata'].get('namespace')}/{service['metadata']['name']}"
        self._store.run("DELETE FROM allocated WHERE side = ? AND holder = ?", self._side, holder)

    def adopt(self, service: Json) -> None:
        """Note what a Service that was read elsewhere holds, without a check."""
        holder = f"{service['metadata'].get('namespace')}/{service['metadata']['name']}"
        held = [
            ("ip", address)
            for address in dig(service, "spec", "clusterIPs", default=None) or _single(service)
        ]
        held.extend(("port", str(number)) for number in _node_ports(service["spec"]))
        rows = [(self._side, what, value, holder) for what, value in held if value not in {"", "None"}]
        self._store.run_many("INSERT OR IGNORE INTO allocated VALUES (?, ?, ?, ?)", rows)

    def _carry_over(self, spec: Json, old: Json) -> None:
        """Keep what was allocated before where an update leaves it out, and drop what its new type has not.

        As the server does: pkg/registry/core/service/strategy.go, dropTypeDependentFields.
        """
        if old.get("clusterIP") and spec["type"] != "ExternalName" and not spec.get("clusterIP"):
            spec["clusterIP"], spec["clusterIPs"] = (
                old["clusterIP"],
                old.get("clusterIPs") or [old["clusterIP"]],
            )
        if spec["type"] != "LoadBalancer":
            for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
                if spec.get(key) == old.get(key):
                    spec.pop(key, None)
        if spec["type"] not in {"NodePort", "LoadBalancer"}:
            held = {port.get("nodePort") for port in old.get("ports") or ()}
            for port in spec.get("ports") or ():
                if port.get("nodePort") in held:
                    port.pop("nodePort", None)
            spec.pop("healthCheckNodePort", None)
            return
        by_port = {
            (port["port"], port.get("protocol")): port.get("nodePort") for port in old.get("ports") or ()
        }
        for port in spec.get("ports") or ():
            kept = by_port.get((port["port"], port.get("protocol")))
            if kept and not port.get("nodePort"):
                port["nodePort"] = kept

    def _addresses(self, resource: Resource, service: Json, holder: str) -> None:
        spec = service["spec"]
        if spec["type"] == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(key, None)
            self._store.run(
                "DELETE FROM allocated WHERE side = ? AND what = 'ip' AND holder = ?", self._side, holder
            )
            return
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if asked == "None":
            spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
        else:
            address = self._claim_address(resource, service, asked, holder)
            spec["clusterIP"], spec["clusterIPs"] = address, [address]
        spec.setdefault("ipFamilies", ["IPv6" if ":" in asked else "IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")

    def _claim_address(self, resource: Resource, service: Json, asked: str, holder: str) -> str:
        cluster = self._store.value(f"cluster:{self._side}") or {}
        network = ipaddress.ip_network(cluster.get("service_cidr") or "10.96.0.0/12")
        name = service["metadata"]["name"]
        if not asked:
            return self._next_address(network, holder)
        found = self._holder("ip", asked)
        if found == holder:
            return asked
        where = f"spec.clusterIPs: Invalid value: [{asked!r}]: failed to allocate IP {asked}: "
        try:
            inside = ipaddress.ip_address(asked) in network
        except ValueError:
            raise invalid(
                resource, name, f"spec.clusterIPs[0]: Invalid value: {asked!r}: must be a valid IP"
            ) from None
        if not inside:
            words = (
                f"the provided IP ({asked}) is not in the valid range. The range of valid IPs is {network}"
            )
            raise invalid(resource, name, where + words)
        if found is not None:
            raise invalid(resource, name, f"{where}provided IP is already allocated")
        self._take("ip", asked, holder)
        return asked

    def _next_address(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network, holder: str) -> str:
        size = min(network.num_addresses - 2, 1 << 20)
        band = static_band(size)
        start = self._store.number(f"next-ip:{self._side}") or band + 1
        for step in range(size):
            offset = (start - 1 + step) % size + 1
            address = str(network[offset])
            if self._holder("ip", address) is None:
                self._store.set_number(f"next-ip:{self._side}", offset + 1)
                self._take("ip", address, holder)
                return address
        message = f"the service range {network} is full"
        raise RuntimeError(message)

    def _ports(self, resource: Resource, service: Json, holder: str) -> None:
        spec = service["spec"]
        wants = spec["type"] == "NodePort" or (
            spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
        )
        given = {str(number) for number in _node_ports(spec)}
        for number in sorted(given):
            self._claim_port(resource, service, number, holder)
        if wants:
            for port in spec.get("ports") or ():
                if not port.get("nodePort"):
                    port["nodePort"] = self._next_port(holder)
                    given.add(str(port["nodePort"]))
            local = spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
            if local and not spec.get("healthCheckNodePort"):
                spec["healthCheckNodePort"] = self._next_port(holder)
                given.add(str(spec["healthCheckNodePort"]))
        held = self._store.rows(
            "SELECT value FROM allocated WHERE side = ? AND what = 'port' AND holder = ?", self._side, holder
        )
        for (value,) in held:
            if value not in given:
                self._store.run(
                    "DELETE FROM allocated WHERE side = ? AND what = 'port' AND value = ?", self._side, value
                )

    def _claim_port(self, resource: Resource, service: Json, number: str, holder: str) -> None:
        name = service["metadata"]["name"]
        found = self._holder("port", number)
        if found == holder:
            return
        if int(number) not in NODE_PORTS:
            words = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            raise invalid(resource, name, f"spec.ports[0].nodePort: Invalid value: {number}: {words}")
        if found is not None:
            words = f"spec.ports[0].nodePort: Invalid value: {number}: provided port is already allocated"
            raise invalid(resource, name, words)
        self._take("port", number, holder)

    def _next_port(self, holder: str) -> int:
        rows = self._store.rows("SELECT value FROM allocated WHERE side = ? AND what = 'port'", self._side)
        taken = {int(row[0]) for row in rows}
        for number in chain(NODE_PORTS[_STATIC_PORTS:], NODE_PORTS[:_STATIC_PORTS]):
            if number not in taken:
                self._take("port", str(number), holder)
                return number
        message = "no NodePort is left"
        raise RuntimeError(message)

    def _holder(self, what: str, value: str) -> str | None:
        sql = "SELECT holder FROM allocated WHERE side = ? AND what = ? AND value = ?"
        found = self._store.rows(sql, self._side, what, value)
        return str(found[0][0]) if found else None

    def _take(self, what: str, value: str, holder: str) -> None:
        self._store.run("INSERT INTO allocated VALUES (?, ?, ?, ?)", self._side, what, value, holder)


def _single(service: Json) -> list[str]:
    address = dig(service, "spec", "clusterIP")
    return [address] if address else []


def _node_ports(spec: Json) -> list[int]:
    found = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if spec.get("healthCheckNodePort"):
        found.append(spec["healthCheckNodePort"])
    return found
