"""What runs below custom resources, whatever their controller has named it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.actions.conditions.workloads import ENDED, FEW, KINDS
from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, controller_of, dig, group_of, metadata_of, ref_of
from migrate.model.verdict import Verdict, inconclusive, passed

DEPTH = 8
"""Controllers above a pod, at most: who control one another in a circle have no top."""

_READ = (*KINDS, ("", "Pod"), ("batch", "Job"), ("batch", "CronJob"))


def nothing(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """No pod on `side` has any of the custom resources `refs` above it, to any depth; an ended pod does not count."""
    refs, cluster = [Ref.of_json(ref) for ref in params["refs"]], doors.cluster(Side(params["side"]))
    found: dict[Ref, list[Ref]] = {ref: [] for ref in refs}
    for pod, chain in _chains(cluster, refs):
        for top in found.keys() & set(chain):
            below = chain[: chain.index(top)]
            found[top].append(below[-1] if below else pod)
    return [_verdict(ref, sorted(set(below))) for ref, below in found.items()]


def _verdict(ref: Ref, below: Sequence[Ref]) -> Verdict:
    check = f"nothing runs below {ref}"
    if not below:
        return passed(check, "no pods")
    remedy = (
        f"Its controller is at rest: scale {below[0]} to zero yourself, or delete it, and what else is named;"
        " then run the same command to go on."
    )
    return inconclusive(check, f"pods run below {', '.join(map(str, below[:3]))}, which {ref} made", remedy)


def _chains(cluster: Cluster, refs: Sequence[Ref]) -> Iterator[tuple[Ref, Sequence[Ref]]]:
    """Each pod that runs where these may have made one, with its controllers, the nearest first."""
    namespaces = {ref.namespace for ref in refs}  # one without a namespace may make pods in any
    where = namespaces if len(namespaces) <= FEW and "" not in namespaces else {""}
    inventory = read_inventory(cluster, only=_READ, namespaces=sorted(where))
    known: dict[str, Object | None] = {str(metadata_of(obj).get("uid")): obj for _, obj in inventory}
    for pod in inventory.of("Pod"):
        if dig(pod, "status", "phase") not in ENDED:
            yield ref_of(pod), list(_above(cluster, known, pod))


def _above(cluster: Cluster, known: dict[str, Object | None], obj: Object) -> Iterator[Ref]:
    """The controllers above an object; one of a kind that was not listed is read by itself, once."""
    for _ in range(DEPTH):
        owner = controller_of(obj)
        if owner is None:
            return
        uid = str(owner.get("uid"))
        if uid not in known:
            known[uid] = _read(cluster, owner, str(metadata_of(obj).get("namespace", "")))
        above = known[uid]
        if above is None:
            return  # it is gone, and what it made is being collected
        yield ref_of(above)
        obj = above


def _read(cluster: Cluster, owner: Mapping[str, Any], namespace: str) -> Object | None:
    kind = group_of(owner), owner.get("kind")
    resource = next((r for r in cluster.resources() if (r.group, r.kind) == kind), None)
    if resource is None:
        return None
    return cluster.get(resource, str(owner.get("name")), namespace if resource.namespaced else "")
