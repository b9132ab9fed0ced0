"""How objects go: finalizers, grace, namespaces that empty themselves first.

Owned objects follow in the background; the garbage collector among the controllers does that.
Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from migrate.doors.cluster import FOREGROUND, Write
from migrate.model.objects import Object, dig
from migrate.simulation import refusals
from migrate.simulation.served import Served
from migrate.simulation.store import Key, Store
from migrate.simulation.worldfile import stamp, to_micros

Json = dict[str, Any]

_PROTECTED = {"default", "kube-system", "kube-public"}


class Remover:
    """Deletes on one side; `stored` and `removed` are the writer's ends for what stays and what goes."""

    def __init__(
        self,
        store: Store,
        side: str,
        stored: Callable[[Key, Json, Json], Json],
        removed: Callable[[Key, Json], None],
    ) -> None:
        self._store = store
        self._side = side
        self._stored = stored
        self._removed = removed

    def delete(self, served: Served, key: Key, live: Json, write: Write) -> tuple[Object, bool]:
        """Delete an object, or mark it where something must happen first; whether anything changed."""
        metadata = live["metadata"]
        if write.uid and write.uid != metadata["uid"]:
            raise refusals.precondition(served.resource, write.name, write.uid, metadata["uid"])
        if write.resource_version and write.resource_version != metadata["resourceVersion"]:
            raise refusals.stale(served.resource, write.name)
        namespace = key.plural == "namespaces" and not key.group
        if namespace and key.name in _PROTECTED:
            raise refusals.forbidden(served.resource, key.name, "this namespace may not be deleted")
        grace = self._grace(key, live, write)
        if write.foreground and FOREGROUND not in (metadata.get("finalizers") or ()):
            metadata = {**metadata, "finalizers": [*(metadata.get("finalizers") or ()), FOREGROUND]}
            return self._stored(
                key, self._marked({**live, "metadata": metadata}, grace, namespace=namespace), live
            ), True
        held = bool(metadata.get("finalizers")) or (namespace and bool(dig(live, "spec", "finalizers")))
        if not held and not grace:
            return self.gone(key, live), True
        if metadata.get("deletionTimestamp") and grace == metadata.get("deletionGracePeriodSeconds", 0):
            return live, False
        return self._stored(key, self._marked(live, grace, namespace=namespace), live), True

    def finished(self, obj: Json) -> bool:
        """Whether an object that is being deleted has nothing left to wait for."""
        metadata = obj["metadata"]
        if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
            return False
        if obj["kind"] == "Namespace" and obj["apiVersion"] == "v1":
            return not dig(obj, "spec", "finalizers")
        return not metadata.get("deletionGracePeriodSeconds")

    def gone(self, key: Key, obj: Json) -> Json:
        """Take an object out of the store and return its last state."""
        self._store.remove(key, self._store.next_number("revision"))
        self._removed(key, obj)
        return obj

    def _grace(self, key: Key, live: Json, write: Write) -> int:
        """Seconds that a pod on a node gets to end; a delete's body may shorten them (DeleteOptions)."""
        if key.plural != "pods" or key.group or not dig(live, "spec", "nodeName"):
            return 0
        if dig(live, "status", "phase") in {"Succeeded", "Failed"}:
            return 0
        asked = dig(write.body, "gracePeriodSeconds")
        default = dig(live, "spec", "terminationGracePeriodSeconds", default=30)
        return int(default if asked is None else asked)

    def _marked(self, live: Json, grace: int, *, namespace: bool) -> Json:
        metadata = dict(live["metadata"])
        moment = self._store.now() + timedelta(seconds=grace)
        metadata.setdefault("deletionTimestamp", stamp(to_micros(moment)))
        metadata["deletionGracePeriodSeconds"] = grace
        if "generation" in metadata:
            metadata["generation"] = int(metadata["generation"]) + 1
        marked = {**live, "metadata": metadata}
        if namespace:
            marked["status"] = {**(live.get("status") or {}), "phase": "Terminating"}
        return marked
