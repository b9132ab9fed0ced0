"""What controllers read: objects by key, by kind and by owner, and what has changed since they last looked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import orjson

from migrate.doors.cluster import Cluster
from migrate.errors import NotFound
from migrate.model.objects import Object, Resource, metadata_of, name_of, namespace_of
from migrate.simulation.served import resource


class Key(NamedTuple):
    """What a controller reconciles: one object of its kind."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Event:
    """One object that was written, or that went; `obj` is its last state, read when it is first asked for."""

    group: str
    plural: str
    namespace: str
    name: str
    deleted: bool
    text: str

    @cached_property
    def obj(self) -> Object:
        """The object as it was last seen."""
        found: Object = orjson.loads(self.text)
        return found

    @property
    def key(self) -> Key:
        """The object's own key."""
        return Key(self.namespace, self.name)

    @property
    def observed(self) -> bool:
        """Whether the object's controller has seen its spec as it is now: what changed since is its own status."""
        seen = (self.obj.get("status") or {}).get("observedGeneration")
        return seen is not None and seen == metadata_of(self.obj).get("generation")

    @property
    def owned(self) -> bool:
        """Whether the object names owners; cheap."""
        return '"ownerReferences":[' in self.text


class View(Protocol):
    """Reads for controllers."""

    def get(self, what: Resource, name: str, namespace: str = "") -> Object | None:
        """One object, or None."""
        ...

    def list(self, what: Resource, namespace: str = "") -> Sequence[Object]:
        """All objects of a resource, or of one namespace; empty where it is not served."""
        ...

    def owned(self, uid: str) -> Sequence[tuple[Resource, Object]]:
        """Every object that names `uid` among its owners, with its resource."""
        ...

    def has_uid(self, uid: str) -> bool:
        """Whether an object of that uid is there."""
        ...

    def events(self) -> Sequence[Event]:
        """What was written or went since the last call, in order; the first call gives everything."""
        ...

    def later(self, controller: str, key: Key, due: datetime) -> None:
        """Bring a key back to a controller at a time; a later call for the same key replaces it."""
        ...

    def due(self, now: datetime) -> Sequence[tuple[str, Key]]:
        """Take the keys whose time has come, with their controllers, earliest first."""
        ...


class ListedView:
    """A View over the cluster door alone, by listing: for any API server; slow on a large one."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._objects: dict[tuple[str, str, str, str], tuple[Resource, Object]] = {}
        self._later: dict[tuple[str, Key], datetime] = {}

    def get(self, what: Resource, name: str, namespace: str = "") -> Object | None:
        """One object, read now."""
        return self._cluster.get(what, name, namespace)

    def list(self, what: Resource, namespace: str = "") -> Sequence[Object]:
        """All objects of a resource, read now."""
        try:
            return [obj for page in self._cluster.pages(what, namespace=namespace) for obj in page]
        except NotFound:
            return []

    def owned(self, uid: str) -> Sequence[tuple[Resource, Object]]:
        """Owned objects as of the last call of `events`."""
        return [
            (what, obj)
            for what, obj in self._objects.values()
            if any(owner.get("uid") == uid for owner in metadata_of(obj).get("ownerReferences") or ())
        ]

    def has_uid(self, uid: str) -> bool:
        """Whether an object of that uid was there at the last call of `events`."""
        return any(metadata_of(obj).get("uid") == uid for _, obj in self._objects.values())

    def events(self) -> Sequence[Event]:
        """List everything and compare with the last time."""
        seen = dict(self._everything())
        found = [
            self._event(key, obj, deleted=False)
            for key, (_, obj) in seen.items()
            if key not in self._objects or _version(self._objects[key][1]) != _version(obj)
        ]
        found += [
            self._event(key, obj, deleted=True) for key, (_, obj) in self._objects.items() if key not in seen
        ]
        self._objects = seen
        return found

    def later(self, controller: str, key: Key, due: datetime) -> None:
        """Remember a key until its time."""
        self._later[controller, key] = due

    def due(self, now: datetime) -> Sequence[tuple[str, Key]]:
        """Take the keys whose time has come."""
        found = sorted((when, key) for key, when in self._later.items() if when <= now)
        for _, key in found:
            del self._later[key]
        return [key for _, key in found]

    def _everything(self) -> Iterator[tuple[tuple[str, str, str, str], tuple[Resource, Object]]]:
        for what in self._cluster.resources():
            if "list" in what.verbs:
                for obj in self.list(what):
                    yield (what.group, what.plural, namespace_of(obj), name_of(obj)), (what, obj)

    def _event(self, key: tuple[str, str, str, str], obj: Object, *, deleted: bool) -> Event:
        return Event(*key, deleted, orjson.dumps(obj).decode())


def _version(obj: Object) -> Any:
    return metadata_of(obj).get("resourceVersion")


class Kinds:
    """The resources that controllers name."""

    pods = resource("pods")
    nodes = resource("nodes")
    namespaces = resource("namespaces")
    services = resource("services")
    endpoints = resource("endpoints")
    slices = resource("endpointslices", "discovery.k8s.io")
    service_accounts = resource("serviceaccounts")
    config_maps = resource("configmaps")
    secrets = resource("secrets")
    claims = resource("persistentvolumeclaims")
    volumes = resource("persistentvolumes")
    storage_classes = resource("storageclasses", "storage.k8s.io")
    csi_drivers = resource("csidrivers", "storage.k8s.io")
    attachments = resource("volumeattachments", "storage.k8s.io")
    deployments = resource("deployments", "apps")
    replica_sets = resource("replicasets", "apps")
    stateful_sets = resource("statefulsets", "apps")
    daemon_sets = resource("daemonsets", "apps")
    revisions = resource("controllerrevisions", "apps")
    jobs = resource("jobs", "batch")
    cron_jobs = resource("cronjobs", "batch")
    ingresses = resource("ingresses", "networking.k8s.io")
    autoscalers = resource("horizontalpodautoscalers", "autoscaling")
    crds = resource("customresourcedefinitions", "apiextensions.k8s.io")
    api_services = resource("apiservices", "apiregistration.k8s.io")
