"""The paths and queries of the Kubernetes API (pure); see kubernetes.io/docs/reference/using-api/api-concepts/."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.kube.transport import APPLY_PATCH, JSON, MERGE_PATCH, Request
from migrate.model.objects import Resource

_METHODS = {
    Verb.CREATE: "POST",
    Verb.APPLY: "PATCH",
    Verb.PATCH: "PATCH",
    Verb.REPLACE: "PUT",
    Verb.DELETE: "DELETE",
}
_CONTENT = {Verb.APPLY: APPLY_PATCH, Verb.PATCH: MERGE_PATCH}


def member(resource: Resource, name: str, namespace: str = "", subresource: str = "") -> str:
    """The path of one object, or of its subresource."""
    path = resource.member(name, namespace)
    return f"{path}/{subresource}" if subresource else path


def secret(resource: Resource) -> bool:
    """Whether the server's words about these objects may quote a Secret's value."""
    return resource.kind == "Secret" and not resource.group


def write_request(write: Write) -> Request:
    """The request that does a write.

    Field validation is Warn: an object of blue was pruned by blue's schema, so a field that green does not know is a
    difference of versions. Strict would stop the move for it, Ignore would drop it silently; a warning is collected.
    """
    place = f"{write.namespace}/{write.name}" if write.namespace else write.name
    part = f" ({write.subresource})" if write.subresource else ""
    return Request(
        _METHODS[write.verb],
        f"{_path(write)}{_query(write)}",
        f"{write.verb}{' (dry run)' if write.dry_run else ''} {write.resource.kind} {place}{part}",
        body=_body(write),
        content_type=_CONTENT.get(write.verb, JSON),
        safe=write.dry_run,
        confidential=secret(write.resource),
    )


def _path(write: Write) -> str:
    if write.verb is Verb.CREATE and not write.subresource:
        return _collection(write.target, write.namespace)
    return member(write.target, write.name, write.namespace, write.subresource)


@lru_cache(maxsize=1024)
def _collection(resource: Resource, namespace: str) -> str:
    # thousands of objects go to one of them
    return resource.collection(namespace)


def _query(write: Write) -> str:
    if write.verb is Verb.DELETE:
        return (
            ""  # its options are in its body, and where there is a body the server does not look at the query
        )
    return _options(dry_run=write.dry_run, force=write.verb is Verb.APPLY and write.force)


@lru_cache
def _options(*, dry_run: bool, force: bool) -> str:
    options = {"dryRun": "All"} if dry_run else {}
    options |= {"fieldManager": FIELD_MANAGER, "fieldValidation": "Warn"}
    if force:
        options["force"] = "true"
    return f"?{urlencode(options)}"


def _body(write: Write) -> dict[str, Any]:
    if write.verb is Verb.DELETE:
        return _delete_options(write)
    body = dict(write.body or {})
    if write.verb is not Verb.PATCH and not write.subresource:
        body.setdefault("apiVersion", write.resource.api_version)
        body.setdefault("kind", write.resource.kind)
    if write.uid or write.resource_version or (write.verb is Verb.APPLY):
        # the server takes uid and resourceVersion inside the object as preconditions, for PATCH as for PUT
        metadata: dict[str, Any] = dict(body.get("metadata") or {})
        if write.verb is Verb.APPLY:
            metadata.setdefault("name", write.name)
        if write.uid:
            metadata["uid"] = write.uid
        if write.resource_version:
            metadata["resourceVersion"] = write.resource_version
        body["metadata"] = metadata
    return body


def _delete_options(write: Write) -> dict[str, Any]:
    wanted: Mapping[str, str] = {"uid": write.uid, "resourceVersion": write.resource_version}
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        # always said, as the server's default differs by kind: a Job's would leave its pods
        "propagationPolicy": "Foreground" if write.foreground else "Background",
    }
    if write.dry_run:
        options["dryRun"] = ["All"]
    if preconditions := {key: value for key, value in wanted.items() if value}:
        options["preconditions"] = preconditions
    return options
