"""What stands inside a Namespace or under a definition: deleting one of them takes all of it along.

Here alone stands what the servers make there by themselves; everything else without this run's mark is somebody's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from migrate.doors.cluster import Cluster
from migrate.doors.reading import listable, unlisted
from migrate.errors import Refused
from migrate.model import marks
from migrate.model.ids import RunId
from migrate.model.objects import (
    Object,
    Ref,
    Resource,
    annotations_of,
    dig,
    group_of,
    is_established,
    kind_of,
    metadata_of,
    ref_of,
)
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
_MIRROR = "kubernetes.io/config.mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"

FEW = 5
"""Namespaces that are listed one by one; beyond, the whole cluster is, in fewer requests."""

NOTHING = frozenset({404, 405})
"""Answers to a list that say that there is none: the kind went since discovery, or cannot be listed at all."""

Sets = Collection[tuple[str, str]]
"""StatefulSets that this run made, as (namespace, name)."""

Kinds = Collection[tuple[str, str]]
"""Kinds as (group, kind)."""


def sets_of(progress: Progress) -> Sets:
    """The StatefulSets that this run made at any time: going back, they are gone before what they have left."""
    refs = (Ref.of_json(i.action.params["ref"]) for i in progress.intents() if i.action.kind == "create")
    return {(ref.namespace, ref.name) for ref in refs if ref.kind == "StatefulSet"}


def foreign(obj: Object, run: RunId, sets: Sets, judged: Kinds | None = None) -> bool:
    """Whether an object is neither this run's, nor made by the servers, nor left by a StatefulSet of this run.

    What has an owner of a kind that is `judged` beside it goes where its owner goes; what is going already is nobody's
    any more. An owner without a namespace is seen by nobody here, so that only its own mark speaks for an object.
    Without `judged` every owner counts, for who asks what may go along.
    """
    metadata, ref = metadata_of(obj), ref_of(obj)
    if annotations_of(obj).get(marks.RUN) == run or metadata.get("deletionTimestamp"):
        return False
    owners = metadata.get("ownerReferences") or ()
    if any(judged is None or (group_of(owner), kind_of(owner)) in judged for owner in owners):
        return False
    kind = (ref.group, ref.kind)
    if kind in ECHOES or (*kind, ref.name) in GIVEN:
        return False
    if kind == ("", "Pod") and _MIRROR in annotations_of(obj):
        return False  # it only tells of what a kubelet runs from a file of its node, and that goes on
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
    judged = _namespaced(served)
    found: dict[str, list[Ref]] = defaultdict(list)
    for resource in listable(served):
        if resource.namespaced and "delete" in resource.verbs:
            for scope in sorted(namespaces) if len(namespaces) <= FEW else ("",):
                for ref in _foreign(cluster, resource, scope, run, sets, judged):
                    if ref.namespace in namespaces and ref not in found[ref.namespace]:
                        found[ref.namespace].append(ref)
    return found


def under(cluster: Cluster, definition: Object, run: RunId) -> list[Ref]:
    """The foreign objects of the kind that a definition defines; raises a DoorError where they cannot be listed.

    Only a definition that is not Established has none because its kind is not served.
    """
    group = dig(definition, "spec", "group", default="")
    plural = dig(definition, "spec", "names", "plural", default="")
    served = cluster.resources()
    down = {name.rpartition("/")[0]: why for name, why in cluster.undiscovered.items()}
    if group in down:
        message = f"{group} cannot be looked into: {down[group]}"
        raise Refused(message)
    resource = next((r for r in served if (r.group, r.plural) == (group, plural)), None)
    if resource is None:
        if is_established(definition):
            message = f"{plural}.{group} cannot be looked into: it is Established, and not served"
            raise Refused(message)
        return []
    judged = _namespaced(served) | {(resource.group, resource.kind)}
    # a page that begins again may bring an object twice
    return list(dict.fromkeys(_foreign(cluster, resource, "", run, (), judged)))


def _namespaced(served: Iterable[Resource]) -> frozenset[tuple[str, str]]:
    """The kinds whose objects can own something only in their own namespace, where they are judged themselves.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
    """
    return frozenset((r.group, r.kind) for r in served if r.namespaced)


def _foreign(
    cluster: Cluster, resource: Resource, scope: str, run: RunId, sets: Sets, judged: Kinds
) -> Iterator[Ref]:
    try:
        for page in cluster.pages(resource, namespace=scope):
            yield from (ref_of(obj) for obj in page if foreign(obj, run, sets, judged))
    except Refused as error:
        if error.status not in NOTHING:
            raise


def _claimed_by(claim: Ref, sets: Sets) -> bool:
    """Whether a claim has the name that a StatefulSet of this run gives: template, set and ordinal."""
    return any(
        namespace == claim.namespace and re.fullmatch(rf".+-{re.escape(name)}-\d+", claim.name)
        for namespace, name in sets
    )
