"""What stands inside a Namespace or under a definition: deleting one of them takes all of it along.

Here alone stands what the servers make there by themselves; everything else without this run's mark is somebody's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from migrate.doors.cluster import Cluster
from migrate.doors.reading import listable, unlisted
from migrate.errors import Refused
from migrate.model import marks
from migrate.model.ids import RunId
from migrate.model.objects import Object, Ref, Resource, annotations_of, dig, metadata_of, ref_of
from migrate.model.progress import Progress

NAMESPACE = ("", "Namespace")
DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
CLAIM = ("", "PersistentVolumeClaim")

ECHOES = frozenset(
    {
        ("", "Event"),
        ("events.k8s.io", "Event"),
        ("coordination.k8s.io", "Lease"),
        ("coordination.k8s.io", "LeaseCandidate"),
        ("", "Endpoints"),
        ("discovery.k8s.io", "EndpointSlice"),
    }
)
"""Kinds that tell of another object (what happened to it, who leads, where a Service leads); that one is judged."""

GIVEN = frozenset(
    {
        ("", "ServiceAccount", "default"),
        ("", "ConfigMap", "kube-root-ca.crt"),
        ("", "ConfigMap", "openshift-service-ca.crt"),
    }
)
"""What every namespace is given, by name."""

_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  # the type of a Secret, no secret
_LEADER = "control-plane.alpha.kubernetes.io/leader"

FEW = 5
"""Namespaces that are listed one by one; beyond, the whole cluster is, in fewer requests."""

NOTHING = frozenset({404, 405})
"""Answers to a list that say that there is none: the kind went since discovery, or cannot be listed at all."""

Sets = Collection[tuple[str, str]]
"""StatefulSets that this run made, as (namespace, name)."""


def sets_of(progress: Progress) -> Sets:
    """The StatefulSets that this run made at any time: going back, they are gone before what they have left."""
    refs = (Ref.of_json(i.action.params["ref"]) for i in progress.intents() if i.action.kind == "create")
    return {(ref.namespace, ref.name) for ref in refs if ref.kind == "StatefulSet"}


def foreign(obj: Object, run: RunId, sets: Sets) -> bool:
    """Whether an object is neither this run's, nor made by the servers, nor left by a StatefulSet of this run.

    What has an owner goes where its owner goes, and its owner is judged; what is going already is nobody's any more.
    """
    metadata, ref = metadata_of(obj), ref_of(obj)
    if annotations_of(obj).get(marks.RUN) == run or metadata.get("ownerReferences"):
        return False
    if metadata.get("deletionTimestamp"):
        return False
    kind = (ref.group, ref.kind)
    if kind in ECHOES or (*kind, ref.name) in GIVEN:
        return False
    if kind == CLAIM:
        return not _claimed_by(ref, sets)
    if kind == ("", "Secret"):
        return obj.get("type") != _TOKEN  # it goes with its ServiceAccount
    if kind == ("", "ConfigMap"):
        return bool(obj.get("data")) or _LEADER not in annotations_of(obj)
    return True


def inside(cluster: Cluster, namespaces: Collection[str], run: RunId, sets: Sets) -> Mapping[str, list[Ref]]:
    """The foreign objects in each of these namespaces; raises a DoorError where that cannot be seen whole."""
    served = cluster.resources()
    down = unlisted(cluster, served)
    if down:
        name, why = next(iter(down.items()))
        message = f"{name} cannot be looked into: {why}"
        raise Refused(message)
    found: dict[str, list[Ref]] = defaultdict(list)
    for resource in listable(served):
        if resource.namespaced and "delete" in resource.verbs:
            for scope in sorted(namespaces) if len(namespaces) <= FEW else ("",):
                for ref in _foreign(cluster, resource, scope, run, sets):
                    if ref.namespace in namespaces and ref not in found[ref.namespace]:
                        found[ref.namespace].append(ref)
    return found


def under(cluster: Cluster, definition: Object, run: RunId) -> list[Ref]:
    """The foreign objects of the kind that a definition defines; raises a DoorError where they cannot be listed."""
    group = dig(definition, "spec", "group", default="")
    plural = dig(definition, "spec", "names", "plural", default="")
    served = [r for r in cluster.resources() if (r.group, r.plural) == (group, plural)]
    # a page that begins again may bring an object twice
    return list(dict.fromkeys(ref for r in served[:1] for ref in _foreign(cluster, r, "", run, ())))


def _foreign(cluster: Cluster, resource: Resource, scope: str, run: RunId, sets: Sets) -> Iterator[Ref]:
    try:
        for page in cluster.pages(resource, namespace=scope):
            yield from (ref_of(obj) for obj in page if foreign(obj, run, sets))
    except Refused as error:
        if error.status not in NOTHING:
            raise


def _claimed_by(claim: Ref, sets: Sets) -> bool:
    """Whether a claim has the name that a StatefulSet of this run gives: template, set and ordinal."""
    return any(
        namespace == claim.namespace and re.fullmatch(rf".+-{re.escape(name)}-\d+", claim.name)
        for namespace, name in sets
    )
