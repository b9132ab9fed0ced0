"""CustomResourceDefinitions of the beta time, which keep fields that no schema names, in words that v1 takes.

A definition made by apiextensions.k8s.io/v1beta1 may say `preserveUnknownFields: true` and have no schema; in v1 it may
be updated, but not created so. The same is said there by x-kubernetes-preserve-unknown-fields, at every object of the
schema: below the one that has it, an object with properties of its own drops the others again.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.model.objects import Object, dig
from migrate.replay.edits import changed, removed

_KEEP = "x-kubernetes-preserve-unknown-fields"
_ANYTHING = {"openAPIV3Schema": {"type": "object", _KEEP: True}}


def lax(definition: Object) -> bool:
    """Whether a definition keeps fields by a word that v1 refuses in a new one, or has a version without a schema."""
    versions = dig(definition, "spec", "versions") or ()
    return bool(dig(definition, "spec", "preserveUnknownFields")) or any(_bare(v) for v in versions)


def explicit(definition: Object) -> Object:
    """The same definition with what it keeps said in its schemas."""
    keeps = bool(dig(definition, "spec", "preserveUnknownFields"))
    definition = removed(definition, "spec", "preserveUnknownFields")
    return changed(
        definition, ("spec", "versions"), lambda versions: [_version(v, keeps=keeps) for v in versions or ()]
    )


def takes(definition: Object, version: str, path: Sequence[str]) -> bool:
    """Whether a field is kept in a version: it is named by its schema, or stands where anything is; metadata's always is."""
    versions = dig(definition, "spec", "versions") or ()
    found: Object = next((v for v in versions if v.get("name") == version), {})
    if path[0] == "metadata" or dig(definition, "spec", "preserveUnknownFields") or _bare(found):
        return True
    schema = found["schema"]["openAPIV3Schema"]
    for key in path:
        if schema.get(_KEEP):
            return True
        named = (schema.get("properties") or {}).get(key)
        if not isinstance(named, Mapping):
            return False
        schema = named
    return True


def unstructured(definition: Object) -> str:
    """The server's words where a schema is none that v1 takes in a new definition; empty where it is one."""
    for condition in dig(definition, "status", "conditions") or ():
        if condition.get("type") == "NonStructuralSchema" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason") or "its schema is not structural")
    return ""


def _bare(version: Mapping[str, Any]) -> bool:
    return not dig(version, "schema", "openAPIV3Schema")


def _version(version: Object, *, keeps: bool) -> Object:
    if _bare(version):
        return {**version, "schema": _ANYTHING}
    return (
        changed(version, ("schema", "openAPIV3Schema"), lambda s: _kept(s, whole=True)) if keeps else version
    )


def _kept(schema: Any, *, whole: bool = False) -> Any:
    """A schema that keeps what it does not name; `whole` is that of an object with metadata of its own."""
    if not isinstance(schema, Mapping):
        return schema
    found = dict(schema)
    whole = whole or bool(schema.get("x-kubernetes-embedded-resource"))
    if isinstance(schema.get("properties"), Mapping):
        found["properties"] = {
            # what metadata holds is the server's, and a schema may say nothing of it
            name: item if whole and name == "metadata" else _kept(item)
            for name, item in schema["properties"].items()
        }
    for word in ("items", "additionalProperties"):
        if word in schema:
            found[word] = _kept(schema[word])
    if schema.get("type") == "object" and not schema.get("additionalProperties"):
        found[_KEEP] = True
    return found
