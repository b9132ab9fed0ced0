"""Whether a client outside gets to a Service: through what is held no request comes, however ready the pods are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from migrate.model.backends import (
    GATEWAY_GROUP,
    class_of,
    gateways_of,
    of_ingress,
    of_route,
    published,
)
from migrate.model.ids import Side
from migrate.model.marks import PARKED_CLASS
from migrate.model.objects import Object, ref_of
from migrate.simulation.store import Key, Store

_ROUTES = ("httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes")


def shut(store: Store, side: Side, namespace: str, service: str) -> str:
    """Why no client gets to a Service on a side; empty where one does.

    A Service with an address of its own is reached by it. One that has none here, but has on the other side, is what
    the balancer was pointed at there; else an Ingress or a Gateway that leads to it has to have a class that somebody
    serves. What nothing leads to is reached past all of them.
    """
    if published(_service(store, side, namespace, service)):
        return ""
    if published(_service(store, side.other, namespace, service)):
        return f"Service {namespace}/{service} has no address outside"
    ways = [*_ingresses(store, side, namespace, service), *_gateways(store, side, namespace, service)]
    if not ways or any(class_of(way) != PARKED_CLASS for way in ways):
        return ""
    return f"404, nobody serves the class of {', '.join(str(ref_of(way)) for way in ways)}"


def _service(store: Store, side: Side, namespace: str, name: str) -> Object | None:
    return _read(store, Key(side.value, "", "services", namespace, name))


def _ingresses(store: Store, side: Side, namespace: str, service: str) -> Iterator[Object]:
    for ingress in _naming(store, side, "networking.k8s.io", "ingresses", namespace, service):
        if f"{namespace}/{service}" in of_ingress(ingress):
            yield ingress


def _gateways(store: Store, side: Side, namespace: str, service: str) -> Iterator[Object]:
    for plural in _ROUTES:
        for route in _naming(store, side, GATEWAY_GROUP, plural, namespace, service):
            if f"{namespace}/{service}" in of_route(route):
                for ref in gateways_of(route):
                    key = Key(side.value, ref.group, "gateways", ref.namespace, ref.name)
                    gateway = _read(store, key)
                    if gateway is not None:
                        yield gateway


def _naming(
    store: Store, side: Side, group: str, plural: str, namespace: str, service: str
) -> Sequence[Object]:
    bodies = store.containing(side.value, group, plural, namespace, f'"name":"{service}"')
    return [orjson.loads(body) for body in bodies]


def _read(store: Store, key: Key) -> Object | None:
    body = store.body(key)
    found: Object | None = orjson.loads(body) if body is not None else None
    return found
