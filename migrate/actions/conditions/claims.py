"""Claims to volumes: Bound, or waiting for their first consumer because their class says so.

A claim that stays Pending tells why in Events alone: ProvisioningFailed, by the binding controller where the class is
missing and by the provisioner where its storage says no (kubernetes, pkg/controller/volume/events/event.go).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migrate.actions.conditions.creation import NEVER, STEADY, Refusal, refusals
from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, annotations_of, dig
from migrate.model.verdict import Result, Verdict, failed, inconclusive, passed
from migrate.replay.pods import claims_of
from migrate.replay.storage_classes import OLD_CLASS

CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)
READ = (("", "PersistentVolumeClaim"), ("storage.k8s.io", "StorageClass"))

BOUND = "Bound"

UNPROVISIONED = "ProvisioningFailed"

LASTING = timedelta(seconds=60)
"""So long provisioning must go on to fail before it is not waited for: a driver that starts fails a few times too."""

FEW = 10
"""Namespaces that are listed one by one; beyond, the whole cluster is, in fewer requests."""

SHOWN = 5
"""Claims that a verdict spells out."""

REMEDY = (
    "kubectl describe the claim on green; mend its class there, or write workloads.storageClasses and"
    " cnimigrate amend. Then run again."
)

LOST = (
    "Its data is where its volume was: make that PersistentVolume again, or delete the claim. Then run again."
)


@dataclass(frozen=True, slots=True)
class _Told:
    """Why provisioning failed, by claim, and since when that counts."""

    by_uid: Mapping[str, Refusal]
    since: datetime

    def of(self, claim: Object) -> tuple[str, bool]:
        """The latest words about a claim, and whether its provisioning goes on to fail."""
        found = self.by_uid.get(str(dig(claim, "metadata", "uid")))
        return (found.words, found.steady(self.since, LASTING)) if found else ("", False)


def bound(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each claim of `refs` on green is Bound, or waits for its first consumer; those of `unbound` were not on blue.

    One that is gone, that lost its volume (`by_phase`), or whose provisioning goes on to fail, has failed.
    """
    refs, broken = [Ref.of_json(ref) for ref in params["refs"]], frozenset(params.get("unbound", ()))
    green, since = doors.cluster(Side.GREEN), params.get("since", NEVER)
    found = _read(green, {ref.namespace for ref in refs})
    open_ = [ref for ref in refs if str(ref) not in broken and not _settled(found, ref)]
    waited = doors.clock.now() - since if "since" in params else STEADY
    spaces = sorted({ref.namespace for ref in open_})
    told = _Told(refusals(green, spaces, waited, UNPROVISIONED), since)
    if open_:
        return [_judged(ref, found.find(ref), told) for ref in open_]
    return [passed(params["what"], _summed(found, refs, broken))]


def phase_of(claim: Object) -> str:
    """The phase of a claim; one that nobody has looked at yet is Pending."""
    return str(dig(claim, "status", "phase", default="") or "Pending")


def by_phase(ref: Ref, claim: Object | None) -> Verdict:
    """What a claim's phase alone says: Bound, to be waited for, or Bound never more.

    Only a claim that was bound becomes Lost, as its volume is gone; source: API reference, PersistentVolumeClaimPhase.
    """
    check = f"{ref} bound"
    if claim is None:
        return failed(check, f"{ref} is not there", REMEDY)
    match phase_of(claim):
        case "Bound":
            return passed(check, f"{ref} is Bound")
        case "Lost":
            return failed(check, f"{ref} is Lost: its volume is gone", LOST)
        case phase:
            return inconclusive(check, f"{ref} is {phase}", REMEDY)


def pending_of(cluster: Cluster, pod: Object) -> str:
    """The first claim of a pod that is not Bound, with its Event's words; empty where there is none.

    A pod that waits for it says only that it has an unbound claim.
    """
    namespace = str(dig(pod, "metadata", "namespace", default=""))
    for name in claims_of(pod):
        claim = cluster.get(CLAIMS, name, namespace)
        if claim is None or phase_of(claim) == BOUND:
            continue
        words, _ = _Told(refusals(cluster, [namespace], reason=UNPROVISIONED), NEVER).of(claim)
        said = f"its claim {name} is {phase_of(claim)}"
        return f"{said}: {words}" if words else said
    return ""


def _read(cluster: Cluster, namespaces: Collection[str]) -> Inventory:
    return read_inventory(
        cluster, only=READ, namespaces=sorted(namespaces) if len(namespaces) <= FEW else ("",)
    )


def _settled(found: Inventory, ref: Ref) -> bool:
    """Whether nothing is to be waited for at a claim."""
    claim = found.find(ref)
    return claim is not None and (phase_of(claim) == BOUND or _awaits_consumer(found, claim))


def _awaits_consumer(found: Inventory, claim: Object) -> bool:
    """Whether a claim's class binds it only once a pod wants it."""
    name = annotations_of(claim).get(OLD_CLASS) or dig(claim, "spec", "storageClassName")
    kind = found.named("StorageClass", str(name), group="storage.k8s.io") if name else None
    late = bool(dig(kind, "volumeBindingMode") == "WaitForFirstConsumer")
    return late and phase_of(claim) == "Pending"


def _judged(ref: Ref, claim: Object | None, told: _Told) -> Verdict:
    verdict = by_phase(ref, claim)
    if claim is None or verdict.result is not Result.INCONCLUSIVE:
        return verdict
    words, steady = told.of(claim)
    said = f"{verdict.evidence}, {_of_class(claim)}" + (f": {words}" if words else "")
    return (failed if steady else inconclusive)(verdict.check, said, REMEDY)


def _of_class(claim: Object) -> str:
    name = annotations_of(claim).get(OLD_CLASS) or dig(claim, "spec", "storageClassName")
    return f"of class {name}" if name else "of no class"


def _summed(found: Inventory, refs: Sequence[Ref], broken: Collection[str]) -> str:
    """What stands, and by name what is Pending with a reason."""
    idle = [ref for ref in refs if str(ref) in broken]
    late = [ref for ref in refs if str(ref) not in broken and phase_of(found.find(ref) or {}) != BOUND]
    said = [f"{len(refs) - len(idle) - len(late)} Bound"]
    if late:
        said.append(f"{len(late)} waiting for their first consumer: {_names(late)}")
    if idle:
        said.append(f"{len(idle)} not Bound on blue either: {_names(idle)}")
    return "claims: " + "; ".join(said)


def _names(refs: Iterable[Ref]) -> str:
    names = [f"{ref.namespace}/{ref.name}" for ref in refs]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
