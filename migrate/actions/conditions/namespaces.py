"""Namespaces that must be ready to take objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import dig
from migrate.model.verdict import Verdict, failed, inconclusive, passed


def active(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `names` is Active on green, with its default ServiceAccount and kube-root-ca.crt."""
    wanted = [("", "Namespace"), ("", "ServiceAccount"), ("", "ConfigMap")]
    inventory = read_inventory(doors.cluster(Side.GREEN), only=wanted)
    verdicts = []
    for name in params["names"]:
        check = f"namespace {name}"
        namespace = inventory.named("Namespace", name)
        phase = dig(namespace or {}, "status", "phase", default="absent")
        if phase == "Terminating":
            remedy = f"kubectl get namespace {name} -o yaml shows what it waits for"
            verdicts.append(failed(check, f"namespace {name} is stuck terminating on green", remedy))
        elif phase != "Active" or inventory.named("ServiceAccount", "default", name) is None:
            verdicts.append(
                inconclusive(check, f"namespace {name} is {phase}, its default ServiceAccount not there yet")
            )
        elif inventory.named("ConfigMap", "kube-root-ca.crt", name) is None:
            verdicts.append(inconclusive(check, f"namespace {name} has no kube-root-ca.crt yet"))
        else:
            verdicts.append(passed(check, "Active"))
    return verdicts
