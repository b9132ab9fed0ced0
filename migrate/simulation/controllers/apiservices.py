"""APIServices turn Available once something stands behind their Service; source: kube-aggregator's availability controller."""

from __future__ import annotations

from collections.abc import Iterable

from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import Context, conditions_with, watching
from migrate.simulation.controllers.view import Event, Key, Kinds

SEEN_AWAY = "FailedDiscoveryCheck"
"""The reason of a real API server that asked and got no answer: no object of a recording can say otherwise."""

PORT = 443
"""What is asked where an APIService names no port; source: API reference, ServiceReference."""


class APIServices:
    """Tells of each whether its Service is there, listens, and has ready endpoints; who has those is taken to answer."""

    name = "apiservices"
    watches = watching(Kinds.api_services, Kinds.services, Kinds.endpoints)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """APIServices themselves, and those behind whose Service something moved."""
        if event.plural == Kinds.api_services.plural:
            return () if event.deleted else (event.key,)
        return [
            Key("", service["metadata"]["name"])
            for service in ctx.view.list(Kinds.api_services)
            if _backend(service) == (event.key.namespace, event.key.name)
        ]

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Write the condition."""
        live = ctx.view.get(Kinds.api_services, key.name)
        if live is None or _seen_away(live):
            return
        told = conditions_with(live, ctx.stamp, ("Available", *_told(live, ctx)))
        ctx.status(Kinds.api_services, live, {"conditions": told})


def _backend(api_service: Object) -> tuple[str, str] | None:
    service = dig(api_service, "spec", "service")
    return (str(service.get("namespace")), str(service.get("name"))) if service else None


def _seen_away(api_service: Object) -> bool:
    conditions = dig(api_service, "status", "conditions", default=()) or ()
    return any(c.get("reason") == SEEN_AWAY for c in conditions)


def _told(api_service: Object, ctx: Context) -> tuple[bool, str, str]:
    backend = _backend(api_service)
    if backend is None:
        return True, "Local", "Local APIServices are always available"
    namespace, name = backend
    which = f'service/{name} in "{namespace}"'
    service = ctx.view.get(Kinds.services, name, namespace)
    if service is None:
        return False, "ServiceNotFound", f"{which} is not present"
    if dig(service, "spec", "type", default="ClusterIP") != "ClusterIP":
        return True, "Passed", "all checks passed"
    number = dig(api_service, "spec", "service", "port", default=PORT)
    ports = {port["port"]: str(port.get("name", "")) for port in dig(service, "spec", "ports") or ()}
    if number not in ports:
        return False, "ServicePortError", f"{which} is not listening on port {number}"
    endpoints = ctx.view.get(Kinds.endpoints, name, namespace)
    if endpoints is None:
        return False, "EndpointsNotFound", f"cannot find endpointslices for {which}"
    if not _ready(endpoints, ports[number]):
        said = f'endpointslices for {which} have no addresses with port name "{ports[number]}"'
        return False, "MissingEndpoints", said
    return True, "Passed", "all checks passed"


def _ready(endpoints: Object, port_name: str) -> bool:
    return any(
        subset.get("addresses") and any(p.get("name", "") == port_name for p in subset.get("ports") or ())
        for subset in endpoints.get("subsets") or ()
    )
