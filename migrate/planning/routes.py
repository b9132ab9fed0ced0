"""Routes and their closure: the Services behind a way in, the workloads behind those, and what they in turn call.

A route may be ramped only if its whole closure can run on both sides (decision 13); else it is switched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.backends import GATEWAY_GROUP, ROUTES, of_ingress, of_route, published
from migrate.model.ids import RouteName
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, dig, labels_of, name_of, namespace_of, ref_of
from migrate.planning.ways_in import WORKLOADS, Decided, WaysIn

DEFAULT_ROUTE = RouteName("default")
_WORD = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Closure:
    """One route: its Services, the workloads that it needs, and why it cannot be ramped, if so.

    `ways_in` are the held Ingresses, Gateways and load balancers by which its clients come in; of those that cannot
    open before the traffic moves `shut` says why.
    """

    route: RouteName
    services: tuple[str, ...]
    workloads: tuple[str, ...]
    blocking: tuple[str, ...]
    switch: bool = False
    ways_in: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()

    @property
    def rampable(self) -> bool:
        """Whether everything that the route needs can run on both sides, and green be reached beside blue."""
        return not (self.blocking or self.shut or self.switch)

    def as_json(self) -> dict[str, Any]:
        """The closure as JSON."""
        return {
            "route": self.route,
            "services": list(self.services),
            "workloads": list(self.workloads),
            "blocking": list(self.blocking),
            "switch": self.switch,
            "waysIn": list(self.ways_in),
            "shut": list(self.shut),
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Closure:
        """Read back what `as_json` wrote."""
        return cls(
            RouteName(value["route"]),
            tuple(value["services"]),
            tuple(value["workloads"]),
            tuple(value["blocking"]),
            value["switch"],
            tuple(value.get("waysIn", ())),
            tuple(value.get("shut", ())),
        )


def route_names(migration: Migration) -> tuple[RouteName, ...]:
    """The routes of a migration: the file's, or a single one named after the balancer's backend."""
    cutover = migration.cutover
    if cutover.routes:
        return tuple(RouteName(r.name) for r in cutover.routes)
    return (RouteName(cutover.haproxy.backend) if cutover.haproxy else DEFAULT_ROUTE,)


def closures(
    blue: Inventory, decisions: Decided, migration: Migration, green: Inventory | None = None
) -> tuple[Closure, ...]:
    """The closure of every route, in the order of the file; a route that names no Service has the exposed ones.

    `green` are the workloads that run there, None while there is no green.
    """
    graph, doors = _Graph(blue), WaysIn(blue, decisions, migration, green)
    named = {RouteName(r.name): r.services for r in migration.cutover.routes}
    found = []
    for route in route_names(migration):
        services = tuple(named.get(route) or exposed(blue))
        front = doors.front(services)
        workloads = sorted({*graph.reach((*services, *front.services)), *front.workloads})
        found.append(
            Closure(
                route,
                services,
                tuple(map(str, workloads)),
                blocking=tuple(str(ref) for ref in workloads if ref not in decisions.startable),
                switch=migration.cutover.mode == "switch",
                ways_in=tuple(map(str, front.refs)),
                shut=front.shut,
            )
        )
    return tuple(found)


def exposed(blue: Inventory) -> tuple[str, ...]:
    """Services that are reached from outside: published ones, and those behind an Ingress or a Gateway."""
    found = {
        f"{namespace_of(s)}/{name_of(s)}"
        for s in blue.of("Service")
        if published(s) and namespace_of(s) != "kube-system"
    }
    for ingress in blue.of("Ingress", "networking.k8s.io"):
        found.update(of_ingress(ingress))
    for kind in ROUTES:
        for route in blue.of(kind, GATEWAY_GROUP):
            found.update(of_route(route))
    return tuple(sorted(found))


class _Graph:
    """Who calls whom, as far as configuration names it: environment, arguments and mounted ConfigMaps."""

    def __init__(self, blue: Inventory) -> None:
        self._services = {f"{namespace_of(s)}/{name_of(s)}": s for s in blue.of("Service")}
        self._workloads = [w for group, kind in WORKLOADS for w in blue.of(kind, group)]
        self._config = {(namespace_of(c), name_of(c)): c for c in blue.of("ConfigMap")}

    def reach(self, services: Iterable[str]) -> tuple[Ref, ...]:
        """Every workload that these Services need, directly or through others; sorted."""
        todo, seen_services, found = list(services), set[str](), dict[Ref, Object]()
        while todo:
            service = todo.pop()
            if service in seen_services:
                continue
            seen_services.add(service)
            for workload in self._behind(service):
                ref = ref_of(workload)
                if ref not in found:
                    found[ref] = workload
                    todo.extend(self._called(workload))
        return tuple(sorted(found))

    def _behind(self, service: str) -> Iterator[Object]:
        selector = dig(self._services.get(service, {}), "spec", "selector")
        if not selector:
            return
        namespace = service.partition("/")[0]
        for workload in self._workloads:
            labels = labels_of(dig(workload, "spec", "template", default={}))
            if namespace_of(workload) == namespace and selector.items() <= labels.items():
                yield workload

    def _called(self, workload: Object) -> Iterator[str]:
        namespace = namespace_of(workload)
        for text in self._texts(workload):
            for match in _WORD.finditer(text):
                host = match.group().split(".")
                yield from self._known(f"{namespace}/{host[0]}")
                if len(host) > 1:
                    yield from self._known(f"{host[1]}/{host[0]}")

    def _known(self, service: str) -> Iterator[str]:
        if service in self._services:
            yield service

    def _texts(self, workload: Object) -> Iterator[str]:
        pod = dig(workload, "spec", "template", "spec", default={})
        for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
            yield from (str(e["value"]) for e in container.get("env") or () if "value" in e)
            yield from map(str, (*(container.get("args") or ()), *(container.get("command") or ())))
            for source in container.get("envFrom") or ():
                yield self._data(namespace_of(workload), dig(source, "configMapRef", "name"))
        for volume in pod.get("volumes") or ():
            yield self._data(namespace_of(workload), dig(volume, "configMap", "name"))

    def _data(self, namespace: str, name: str | None) -> str:
        config = self._config.get((namespace, name or ""))
        return json.dumps(config.get("data") or {}) if config else ""
