"""The simulated API server: the cluster door over the world's file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import orjson

from migrate.doors.cluster import FIELD_MANAGER, PAGE, ClusterIdentity, Write
from migrate.doors.slowed import Slowed
from migrate.errors import DoorError, NotFound, Unreachable
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, dig
from migrate.simulation import refusals
from migrate.simulation.failures import Failures
from migrate.simulation.selectors import parsed
from migrate.simulation.served import Registry
from migrate.simulation.store import Key, Store
from migrate.simulation.writing import Writer

TOGETHER = 32
"""Writes a transaction at most: a commit costs about as much as a write."""


class _DryRunDone(Exception):
    def __init__(self, result: Object) -> None:
        super().__init__()
        self.result = result


class SimulatedCluster:
    """One side's API server. Writes by `manager`; only those of the field manager of ours count as effects.

    A call takes no simulated time, and controllers act on it only when the clock sleeps or the world settles.
    """

    def __init__(self, store: Store, side: Side, *, manager: str = FIELD_MANAGER) -> None:
        self._store = store
        self._side = side
        self._manager = manager
        self._registry = Registry(store, side.value)
        self._writer = Writer(store, side.value, self._registry, manager)
        self._failures = Failures(store)
        self._requests = 0
        self._warned: dict[tuple[str, str, str], Sequence[str]] = {}

    @property
    def side(self) -> Side:
        """Which side of the move this cluster is."""
        return self._side

    @property
    def name(self) -> str:
        """The name given when the side was seeded; the side's own word until then."""
        return str((self._store.value(f"cluster:{self._side.value}") or {}).get("name") or self._side.value)

    def identity(self) -> ClusterIdentity:
        """Read who this cluster is."""
        self._called()
        about = self._store.value(f"cluster:{self._side.value}")
        body = self._store.body(Key(self._side.value, "", "namespaces", "", "kube-system"))
        uid = orjson.loads(body)["metadata"]["uid"] if body else ""
        name = about["name"]
        digest = hashlib.sha256(f"{name} {uid}".encode()).hexdigest()
        return ClusterIdentity(uid, about["version"], f"simulated://{self._side.value}/{name}", digest)

    def resources(self) -> Sequence[Resource]:
        """Discover every served resource; a CRD's once it is established."""
        self._called()
        return self._registry.all()

    @property
    def undiscovered(self) -> Mapping[str, str]:
        """The group versions that APIServices promise while nothing answers for them."""
        served = {(r.group, r.version) for r in self._registry.all()}
        found = {}
        for body in self._store.page(
            self._side.value, "apiregistration.k8s.io", "apiservices", "", ("", ""), PAGE
        ):
            spec = (obj := orjson.loads(body)).get("spec") or {}
            group, version = spec.get("group", ""), spec.get("version", "")
            if spec.get("service") and (group, version) not in served and not self._answers(obj):
                found[f"{group}/{version}"] = "the server behind it does not answer"
        return found

    def _answers(self, api_service: Object) -> bool:
        """Whether the backend of an APIService is there, and was not seen to be away."""
        backend = api_service["spec"]["service"]
        key = Key(self._side.value, "", "services", str(backend.get("namespace")), str(backend.get("name")))
        conditions = dig(api_service, "status", "conditions", default=()) or ()
        away = any(c.get("type") == "Available" and c.get("status") == "False" for c in conditions)
        return not away and self._store.body(key) is not None

    def pages(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        limit: int = PAGE,
        ownership: bool = False,
    ) -> Iterator[Sequence[Object]]:
        """List objects by pages in the order of namespace and name; raises NotFound where nothing serves them."""
        try:
            test = parsed(label_selector)
        except ValueError as error:
            raise refusals.bad_request(str(error)) from error
        after = ("", "")
        while True:
            self._called()
            served = self._registry.of(resource).resource
            where = self._side.value, served.group, served.plural, namespace, after, max(limit, 1)
            found = (
                self._store.whole_page(*where) if ownership else map(orjson.loads, self._store.page(*where))
            )
            objects = [self._as_served(served, obj) for obj in found]
            yield [obj for obj in objects if not label_selector or test(obj["metadata"].get("labels") or {})]
            if len(objects) < max(limit, 1):
                return
            last = objects[-1]["metadata"]
            after = (last.get("namespace") or "", last["name"])

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        """Read one object; None where there is none, or where the resource is not served."""
        self._called()
        try:
            served = self._registry.of(resource).resource
        except NotFound:
            return None
        where = namespace if served.namespaced else ""
        found = self._store.get(Key(self._side.value, served.group, served.plural, where, name))
        return self._as_served(served, found) if found is not None else None

    def write(self, write: Write) -> Object:
        """Do one write in a transaction of its own or the one under way; a dry run does everything and takes it back."""
        with self._store.joined():
            answer = self._answer(write)
        if isinstance(answer, DoorError):
            raise answer
        return answer

    def write_many(self, writes: Sequence[Write]) -> Sequence[Object | DoorError]:
        """Do writes one after another, `TOGETHER` in a transaction: killed in between, those before the last border stand."""
        results: list[Object | DoorError] = []
        for first in range(0, len(writes), TOGETHER):
            with self._store.joined():
                results += [self._answer(write) for write in writes[first : first + TOGETHER]]
        return results

    def send_many(self, writes: Sequence[Write]) -> Iterator[Object | DoorError]:
        """Do the writes at once: nothing here is under way."""
        return iter(self.write_many(writes))

    def _answer(self, write: Write) -> Object | DoorError:
        """What one write is answered; that it was received stands, whatever the answer."""
        lost: DoorError | None = None
        try:
            self._called()
            if self._manager == FIELD_MANAGER:
                self._store.next_number(f"requests:{self._side.value}")
                lost = self._failures.strike(self._side, write)
            with self._store.transaction():
                result, changed = self._writer.apply(write)
                if self._writer.warnings:
                    self._warned[write.resource.name, write.namespace, write.name] = self._writer.warnings
                if write.dry_run:
                    raise _DryRunDone(result)
                if changed and self._manager == FIELD_MANAGER:
                    self._count(write, str(result.get("metadata", {}).get("name") or write.name))
        except _DryRunDone as done:
            return self._as_served(write.target, done.result)
        except DoorError as error:
            return error
        return lost or self._as_served(write.target, result)

    def warnings(self, resource: Resource, name: str, namespace: str = "") -> Sequence[str]:
        """Take what the server has warned of when an object was written: fields that a definition's schema lacks."""
        return self._warned.pop((resource.name, namespace, name), ())

    def slowed(self) -> Sequence[Slowed]:
        """Nothing: nobody is turned away here, and time goes by itself."""
        return ()

    def may(self, verb: str, resource: Resource, namespace: str = "") -> bool:
        """Say yes: nobody is refused a right here, unless a fault says so."""
        self._called()
        return self._failures.may(self._side, verb, resource, namespace)

    def requests(self) -> int:
        """How many calls this object has received; the world counts over all of them."""
        return self._requests

    def _called(self) -> None:
        self._requests += 1
        self._reachable()

    def _reachable(self) -> None:
        about = self._store.value(f"cluster:{self._side.value}")
        if about is None:
            raise Unreachable(f"{self._side.value}: no answer; this cluster has not been made")
        if self._manager == FIELD_MANAGER and self._failures.cut(self._side):
            raise Unreachable(f"{self._side.value} ({about['name']}): no answer from the API server")

    def _as_served(self, resource: Resource, obj: Object) -> Object:
        # An object stored in one version is answered in the version asked for; no field is converted.
        if obj.get("kind") == resource.kind and obj.get("apiVersion") != resource.api_version:
            return {**obj, "apiVersion": resource.api_version}
        return obj

    def _count(self, write: Write, name: str) -> None:
        what = write.resource.name + (f"/{write.subresource}" if write.subresource else "")
        where = f"{write.namespace}/{name}" if write.namespace else name
        key = f"{write.verb.value} {self._side.value} {what} {where}"
        self._store.run(
            "INSERT INTO effects VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1", key
        )
