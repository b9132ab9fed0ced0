"""Which Services the ways in from outside lead to: Ingresses, and the routes of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrate.model.objects import Object, Ref, dig, namespace_of

GATEWAY_GROUP = "gateway.networking.k8s.io"

ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
"""Kinds of the Gateway API that lead from a Gateway to Services."""

_CLASS = "kubernetes.io/ingress.class"


def of_ingress(ingress: Object) -> Iterator[str]:
    """The Services that an Ingress leads to, as "namespace/name"; they are in its own namespace."""
    spec = ingress.get("spec") or {}
    paths: Sequence[Any] = [p for r in spec.get("rules") or () for p in dig(r, "http", "paths") or ()]
    for backend in (*(p.get("backend") for p in paths), spec.get("defaultBackend")):
        name = dig(backend, "service", "name")
        if name:
            yield f"{namespace_of(ingress)}/{name}"


def of_route(route: Object) -> Iterator[str]:
    """The Services that a route of the Gateway API leads to, as "namespace/name"."""
    for rule in dig(route, "spec", "rules") or ():
        for backend in rule.get("backendRefs") or ():
            if backend.get("kind", "Service") == "Service" and not backend.get("group"):
                yield f"{backend.get('namespace') or namespace_of(route)}/{backend.get('name', '')}"


def gateways_of(route: Object) -> Iterator[Ref]:
    """The Gateways that a route of the Gateway API hangs on."""
    for parent in dig(route, "spec", "parentRefs") or ():
        if parent.get("kind", "Gateway") == "Gateway" and parent.get("group", GATEWAY_GROUP) == GATEWAY_GROUP:
            space = str(parent.get("namespace") or namespace_of(route))
            yield Ref(GATEWAY_GROUP, "Gateway", space, str(parent.get("name", "")))


def class_of(way: Object) -> str:
    """The class by which a controller takes an Ingress or a Gateway for its own; empty where none is named."""
    spec, annotations = way.get("spec") or {}, dig(way, "metadata", "annotations") or {}
    named = spec.get("gatewayClassName") or spec.get("ingressClassName") or annotations.get(_CLASS)
    return str(named or "")


def published(service: Object | None) -> bool:
    """Whether a Service has an address or a port that a client outside reaches by itself."""
    spec = dig(service, "spec", default={}) or {}
    return spec.get("type") in {"LoadBalancer", "NodePort"} or bool(spec.get("externalIPs"))
