"""What a write does to the stored objects: create, apply, patch, replace, delete, and their subresources.

Everything here runs inside the caller's transaction and raises the server's refusals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from migrate.doors.cluster import Verb, Write
from migrate.errors import Conflict
from migrate.model.objects import Object, Resource, dig, is_established
from migrate.simulation import refusals
from migrate.simulation.admission import Admission
from migrate.simulation.allocation import Allocator
from migrate.simulation.custom import conformed
from migrate.simulation.defaults import defaulted, initial_status
from migrate.simulation.fields import fields_of
from migrate.simulation.immutable import changes_refused
from migrate.simulation.ownership import Applied, Ownership
from migrate.simulation.removal import Remover
from migrate.simulation.served import Registry, Served, of_crd
from migrate.simulation.shapes import copied, merge_patched, without
from migrate.simulation.store import Key, Store
from migrate.simulation.subresources import as_scale, job_identity, scaled
from migrate.simulation.validation import problems

Json = dict[str, Any]

# Kinds whose status may be set with the object itself.
_STATUS_AT_CREATE = {"Node", "APIService"}

# Built-in kinds that count generations; custom resources all do.
_GENERATIONS = {
    "CronJob", "CustomResourceDefinition", "DaemonSet", "Deployment", "EndpointSlice", "FlowSchema", "Ingress",
    "IngressClass", "Job", "MutatingWebhookConfiguration", "NetworkPolicy", "Pod", "PodDisruptionBudget",
    "PriorityClass", "PriorityLevelConfiguration", "ReplicaSet", "ReplicationController", "StatefulSet",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
}  # fmt: skip

_WEBHOOKS = {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}

_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                 "managedFields", "selfLink")  # fmt: skip


class Writer:
    """The verbs of one side's server, under one field manager."""

    def __init__(self, store: Store, side: str, registry: Registry, manager: str) -> None:
        self._store = store
        self._side = side
        self._registry = registry
        self._ownership = Ownership(manager)
        self._admission = Admission(store, side)
        self._allocator = Allocator(store, side)
        self._remover = Remover(store, side, self._stored, self._removed)
        self.warnings: list[str] = []

    def apply(self, write: Write) -> tuple[Object, bool]:
        """Do one write; the object as it stands now, and whether anything changed. `warnings` are of the last one."""
        self.warnings = []
        served = self._registry.of(write.target)
        if write.resource.namespaced and not write.namespace:
            raise refusals.bad_request("an empty namespace may not be set when a resource name is provided")
        match write.verb:
            case Verb.CREATE if write.subresource == "binding":
                return self._bind(served, write)
            case Verb.CREATE:
                return self._create(served, write, self._body(served, write)), True
            case Verb.APPLY:
                return self._apply(served, write)
            case Verb.PATCH:
                return self._patch(served, write)
            case Verb.REPLACE:
                return self._replace(served, write)
            case Verb.DELETE:
                live = self._live(served, write)
                return self._remover.delete(served, self._key(served, write), live, write)

    # --- verbs ---------------------------------------------------------------------------------------------------

    def _create(self, served: Served, write: Write, body: Json, operation: str = "Update") -> Object:
        resource = served.resource
        metadata = body["metadata"]
        if metadata.pop("resourceVersion", None):
            raise refusals.bad_request("resourceVersion should not be set on objects to be created")
        for word in _SERVER_OWNED:
            metadata.pop(word, None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self._suffix()
        name = str(metadata.get("name", ""))
        if resource.namespaced:
            self._admission.namespace(resource, write.namespace, name)
        given = without(body, "status") if served.has_status else body
        entries = self._ownership.first(given, operation, self._now())
        key = Key(
            self._side, resource.group, resource.plural, write.namespace if resource.namespaced else "", name
        )
        found = self._prepare(served, body)
        self._admission.webhooks(resource, "CREATE", body, dry_run=write.dry_run)
        if found:
            raise refusals.invalid(resource, name, *found)
        if self._store.body(key) is not None:
            raise refusals.already_exists(resource, name)
        if resource.plural == "services" and not resource.group:
            self._allocator.settle(resource, body, None)
        if resource.kind in _GENERATIONS or served.rank >= 1000:
            metadata["generation"] = 1
        metadata["managedFields"] = entries
        return self._stored(key, body)

    def _prepare(self, served: Served, body: Json) -> list[str]:
        """Default and admit a new object, in place; what is wrong with it."""
        resource = served.resource
        metadata = body["metadata"]
        if served.has_status and resource.kind not in _STATUS_AT_CREATE:
            body.pop("status", None)
        status = initial_status(resource.group, resource.kind)
        if status is not None:
            body["status"] = status
        metadata["creationTimestamp"] = self._now()
        metadata["uid"] = self._uid()
        defaulted(body)
        if served.rank >= 1000:
            self._conform(resource, body)
        if resource.kind == "Job" and resource.group == "batch":
            job_identity(resource, body)
        found = problems(body)
        if not found:  # the plugins may rely on the required fields
            self._admission.fill(resource, body)
        return found

    def _apply(self, served: Served, write: Write) -> tuple[Object, bool]:
        resource = served.resource
        body = self._body(served, write)
        if body["metadata"].get("managedFields"):
            raise refusals.bad_request("metadata.managedFields must be nil")
        wanted = fields_of(body, resource.group, resource.kind)
        live = self._store.get(self._key(served, write))
        if live is None:
            uid = write.uid or body["metadata"].get("uid")
            if uid:
                words = (
                    f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                )
                raise Conflict(words, status=409, reason="Conflict")
            if write.subresource:
                raise refusals.not_found(resource, write.name)
            return self._create(served, write, body, "Apply"), True
        self._preconditions(resource, live, write, body)
        after, lost = self._ownership.applied(live, trimmed(body), wanted, write)
        return self._updated(served, write, live, after, (wanted, lost))

    def _patch(self, served: Served, write: Write) -> tuple[Object, bool]:
        live = self._live(served, write)
        patch = write.body or {}
        self._preconditions(served.resource, live, write, patch)
        if write.subresource == "scale":
            return self._scale(served, write, live, merge_patched(as_scale(live), patch))
        after = merge_patched(live, patch)
        return self._updated(served, write, live, after, None)

    def _replace(self, served: Served, write: Write) -> tuple[Object, bool]:
        body = self._body(served, write) if write.subresource != "scale" else copied(write.body or {})
        live = self._live(served, write)
        self._preconditions(served.resource, live, write, body)
        if write.subresource == "scale":
            return self._scale(served, write, live, body)
        if served.rank >= 1000 and not body["metadata"].get("resourceVersion"):
            words = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            raise refusals.invalid(served.resource, write.name, words)
        return self._updated(served, write, live, body, None)

    def _scale(self, served: Served, write: Write, live: Json, scale: Json) -> tuple[Object, bool]:
        if "scale" not in served.subresources:
            raise refusals.not_found(served.resource, write.name)
        after, changes = self._updated(served, write, live, scaled(live, scale), None)
        return as_scale(after), changes

    def _bind(self, served: Served, write: Write) -> tuple[Object, bool]:
        live = self._live(served, write)
        node = dig(write.body, "target", "name", default="")
        if live["spec"].get("nodeName"):
            words = f'Operation cannot be fulfilled on pods/binding "{write.name}": pod {write.name} is already assigned to node "{live["spec"]["nodeName"]}"'
            raise Conflict(words, status=409, reason="Conflict")
        live["spec"]["nodeName"] = node
        condition = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": self._now(),
        }
        others = [c for c in dig(live, "status", "conditions", default=()) if c["type"] != "PodScheduled"]
        live["status"] = {**(live.get("status") or {}), "conditions": [*others, condition]}
        return self._stored(self._key(served, write), live, live), True

    # --- the common end of every change --------------------------------------------------------------------------

    def _updated(
        self, served: Served, write: Write, live: Json, after: Json, applied: Applied | None
    ) -> tuple[Object, bool]:
        resource = served.resource
        given = (after.get("metadata") or {}).get("managedFields")
        after = self._kept(served, write, live, after)
        if served.rank >= 1000 and write.subresource in {"", "scale", "status"}:
            self._conform(resource, after)
        if write.subresource in {"", "scale"}:
            defaulted(after)
            if resource.plural == "services" and not resource.group:
                self._allocator.settle(resource, after, live)
            found = [*problems(after), *changes_refused(live, after)]
            if found:
                raise refusals.invalid(resource, write.name, *found)
        if not self._ownership.noted(live, after, given, write, applied, self._now()):
            return live, False
        counted = resource.kind in _GENERATIONS or served.rank >= 1000
        if counted and without(live, "metadata", "status") != without(after, "metadata", "status"):
            # what was seeded by hand may have none: the next one is later than what its controller has seen
            seen = live["metadata"].get("generation") or dig(live, "status", "observedGeneration") or 0
            after["metadata"]["generation"] = int(seen) + 1
        if write.subresource != "status":
            self._admission.webhooks(resource, "UPDATE", after, dry_run=write.dry_run)
        key = self._key(served, write)
        if self._remover.finished(after):
            return self._remover.gone(key, after), True
        return self._stored(key, after, live), True

    def _kept(self, served: Served, write: Write, live: Json, after: Json) -> Json:
        """The new state with everything that this way of writing cannot change taken from the live object."""
        if write.subresource in {"status", "finalize"}:
            part = "status" if write.subresource == "status" else "spec"
            kept = {key: value for key, value in live.items() if key != part}
            if part in after:
                kept[part] = after[part]
            return kept
        metadata = {k: v for k, v in (after.get("metadata") or {}).items() if k not in _SERVER_OWNED}
        for key in ("name", "namespace", "resourceVersion", *_SERVER_OWNED):
            if key in live["metadata"]:
                metadata[key] = live["metadata"][key]
        result = {**after, "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata}
        if served.has_status:
            result.pop("status", None)
            if "status" in live:
                result["status"] = live["status"]
        if live["metadata"].get("deletionTimestamp"):
            fresh = set(metadata.get("finalizers") or ()) - set(live["metadata"].get("finalizers") or ())
            if fresh:
                words = f"metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {sorted(fresh)}"
                raise refusals.invalid(served.resource, write.name, words)
        return result

    def _stored(self, key: Key, body: Json, before: Json | None = None) -> Json:
        body["metadata"] = {**body["metadata"], "resourceVersion": str(self._store.next_number("revision"))}
        self._store.put(key, body, before=before)
        if key.plural == "customresourcedefinitions" and is_established(body):
            self._registry.add(of_crd(body))
        if key.plural in _WEBHOOKS:
            self._store.next_number(f"hooks:{self._side}")
        return body

    def _removed(self, key: Key, body: Json) -> None:
        if key.plural == "services" and not key.group:
            self._allocator.release(body)
        if key.plural in _WEBHOOKS:
            self._store.next_number(f"hooks:{self._side}")
        if key.plural == "customresourcedefinitions":
            group, plural = body["spec"]["group"], body["spec"]["names"]["plural"]
            for text in self._store.page(self._side, group, plural, "", ("", ""), 1_000_000):
                metadata = orjson.loads(text)["metadata"]
                gone = Key(self._side, group, plural, metadata.get("namespace") or "", metadata["name"])
                self._store.remove(gone, self._store.next_number("revision"))
            self._registry.drop(group, plural)

    # --- small parts ---------------------------------------------------------------------------------------------

    def _key(self, served: Served, write: Write) -> Key:
        resource = served.resource
        return Key(
            self._side,
            resource.group,
            resource.plural,
            write.namespace if resource.namespaced else "",
            write.name,
        )

    def _live(self, served: Served, write: Write) -> Json:
        live = self._store.get(self._key(served, write))
        if live is None:
            raise refusals.not_found(served.resource, write.name)
        return live

    def _body(self, served: Served, write: Write) -> Json:
        """The body as ours, checked against the address it was sent to."""
        body: Json = copied(write.body or {})
        resource = served.resource
        metadata = body["metadata"] = dict(body.get("metadata") or {})
        given = (body.get("apiVersion", resource.api_version), body.get("kind", resource.kind))
        if given != (resource.api_version, resource.kind):
            words = f"the API version in the data ({given[0]}, {given[1]}) does not match the expected API version ({resource.api_version}, {resource.kind})"
            raise refusals.bad_request(words)
        if metadata.get("name", write.name) != write.name:
            raise refusals.bad_request("the name of the object does not match the name on the URL")
        if resource.namespaced and metadata.get("namespace", write.namespace) != write.namespace:
            raise refusals.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        head: Json = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        if write.name:
            metadata["name"] = write.name
        if resource.namespaced:
            metadata["namespace"] = write.namespace
        return {**head, **without(body, "apiVersion", "kind", "metadata")}

    def _preconditions(self, resource: Resource, live: Json, write: Write, body: Mapping[str, Any]) -> None:
        metadata = body.get("metadata") or {}
        uid, version = (
            write.uid or metadata.get("uid"),
            write.resource_version or metadata.get("resourceVersion"),
        )
        if uid and uid != live["metadata"]["uid"]:
            raise refusals.precondition(resource, write.name, str(uid), live["metadata"]["uid"])
        if version and version != live["metadata"]["resourceVersion"]:
            raise refusals.stale(resource, write.name)

    def _conform(self, resource: Resource, body: Json) -> None:
        crd = self._store.body(
            Key(
                self._side,
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "",
                f"{resource.plural}.{resource.group}",
            )
        )
        found, dropped = conformed(_definition(crd), resource.version, body) if crd else ([], [])
        self.warnings += [f'unknown field "{path}"' for path in dropped]
        if found:
            raise refusals.invalid(resource, body["metadata"].get("name", ""), *found)

    def _now(self) -> str:
        return self._store.stamp()

    def _uid(self) -> str:
        number = self._store.next_number("uids")
        name = (self._store.value(f"cluster:{self._side}") or {}).get("name", "")
        seed = self._store.number("seed")
        text = hashlib.sha256(f"{seed} {self._side} {name} {number}".encode()).hexdigest()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"

    def _suffix(self) -> str:
        letters = "bcdfghjklmnpqrstvwxz2456789"
        digest = hashlib.sha256(f"{self._uid()}".encode()).digest()
        return "".join(letters[byte % len(letters)] for byte in digest[:5])


@lru_cache(maxsize=64)
def _definition(text: str) -> Json:
    """A CRD, parsed once for thousands of its objects; nobody may change it."""
    found: Json = orjson.loads(text)
    return found


def trimmed(body: Json) -> Json:
    """What an apply may set: the body without preconditions and what only the server writes."""
    return {**body, "metadata": without(body["metadata"], "uid", "resourceVersion", *_SERVER_OWNED)}
