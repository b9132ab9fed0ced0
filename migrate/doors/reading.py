"""Read a whole cluster through its door: what the deciders' Inventory is made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from migrate.doors.cluster import Cluster
from migrate.errors import Refused
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Resource

# Lists of these cost much and say nothing that is replayed or judged
UNREAD = frozenset({"events", "events.events.k8s.io", "componentstatuses", "podmetrics", "nodemetrics"})


FORBIDDEN = 403
TOLERATED = frozenset({FORBIDDEN, 404, 405})
"""Answers that say "not this resource": no right, not served, no such verb."""


def listable(resources: Sequence[Resource]) -> tuple[Resource, ...]:
    """The resources worth reading whole: they can be listed, and show nothing that another one shows better."""
    calico_crds = any(r.group == "crd.projectcalico.org" for r in resources)
    return tuple(
        r
        for r in resources
        if "list" in r.verbs
        and r.name not in UNREAD
        and not r.group.endswith("metrics.k8s.io")
        and not (r.group == "projectcalico.org" and calico_crds)
        and r.group != "extensions"
    )


def read_inventory(
    cluster: Cluster,
    *,
    only: Collection[tuple[str, str]] = (),
    namespaces: Collection[str] = ("",),
    ownership: bool = False,
) -> Inventory:
    """Read every object, or those of the (group, kind) pairs in `only`; what may not be listed is named, not dropped.

    `namespaces` narrows namespaced kinds; an empty name is every namespace. Only with `ownership` objects keep their
    managedFields: nobody decides by them, and they are up to half of an object.
    """
    resources = tuple(r for r in listable(cluster.resources()) if not only or (r.group, r.kind) in only)
    objects: dict[Resource, list[Object]] = {}
    unreadable: dict[str, str] = {}
    for resource in resources:
        try:
            objects[resource] = _all(
                cluster, resource, namespaces if resource.namespaced else ("",), ownership=ownership
            )
        except Refused as error:
            # a right or a verb that is missing is said; a server in trouble, or a kind that is needed, ends the reading
            if error.status not in TOLERATED or (only and error.status == FORBIDDEN):
                raise
            unreadable[resource.name] = str(error)
    return Inventory(resources, objects, cluster.identity().version, unreadable)


def _all(
    cluster: Cluster, resource: Resource, namespaces: Collection[str], *, ownership: bool
) -> list[Object]:
    # a list that begins again after an expired token may bring an object twice
    found: dict[tuple[str, str], Object] = {}
    for namespace in namespaces:
        for page in cluster.pages(resource, namespace=namespace):
            for obj in page:
                metadata = obj["metadata"]
                if not ownership:
                    metadata = {key: value for key, value in metadata.items() if key != "managedFields"}
                found[metadata.get("namespace", ""), metadata["name"]] = {**obj, "metadata": metadata}
    return list(found.values())
