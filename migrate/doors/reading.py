"""Read a whole cluster through its door: what the deciders' Inventory is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.errors import Refused
from migrate.model.action import State
from migrate.model.inventory import EVERY_KIND, Inventory
from migrate.model.objects import Object, Resource

# Lists of these cost much and say nothing that is replayed or judged
UNREAD = frozenset({"events", "events.events.k8s.io", "componentstatuses", "podmetrics", "nodemetrics"})


FORBIDDEN = 403
TOLERATED = frozenset({FORBIDDEN, 404, 405})
"""Answers that say "not this resource": no right, not served, no such verb."""


def as_preferred(resource: Resource) -> Resource:
    """Read a resource in the version that its server prefers."""
    return resource


def green_serves(doors: Doors) -> Sequence[Resource]:
    """Discover what green serves; nothing while there is no green."""
    return doors.green.resources() if doors.provisioner.observe().state is State.DONE else ()


def listable(resources: Sequence[Resource]) -> tuple[Resource, ...]:
    """The resources worth reading whole: they can be listed, and show nothing that another one shows better."""
    served = {r.group for r in resources}
    return tuple(
        r for r in resources if "list" in r.verbs and r.name not in UNREAD and _telling(r.group, served)
    )


def unlisted(cluster: Cluster, resources: Sequence[Resource]) -> dict[str, str]:
    """What is worth reading whole and was not among `resources`, just discovered: `*.group` with the reason."""
    served = {r.group for r in resources}
    down = ((name.rpartition("/")[0], why) for name, why in cluster.undiscovered.items())
    return {f"{EVERY_KIND}.{group}": why for group, why in down if _telling(group, served)}


def _telling(group: str, served: Collection[str]) -> bool:
    """Whether a group's objects are more than figures of a moment, or another group's in other words."""
    told_by_definitions = group == "projectcalico.org" and "crd.projectcalico.org" in served
    return not (group.endswith("metrics.k8s.io") or group == "extensions" or told_by_definitions)


def read_inventory(
    cluster: Cluster,
    *,
    only: Collection[tuple[str, str]] = (),
    needed: bool = True,
    namespaces: Collection[str] = ("",),
    ownership: bool = False,
    at: Callable[[Resource], Resource] = as_preferred,
) -> Inventory:
    """Read every object, or those of the (group, kind) pairs in `only`; what may not be listed is named, not dropped.

    A kind of `only` that may not be listed raises Forbidden where `needed`, and is named otherwise; an empty `only`
    reads every kind. `namespaces` narrows namespaced kinds; an empty name is every namespace. `ownership` keeps
    managedFields, as in `Cluster.pages`. `at` chooses the version in which a resource is read, and so the one that its
    objects are in.
    """
    served = cluster.resources()
    resources = tuple(at(r) for r in listable(served) if not only or (r.group, r.kind) in only)
    objects: dict[Resource, list[Object]] = {}
    unreadable = {} if only else unlisted(cluster, served)
    for resource in resources:
        try:
            objects[resource] = _all(
                cluster, resource, namespaces if resource.namespaced else ("",), ownership=ownership
            )
        except Refused as error:
            # a right or a verb that is missing is said; a server in trouble, or a kind that is needed, ends the reading
            if error.status not in TOLERATED or (only and needed and error.status == FORBIDDEN):
                raise
            unreadable[resource.name] = str(error)
    return Inventory(resources, objects, cluster.identity().version, unreadable)


def _all(
    cluster: Cluster, resource: Resource, namespaces: Collection[str], *, ownership: bool
) -> list[Object]:
    # a list that begins again after an expired token may bring an object twice
    found: dict[tuple[str, str], Object] = {}
    for namespace in namespaces:
        for page in cluster.pages(resource, namespace=namespace, ownership=ownership):
            for obj in page:
                metadata = obj["metadata"]
                found[metadata.get("namespace", ""), metadata["name"]] = obj
    return list(found.values())
