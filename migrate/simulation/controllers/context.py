"""What every controller is given: the door, the view, the index and the time; and the few writes they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from migrate.doors.cluster import Cluster, Verb, Write
from migrate.model.canonical import digest
from migrate.model.objects import Object, Resource, metadata_of, name_of, namespace_of
from migrate.simulation.controllers.index import Index
from migrate.simulation.controllers.view import Event, Key, View

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass
class Context:
    """One cluster as a controller sees it at one time.

    `pod_cidr` is the range for the nodes' podCIDRs, empty where nodes get none; `run_seconds` is how long a pod that
    ends by itself runs; `calico_gives` says that pods under calico-node are annotated with their address by its
    stand-in; `jumped_from` is set where time jumped over events since then; `unready` says of a pod that it never turns Ready; `fired` is told of each CronJob's firing.
    """

    cluster: Cluster
    view: View
    index: Index
    now: datetime
    pod_cidr: str = ""
    outside: str = "198.18.0.0/16"
    run_seconds: float = 30.0
    calico_gives: bool = False
    jumped_from: datetime | None = None
    unready: Callable[[Key], bool] = lambda _: False
    fired: Callable[[Key, Iterable[datetime]], None] = lambda _key, _times: None
    scratch: dict[str, Any] = field(default_factory=dict)

    def create(self, what: Resource, obj: Mapping[str, Any]) -> Object:
        """Create an object; raises what the door raises."""
        return self.cluster.write(Write(Verb.CREATE, what, name_of(obj), namespace_of(obj), obj))

    def patch(self, what: Resource, obj: Object, patch: Mapping[str, Any], subresource: str = "") -> Object:
        """Patch the object of that name with a JSON merge patch, in the version in which it was read."""
        version = str(obj.get("apiVersion") or what.version).rpartition("/")[
            2
        ]  # an old server may lack the usual one
        write = Write(
            Verb.PATCH, what.at(version), name_of(obj), namespace_of(obj), patch, subresource=subresource
        )
        return self.cluster.write(write)

    def status(self, what: Resource, obj: Object, status: Mapping[str, Any]) -> None:
        """Patch an object's status where it differs."""
        old = obj.get("status") or {}
        changes = {key: value for key, value in status.items() if old.get(key) != value}
        if changes:
            self.patch(what, obj, {"status": changes}, "status")

    def delete(
        self, what: Resource, obj: Object, *, grace: int | None = None, foreground: bool = False
    ) -> None:
        """Delete this very object (by uid); `grace` in seconds, for pods."""
        body = None if grace is None else {"gracePeriodSeconds": grace}
        uid = str(metadata_of(obj).get("uid", ""))
        name, space = name_of(obj), namespace_of(obj)
        self.cluster.write(Write(Verb.DELETE, what, name, space, body, uid=uid, foreground=foreground))

    @cached_property
    def stamp(self) -> str:
        """The time as the API writes it."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")


class Controller(Protocol):
    """One controller: which of its keys an event concerns, and how one of them is set right.

    `watches` are the (group, plural) whose events it is asked about; None is all of them.
    """

    name: str

    @property
    def watches(self) -> frozenset[tuple[str, str]] | None:
        """What it is asked about."""
        ...

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The keys of this controller that an event concerns."""
        ...

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Set one object right; may be called when there is nothing to do."""
        ...


def watching(*kinds: Resource) -> frozenset[tuple[str, str]]:
    """What a controller watches, by its resources."""
    return frozenset((kind.group, kind.plural) for kind in kinds)


def own_key(event: Event, ctx: Context) -> Iterable[Key]:
    """The key of an object whose controller has not seen it as it is; the first events may tell of a seeded world."""
    return () if event.deleted or (event.observed and not ctx.index.fresh) else (event.key,)


def owner_reference(owner: Object) -> dict[str, Any]:
    """The owner reference by which a controller marks what it made."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owner_key(event: Event, kind: str) -> Iterable[Key]:
    """The key of the controlling owner of that kind, if the event's object has one."""
    if not event.owned:
        return ()
    return [
        Key(event.namespace, owner["name"])
        for owner in metadata_of(event.obj).get("ownerReferences") or ()
        if owner.get("controller") and owner.get("kind") == kind
    ]


def suffix(*parts: Any, length: int = 5) -> str:
    """A short word that depends on the parts alone, in the letters of generated names."""
    number = int(digest(list(parts))[:24], 16)
    word = ""
    for _ in range(length):
        number, place = divmod(number, len(_LETTERS))
        word += _LETTERS[place]
    return word


def pod_from(template: Mapping[str, Any], owner: Object, name: str, **labels: str) -> dict[str, Any]:
    """A pod as a controller makes it from its template."""
    metadata = template.get("metadata") or {}
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace_of(owner),
            "labels": {**(metadata.get("labels") or {}), **labels},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": dict(template["spec"]),
    }
    if metadata.get("annotations"):
        made["metadata"]["annotations"] = dict(metadata["annotations"])
    return made


def conditions_with(old: Object, stamp: str, *wanted: tuple[str, bool, str, str]) -> list[dict[str, Any]]:
    """The conditions of a status with these set, each as (type, state, reason, message); times move on a change."""
    found = {c["type"]: dict(c) for c in (old.get("status") or {}).get("conditions") or ()}
    for kind, state, reason, message in wanted:
        word = "True" if state else "False"
        was = found.get(kind)
        if was is not None and (was.get("status"), was.get("reason")) == (word, reason):
            continue
        moved = stamp if was is None or was.get("status") != word else was.get("lastTransitionTime", stamp)
        found[kind] = {
            "type": kind,
            "status": word,
            "reason": reason,
            "message": message,
            "lastTransitionTime": moved,
        }
    return list(found.values())
