"""Services that must have Ready endpoints: controllers write them some time after the pods are Ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, dig, labels_of, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, passed

READ = (
    ("", "Service"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
)

SHOWN = 5
"""How many Services a verdict spells out."""


def ready(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Every Service of green whose pods run there has a Ready endpoint, those of `silent` apart.

    `silent` are names, "namespace/name", of what had none on blue.
    """
    return [judged(read_inventory(doors.cluster(Side.GREEN), only=READ), params["silent"])]


def silent_on_blue(blue: Inventory, green: Inventory) -> list[str]:
    """The Services of green that have no Ready endpoint on blue: the baseline, mostly short."""
    answering = _answering(blue)
    return sorted(_key(service) for service in _selecting(green) if _key(service) not in answering)


def judged(green: Inventory, silent: Sequence[str]) -> Verdict:
    """Judge green's Services as they are listed."""
    missing = sorted(_without_endpoints(green, frozenset(silent)))
    if missing:
        shown = ", ".join(missing[:SHOWN]) + (
            f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        )
        remedy = (
            "Compare the Service's selector with the pods' labels, and look at the pods' readiness probes."
        )
        return failed("services", f"no Ready endpoint on green, but one on blue: {shown}", remedy)
    return passed(
        "services",
        f"{len(green.of('Service'))} Services looked at; names are known and endpoints as on blue",
    )


def _without_endpoints(green: Inventory, silent: frozenset[str]) -> Iterator[str]:
    answering, running = _answering(green), _running_labels(green)
    for service in _selecting(green):
        key, selector = _key(service), dig(service, "spec", "selector")
        if key in answering or key in silent:
            continue
        if any(selector.items() <= labels.items() for labels in running.get(namespace_of(service), ())):
            yield key


def _selecting(inventory: Inventory) -> Iterator[Object]:
    return (service for service in inventory.of("Service") if dig(service, "spec", "selector"))


def _answering(inventory: Inventory) -> set[str]:
    found = set()
    for piece in inventory.of("EndpointSlice", "discovery.k8s.io"):
        ready = any(dig(e, "conditions", "ready", default=True) for e in piece.get("endpoints") or ())
        if ready:
            found.add(f"{namespace_of(piece)}/{labels_of(piece).get('kubernetes.io/service-name', '')}")
    return found


def _running_labels(green: Inventory) -> dict[str, list[Object]]:
    """The labels of workloads that want pods on green now, by namespace: held ones need no endpoint yet."""
    found: dict[str, list[Object]] = {}
    for kind in ("Deployment", "StatefulSet"):
        for workload in green.of(kind, "apps"):
            if dig(workload, "spec", "replicas", default=1):
                found.setdefault(namespace_of(workload), []).append(
                    labels_of(dig(workload, "spec", "template", default={}))
                )
    return found


def _key(service: Object) -> str:
    return f"{namespace_of(service)}/{name_of(service)}"
