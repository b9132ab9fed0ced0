"""LoadBalancer Services get an address from outside, as a cloud or MetalLB would give it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from migrate.model.objects import dig
from migrate.simulation.controllers.context import Context, watching
from migrate.simulation.controllers.view import Event, Key, Kinds


class LoadBalancers:
    """Addresses come from the benchmarking range (RFC 2544), one half a side; the one asked for is given if free."""

    name = "loadbalancers"
    watches = watching(Kinds.services)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Services."""
        del ctx
        return () if event.deleted else (event.key,)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Give or take back the address."""
        service = ctx.view.get(Kinds.services, key.name, key.namespace)
        if service is None:
            return
        held = dig(service, "status", "loadBalancer", "ingress", default=None)
        if dig(service, "spec", "type") != "LoadBalancer":
            if held:
                ctx.status(Kinds.services, service, {"loadBalancer": {"ingress": None}})
            return
        if held or dig(service, "spec", "loadBalancerClass") == "none":
            return
        taken = {
            item.get("ip")
            for other in ctx.view.list(Kinds.services)
            for item in dig(other, "status", "loadBalancer", "ingress", default=None) or ()
        }
        asked = dig(service, "spec", "loadBalancerIP")
        network = ipaddress.ip_network(ctx.outside)
        free = (str(network[number]) for number in range(1, network.num_addresses - 1))
        address = asked if asked and asked not in taken else next(item for item in free if item not in taken)
        ctx.status(Kinds.services, service, {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}})
