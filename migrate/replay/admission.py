"""What stands behind webhooks and aggregated APIs, and who waits for whom.

A mutating webhook must answer before the first pod that it would change (invariant 7). Where its backend may run on
both sides, the backend is started in wave 9 and the configuration follows; where it may not, the configuration and
the workloads whose pods it would change wait together until the backend is released.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate.model.objects import Object, Ref, controller_of, dig, group_of, kind_of, labels_of, ref_of
from migrate.replay import kinds
from migrate.replay.blue import Blue
from migrate.replay.classes import Classes

_OF_A_SERVICE = re.compile(
    r"https?://(?:[^/@]*@)?(?P<name>[a-z0-9-]+)\.(?P<space>[a-z0-9-]+)\.svc(?:\.[a-z0-9.-]*)?(?::\d+)?(?:[/?#].*)?",
    re.IGNORECASE,
)
"""A URL whose host is the DNS name of a Service, in whatever cluster domain."""

CONFIGURATIONS = (kinds.MUTATING_WEBHOOKS, kinds.VALIDATING_WEBHOOKS, kinds.API_SERVICE)


@dataclass(frozen=True, slots=True)
class Backing:
    """What a configuration calls.

    `missing` names Services that do not move (or are not there), `outside` URLs that name no Service, `workloads` what
    the Services select, `waiting` those of them that may not run before the cutover.
    """

    workloads: tuple[Ref, ...] = ()
    missing: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    waiting: tuple[Ref, ...] = ()


class Admission:
    """Every configuration's backing, and the order in which backends and configurations can come up."""

    def __init__(self, blue: Blue, classes: Classes) -> None:
        self._blue = blue
        self._classes = classes

    @cached_property
    def backings(self) -> Mapping[Ref, Backing]:
        """What stands behind each webhook configuration and APIService."""
        return {ref_of(obj): self._backing(kind, obj) for kind, obj in self._configurations()}

    @cached_property
    def deferred(self) -> frozenset[Ref]:
        """The configurations that must wait, because a backend of theirs may not run yet.

        A backend that would itself be changed by such a webhook waits too, and with it what it backs.
        """
        waiting = {ref for ref, backing in self.backings.items() if backing.waiting}
        while True:
            more = {
                ref
                for ref, backing in self.backings.items()
                if ref not in waiting and any(self._changers(w) & waiting for w in backing.workloads)
            }
            if not more:
                return frozenset(waiting)
            waiting |= more

    @cached_property
    def awaited(self) -> frozenset[Ref]:
        """The workloads behind the configurations that must wait."""
        return frozenset(workload for ref in self.deferred for workload in self.backings[ref].workloads)

    def waits_for(self, workload: Ref) -> tuple[Ref, ...]:
        """The deferred mutating webhooks that would change a workload's pods; not those that it backs itself."""
        return tuple(sorted(self._changers(workload) & self.deferred))

    @cached_property
    def started(self) -> Mapping[Ref, tuple[Ref, ...]]:
        """The backends to start in wave 9, with the configurations that need them."""
        found: dict[Ref, list[Ref]] = {}
        definitions = self.conversions.items()
        for ref, backing in [*self.backings.items(), *definitions]:
            if backing.missing or (ref in self.backings and ref in self.deferred):
                continue
            for workload in backing.workloads:
                if workload not in backing.waiting and not self.waits_for(workload):
                    found.setdefault(workload, []).append(ref)
        return {ref: tuple(sorted(needed)) for ref, needed in found.items()}

    def level(self, ref: Ref) -> int:
        """How many webhooks must answer before this backend or configuration, one after the other; 0 for the first."""
        return self._levels.get(ref, 0)

    @cached_property
    def _levels(self) -> Mapping[Ref, int]:
        levels: dict[Ref, int] = {}
        for ref in sorted({*self.backings, *self.started}):
            self._level(ref, frozenset(), levels)
        return levels

    def _level(self, ref: Ref, above: frozenset[Ref], levels: dict[Ref, int]) -> int:
        """Work one level out, and those it rests on, into `levels`."""
        if ref in levels:
            return levels[ref]
        if ref in above:  # two webhooks that change each other's backends: no order satisfies both
            return 0
        above |= {ref}
        if ref in self.backings:
            below = (self._level(w, above, levels) for w in self.backings[ref].workloads)
        else:
            below = (self._level(c, above, levels) + 1 for c in self._changers(ref) - self.deferred)
        levels[ref] = max(below, default=0)
        return levels[ref]

    def _configurations(self) -> Iterator[tuple[kinds.Kind, Object]]:
        for group, kind in CONFIGURATIONS:
            for obj in self._blue.inventory.of(kind, group):
                yield (group, kind), obj

    @cached_property
    def conversions(self) -> Mapping[Ref, Backing]:
        """What stands behind conversion webhooks.

        A definition itself never waits, nor do its objects: they are read and written in the version that is stored, for
        which no webhook is asked (`Cluster.resources`).
        """
        return {
            ref_of(obj): self._of_clients([dig(obj, "spec", "conversion", "webhook", "clientConfig")])
            for obj in self._blue.inventory.of("CustomResourceDefinition", "apiextensions.k8s.io")
            if dig(obj, "spec", "conversion", "strategy") == "Webhook"
        }

    def _backing(self, kind: kinds.Kind, obj: Object) -> Backing:
        if kind == kinds.API_SERVICE:
            service = dig(obj, "spec", "service")
            return self._of_clients([{"service": service}] if service else [])
        return self._of_clients([webhook.get("clientConfig") for webhook in obj.get("webhooks") or ()])

    def _of_clients(self, clients: Sequence[Any]) -> Backing:
        workloads: set[Ref] = set()
        missing: set[str] = set()
        outside: set[str] = set()
        for client in clients:
            service = service_of(client)
            if service is None:
                outside |= {str(url) for url in [dig(client, "url")] if url}
                continue
            namespace, name = service
            found = self._blue.inventory.named("Service", name, namespace)
            if found is None or not self._blue.comes(found):
                missing.add(f"{namespace}/{name}")
                continue
            selected = self._selected(namespace, dig(found, "spec", "selector") or {})
            if dig(found, "spec", "selector") and not selected:
                missing.add(f"{namespace}/{name} (no workload behind it moves)")
            workloads |= selected
        waiting = tuple(sorted(w for w in workloads if not self._may_start(w)))
        return Backing(tuple(sorted(workloads)), tuple(sorted(missing)), tuple(sorted(outside)), waiting)

    @cached_property
    def _workloads(self) -> Mapping[str, Sequence[tuple[Ref, Object]]]:
        found: dict[str, list[tuple[Ref, Object]]] = {}
        for group, kind in kinds.WORKLOADS:
            for obj in self._blue.inventory.of(kind, group):
                owner = controller_of(obj)
                if owner is None or (group_of(owner), kind_of(owner)) not in kinds.WORKLOADS:
                    found.setdefault(ref_of(obj).namespace, []).append((ref_of(obj), obj))
        return found

    def _selected(self, namespace: str, selector: Mapping[str, str]) -> set[Ref]:
        if not selector:
            return set()
        return {
            ref
            for ref, obj in self._workloads.get(namespace, ())
            if self._blue.comes(obj)
            and selector.items() <= labels_of(kinds.pod_of((ref.group, ref.kind), obj)).items()
        }

    def _may_start(self, ref: Ref) -> bool:
        obj = self._blue.inventory.find(ref)
        # a workload under another controller comes back when that one runs, not when we say so
        return obj is not None and controller_of(obj) is None and self._classes.of(obj).may_start

    def _changers(self, workload: Ref) -> frozenset[Ref]:
        """The mutating webhook configurations that would change a workload's pods, but for those that it backs."""
        obj = self._blue.inventory.find(workload)
        if obj is None or not self._mutating:
            return frozenset()
        kind = workload.group, workload.kind
        labels = labels_of(kinds.pod_of(kind, obj))
        space = self._blue.inventory.named("Namespace", workload.namespace)
        spaces = {**labels_of(space or {}), "kubernetes.io/metadata.name": workload.namespace}
        return frozenset(
            ref
            for ref, webhooks in self._mutating
            if workload not in self.backings[ref].workloads
            and any(_changes(w, labels, spaces) for w in webhooks)
        )

    @cached_property
    def _mutating(self) -> Sequence[tuple[Ref, Sequence[Mapping[str, Any]]]]:
        group, kind = kinds.MUTATING_WEBHOOKS
        return [(ref_of(obj), obj.get("webhooks") or ()) for obj in self._blue.inventory.of(kind, group)]


def service_of(client: Any) -> tuple[str, str] | None:
    """Namespace and name of the Service that a client's configuration leads to, by reference or by its DNS name."""
    service = dig(client, "service")
    if service:
        return str(service.get("namespace", "")), str(service.get("name", ""))
    url = _OF_A_SERVICE.fullmatch(str(dig(client, "url") or ""))
    return (url["space"].lower(), url["name"].lower()) if url else None


def _changes(webhook: Mapping[str, Any], labels: Mapping[str, str], spaces: Mapping[str, str]) -> bool:
    """Whether a webhook is called when a pod with these labels is made in a namespace with those."""
    return (
        any(_creates_pods(rule) for rule in webhook.get("rules") or ())
        and selects(webhook.get("namespaceSelector"), spaces)
        and selects(webhook.get("objectSelector"), labels)
    )


def _creates_pods(rule: Mapping[str, Any]) -> bool:
    return (
        bool({"", "*"} & set(rule.get("apiGroups") or ()))
        and bool({"pods", "*", "*/*"} & set(rule.get("resources") or ()))
        and bool({"CREATE", "*"} & set(rule.get("operations") or ()))
    )


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects labels; none, and an empty one, select everything."""
    if not selector:
        return True
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    for term in selector.get("matchExpressions") or ():
        value, values = labels.get(term["key"]), term.get("values") or ()
        held = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not held.get(term["operator"], False):
            return False
    return True
