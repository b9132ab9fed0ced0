"""Who owns which field of an object, as its managedFields say.

A set of fields is a tree in the wire's own words (`f:spec`, `k:{"name":"web"}`, `v:x`): a leaf is an empty mapping, and
`.` says that what has members below it is itself one. Paths and managers only, no value but those of a set's items.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.model.objects import Object, dig

APPLY = "Apply"
UPDATE = "Update"

Entry = Mapping[str, Any]
Fields = Mapping[str, Any]


def entries_of(obj: Object) -> Sequence[Entry]:
    """The managedFields of an object; none where it was read without them."""
    return dig(obj, "metadata", "managedFields", default=()) or ()


def owns_by(obj: Object, manager: str, operation: str) -> bool:
    """Whether a manager owns fields of the object itself, subresources apart, by an operation."""
    return any(_is(entry, manager, operation) for entry in entries_of(obj))


def as_applied(obj: Object, manager: str) -> Sequence[Entry] | None:
    """The managedFields with what a manager wrote by update counted as applied by it; None where nothing was.

    To the API server a POST and an apply of one manager are two owners: what the apply no longer says would stay,
    owned by the POST. client-go's util/csaupgrade does the same for what kubectl had applied client-side. Entries of
    another apiVersion stay as they are: their paths are of another schema.
    """
    entries = entries_of(obj)
    updates = [entry for entry in entries if _is(entry, manager, UPDATE)]
    if not updates:
        return None
    base = next((entry for entry in entries if _is(entry, manager, APPLY)), updates[0])
    alike = [entry for entry in updates if entry.get("apiVersion") == base.get("apiVersion")]
    if not alike:
        return None
    fields: Fields = base.get("fieldsV1") or {}
    for entry in alike:
        fields = union(fields, entry.get("fieldsV1") or {})
    kept = [entry for entry in entries if entry is not base and entry not in alike]
    return [*kept, {**base, "operation": APPLY, "fieldsV1": fields}]


def union(one: Fields, other: Fields) -> Fields:
    """The fields of either set; a leaf of one that has members below it in the other stays a member itself."""
    if not one or not other:
        below = one or other
        return {".": {}, **below} if below else {}
    result = dict(one)
    for word, below in other.items():
        result[word] = union(result[word], below) if word in result else below
    return result


def _is(entry: Entry, manager: str, operation: str) -> bool:
    found = (entry.get("manager"), entry.get("operation"), entry.get("subresource", ""))
    return found == (manager, operation, "")
