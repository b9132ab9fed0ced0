"""Hold green against blue: every object, every workload, every Service's endpoints, Calico itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from migrate import replay
from migrate.actions.record import record
from migrate.calico.pools import planned_pools
from migrate.calico.readiness import readiness
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.ids import Phase, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, dig, labels_of, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, passed
from migrate.steps.base import BaseStep, blue_decided

SHOWN = 5


class VerifyGreen(BaseStep):
    """Judge green as it stands; blue's own state is the baseline."""

    id: ClassVar[StepId] = StepId("verify.green")
    phase: ClassVar[Phase] = Phase.VERIFY
    title: ClassVar[str] = "hold green against blue"

    def batches(self, scene: Scene) -> Batches:
        """Record parity, endpoints and Calico's state."""
        blue, decisions = blue_decided(scene)
        green = read_inventory(scene.doors.green)
        parity = replay.parity(decisions, green, key=scene.key, run=scene.run)
        yield [record("parity", parity)]
        yield [record("services", services(blue, green))]
        spec = scene.migration.green
        pools = planned_pools(spec.network, spec.calico.pools)
        yield [record("calico", readiness(green, pools, pods_run=True))]


def services(blue: Inventory, green: Inventory) -> list[Verdict]:
    """Every Service of green whose pods run there has Ready endpoints, unless it had none on blue either."""
    missing = sorted(_without_endpoints(blue, green))
    if missing:
        shown = ", ".join(missing[:SHOWN]) + (
            f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        )
        remedy = (
            "Compare the Service's selector with the pods' labels, and look at the pods' readiness probes."
        )
        return [failed("services", f"no Ready endpoint on green, but one on blue: {shown}", remedy)]
    return [
        passed(
            "services",
            f"{len(green.of('Service'))} Services looked at; names are known and endpoints as on blue",
        )
    ]


def _without_endpoints(blue: Inventory, green: Inventory) -> Iterator[str]:
    ready_blue, ready_green = _with_endpoints(blue), _with_endpoints(green)
    running = _running_labels(green)
    for service in green.of("Service"):
        key = f"{namespace_of(service)}/{name_of(service)}"
        selector = dig(service, "spec", "selector")
        if key not in ready_blue or key in ready_green or not selector:
            continue
        if any(selector.items() <= labels.items() for labels in running.get(namespace_of(service), ())):
            yield key


def _with_endpoints(inventory: Inventory) -> set[str]:
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
