"""What a client comes in by: the Ingresses, Gateways and load balancers in front of a route, which are held on green.

They are let go of before the route is asked: at weight 0 nobody comes through them but our probe. Where it cannot be
told by which of them a route leads in, all are.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from migrate.model.backends import GATEWAY_GROUP, ROUTES, gateways_of, of_ingress, of_route, published
from migrate.model.decision import Decision
from migrate.model.inventory import Inventory
from migrate.model.marks import PARKED
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, annotations_of, dig, labels_of, name_of, namespace_of, ref_of
from migrate.replay import kinds
from migrate.replay.insiders import insider_of
from migrate.replay.operator import operator_rule
from migrate.replay.outsiders import publishes
from migrate.replay.turns import Turn

WORKLOADS = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"))

_WAYS = frozenset({kinds.SERVICE, kinds.INGRESS, kinds.GATEWAY})


class Decided(Protocol):
    """What replay decided, as far as routes ask for it: replay's Decisions."""

    @property
    def startable(self) -> frozenset[Ref]:
        """Workloads that may run on both sides."""
        ...

    @property
    def held(self) -> tuple[Decision, ...]:
        """What is written in a dormant form."""
        ...


def _publishers(green: Inventory) -> Iterator[Ref]:
    """Who on green makes DNS records of what opens there: it came with green, or somebody has started it."""
    for group, kind in WORKLOADS:
        for workload in green.of(kind, group):
            if _awake(workload) and publishes(dig(workload, "spec", "template", default={})):
                yield ref_of(workload)


def _awake(workload: Object) -> bool:
    """Whether a workload is to have pods: held, it has no replicas, or asks for a node that there is not."""
    parked = PARKED in (dig(workload, "spec", "template", "spec", "nodeSelector") or {})
    return not parked and bool(dig(workload, "spec", "replicas", default=1))


@dataclass(frozen=True, slots=True)
class Front:
    """What stands in front of some Services.

    `refs` are held and can be let go of before the cutover; `shut` says of those that cannot why not. `services` and
    `workloads` are those of the controllers that the way leads through.
    """

    refs: tuple[Ref, ...] = ()
    shut: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    workloads: tuple[Ref, ...] = ()


class WaysIn:
    """Everything by which clients come into blue, and what of it is held on green."""

    def __init__(
        self, blue: Inventory, decisions: Decided, migration: Migration, green: Inventory | None = None
    ) -> None:
        self._blue = blue
        self._migration = migration
        self._moving = frozenset(d.ref for d in decisions.held)
        self._held = {d.ref: d for d in decisions.held if d.ref[:2] in _WAYS}
        early = (d.ref for d in decisions.held if d.turn == Turn.NAMES and d.ref in decisions.startable)
        self._publisher = next(early, None) or (next(_publishers(green), None) if green is not None else None)

    def front(self, services: Sequence[str]) -> Front:
        """What stands in front of these Services."""
        leading = {ref for ref in self._held if self._backends.get(ref, frozenset()) & set(services)}
        own = self._held_of(services)
        direct = {name for name in services if published(self._services.get(name))}
        led = {name for ref in leading for name in self._backends[ref]}
        unsure = not services or not set(services) <= direct | led
        through = unsure or bool(leading)
        entrances = self._entrances if through else ()
        found = leading | own | self._held_of(entrances)
        if unsure:
            found |= {ref for ref in self._held if ref[:2] != kinds.SERVICE}
        if through and not entrances:
            found |= {ref for ref in self._held if ref[:2] == kinds.SERVICE}
        certain = leading | own
        if entrances and all(self._kept(ref) for ref in self._refs(entrances)):
            certain |= self._held_of(entrances)
        return Front(
            tuple(ref for ref in sorted(found) if not self._kept(ref)),
            tuple(self._shut(sorted(found), certain)),
            entrances,
            tuple(sorted(self._fronts)) if through else (),
        )

    def _shut(self, found: Iterable[Ref], certain: Container[Ref]) -> Iterator[str]:
        """Why a way in stays shut until the traffic moves, where the route surely leads through it."""
        for ref in found:
            if self._publisher is not None:
                yield f"{ref} ({self._publisher} runs on green and would publish it)"
            elif ref in certain and (why := self._kept(ref)):
                yield f"{ref} ({why})"

    def _kept(self, ref: Ref) -> str:
        """Why something is not let go of early: two clusters cannot have one address, or the operator holds it."""
        if ref not in self._held:
            return ""
        hold, obj = self._held[ref].hold, self._blue.find(ref) or {}
        asked = any(key.endswith("static-ip-name") for key in annotations_of(obj))
        if asked or dig(obj, "spec", "addresses") or (hold is not None and hold.rest_blue is not None):
            return "blue has its address"
        said = operator_rule(self._migration, ref, labels_of(obj))
        return f"{said[0]} holds it" if said is not None and said[1].hold else ""

    def _held_of(self, services: Iterable[str]) -> set[Ref]:
        return {ref for ref in self._refs(services) if ref in self._held}

    @staticmethod
    def _refs(services: Iterable[str]) -> Iterator[Ref]:
        for name in services:
            space, _, word = name.partition("/")
            yield Ref(*kinds.SERVICE, space, word)

    @cached_property
    def _services(self) -> Mapping[str, Object]:
        return {f"{namespace_of(s)}/{name_of(s)}": s for s in self._blue.of("Service")}

    @cached_property
    def _backends(self) -> Mapping[Ref, frozenset[str]]:
        """The Services that each Ingress and each Gateway leads to."""
        found: dict[Ref, frozenset[str]] = {
            ref_of(ingress): frozenset(of_ingress(ingress))
            for ingress in self._blue.of(*reversed(kinds.INGRESS))
        }
        for kind in ROUTES:
            for route in self._blue.of(kind, GATEWAY_GROUP):
                for gateway in gateways_of(route):
                    found[gateway] = found.get(gateway, frozenset()) | set(of_route(route))
        return found

    @cached_property
    def _fronts(self) -> Mapping[Ref, Object]:
        """Ingress controllers that move."""
        workloads = (w for group, kind in WORKLOADS for w in self._blue.of(kind, group))
        pods = ((ref_of(w), w, dig(w, "spec", "template", default={})) for w in workloads)
        known = ((ref, w, insider_of(pod)) for ref, w, pod in pods if ref in self._moving)
        return {ref: w for ref, w, inside in known if inside is not None and inside.front}

    @cached_property
    def _entrances(self) -> tuple[str, ...]:
        """The Services with an address of their own by which clients get to an ingress controller."""
        return tuple(sorted(name for name, s in self._services.items() if published(s) and self._leads_in(s)))

    def _leads_in(self, service: Object) -> bool:
        selector = dig(service, "spec", "selector")
        if not selector:
            return False
        return any(
            namespace_of(w) == namespace_of(service)
            and selector.items() <= labels_of(dig(w, "spec", "template", default={})).items()
            for w in self._fronts.values()
        )
