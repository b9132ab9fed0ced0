"""Volumes that change hands: let go of by one side, bound on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.actions.conditions.claims import by_phase
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from migrate.replay.pods import claims_of

POD = ("", "Pod")
VOLUME = ("", "PersistentVolume")
CLAIM = ("", "PersistentVolumeClaim")
ATTACHMENT = ("storage.k8s.io", "VolumeAttachment")

SHOWN = 3

RETAIN = "Retain"
KEEP = "Something sets the policy back: stop that, then run the same command."
LET_GO = (
    "End the pod named here: nothing that was put to rest made it. Where a node is gone and its attachment stays, make "
    "sure that the machine is off before you take the attachment away."
)


def free(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """No pod on `side` uses one of `claims`, nothing there has its volume attached, and the volume is kept.

    `claims` are pairs of a claim and its volume. Kinds of volumes that are not attached (NFS and the like) never have
    a VolumeAttachment: the pods alone tell. What may not be read is not taken for free.
    """
    pairs = [(Ref.of_json(pair["claim"]), Ref.of_json(pair["volume"])) for pair in params["claims"]]
    cluster, spaces = doors.cluster(Side(params["side"])), {claim.namespace for claim, _ in pairs}
    pods = read_inventory(cluster, only=[POD], namespaces=sorted(spaces))
    attached = read_inventory(cluster, only=[ATTACHMENT, VOLUME])
    return [_free(claim, volume, pods, attached) for claim, volume in pairs]


def unused(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """No pod on `side` uses one of `claims`, as in `free`: nothing writes there any more."""
    claims = [Ref.of_json(pair["claim"]) for pair in params["claims"]]
    cluster, spaces = doors.cluster(Side(params["side"])), sorted({claim.namespace for claim in claims})
    pods = read_inventory(cluster, only=[POD], namespaces=spaces)
    return [_used(claim, pods) or passed(f"{claim} let go of", f"no pod uses {claim}") for claim in claims]


def bound(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `claims`, as in `free`, is Bound on `side` to its volume and to no other; a failed one never will be."""
    pairs = [(Ref.of_json(pair["claim"]), Ref.of_json(pair["volume"])) for pair in params["claims"]]
    spaces = sorted({claim.namespace for claim, _ in pairs})
    claims = read_inventory(doors.cluster(Side(params["side"])), only=[CLAIM], namespaces=spaces)
    return [_bound(claim, volume, claims.find(claim)) for claim, volume in pairs]


def _free(claim: Ref, volume: Ref, pods: Inventory, attached: Inventory) -> Verdict:
    check = f"{claim} let go of"
    used = _used(claim, pods)
    if used is not None:
        return used
    nodes = sorted(
        f"{dig(a, 'spec', 'nodeName')} ({name_of(a)})"
        for a in attached.of(ATTACHMENT[1], ATTACHMENT[0])
        if dig(a, "spec", "source", "persistentVolumeName") == volume.name
    )
    if nodes:
        return inconclusive(check, f"{volume} is still attached to node {', '.join(nodes[:SHOWN])}", LET_GO)
    kept = dig(attached.find(volume) or {}, "spec", "persistentVolumeReclaimPolicy", default=RETAIN)
    if kept != RETAIN:
        return inconclusive(check, f"{volume} has the policy {kept}: it would go with its claim", KEEP)
    return passed(check, f"no pod uses {claim}, and {volume} is attached nowhere and kept")


def _used(claim: Ref, pods: Inventory) -> Verdict | None:
    """Who still uses a claim; None where nobody does."""
    using = sorted(name_of(pod) for pod in pods.of("Pod") if _uses(pod, claim))
    if not using:
        return None
    shown = ", ".join(using[:SHOWN]) + (f" and {len(using) - SHOWN} more" if using[SHOWN:] else "")
    return inconclusive(f"{claim} let go of", f"{claim} is still used by pod {shown}", LET_GO)


def _uses(pod: Object, claim: Ref) -> bool:
    """Whether a pod uses a claim, or still may; one that has ended has nothing mounted any more."""
    return (
        namespace_of(pod) == claim.namespace
        and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}
        and claim.name in claims_of(pod)
    )


def _bound(claim: Ref, volume: Ref, found: Object | None) -> Verdict:
    name = dig(found, "spec", "volumeName", default="")
    if name and name != volume.name:
        return failed(f"{claim} bound", f"{claim} is bound to PersistentVolume {name}, not to {volume}")
    verdict = by_phase(claim, found)
    return replace(verdict, evidence=f"bound to {volume}") if verdict.passed else verdict
