"""Who owns which field of an object, as its managedFields say.

A set of fields is a tree in the wire's own words (`f:spec`, `k:{"name":"web"}`, `v:x`): a leaf is an empty mapping, and
`.` says that what has members below it is itself one. Paths and managers only, no value but those of a set's items.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from migrate.model.objects import Object, dig

APPLY = "Apply"
UPDATE = "Update"

_ITSELF = "."

Entry = Mapping[str, Any]
Fields = Mapping[str, Any]
Owner = tuple[str, str, str, str]


def entries_of(obj: Object) -> Sequence[Entry]:
    """The managedFields of an object; none where it was read without them."""
    return dig(obj, "metadata", "managedFields", default=()) or ()


def owns_by(obj: Object, manager: str, operation: str) -> bool:
    """Whether a manager owns fields of the object itself, subresources apart, by an operation."""
    return any(_is(entry, manager, operation) for entry in entries_of(obj))


def as_applied(obj: Object, manager: str, *, unowned: Collection[str] = ()) -> Sequence[Entry] | None:
    """The managedFields with what a manager wrote by update counted as applied by it; None where nothing is to change.

    To the API server a POST and an apply of one manager are two owners: what the apply no longer says would stay,
    owned by the POST. client-go's util/csaupgrade does the same for what kubectl had applied client-side. Entries of
    another apiVersion stay as they are: their paths are of another schema. The fields at `unowned`, such as
    `spec.replicas`, are the manager's no more: they keep their values whatever it applies.
    """
    entries = entries_of(obj)
    updates = [entry for entry in entries if _is(entry, manager, UPDATE)]
    base = next((entry for entry in entries if _is(entry, manager, APPLY)), updates[0] if updates else None)
    if base is None:
        return None
    alike = [entry for entry in updates if entry.get("apiVersion") == base.get("apiVersion")]
    applied: Fields = base.get("fieldsV1") or {}
    fields = applied
    for entry in alike:
        fields = union(fields, entry.get("fieldsV1") or {})
    for path in unowned:
        fields = _without(fields, [f"f:{key}" for key in path.split(".")])
    if not alike and fields == applied:
        return None
    kept = [entry for entry in entries if entry is not base and entry not in alike]
    return [*kept, {**base, "operation": APPLY, "fieldsV1": fields}]


def set_apart(obj: Object, manager: str, name: str) -> Sequence[Entry] | None:
    """The managedFields with what a manager owns under another name; None where it owns nothing.

    Whatever the manager applies or gives up from now on, these fields are those of somebody else.
    """
    entries = entries_of(obj)
    if not any(owns_by(obj, manager, operation) for operation in (APPLY, UPDATE)):
        return None
    own = [_is(entry, manager, APPLY) or _is(entry, manager, UPDATE) for entry in entries]
    return gathered(
        {**entry, "manager": name, "operation": UPDATE} if mine else entry
        for entry, mine in zip(entries, own, strict=True)
    )


def gathered(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, one for each owner: the server would take the last of an owner's alone.

    Of applies in two versions the first stays: paths of different schemas make no one set.
    """
    found: dict[Owner, Entry] = {}
    for entry in entries:
        owner = owner_of(entry)
        first = found.get(owner)
        if first is None:
            found[owner] = entry
        elif first.get("apiVersion") == entry.get("apiVersion"):
            found[owner] = {
                **first,
                "fieldsV1": union(first.get("fieldsV1") or {}, entry.get("fieldsV1") or {}),
            }
    return list(found.values())


def owner_of(entry: Entry) -> Owner:
    """Whose an entry is: manager, operation, subresource; the server tells updates apart by their apiVersion, too."""
    operation = str(entry.get("operation", ""))
    version = str(entry.get("apiVersion", "")) if operation == UPDATE else ""
    return str(entry.get("manager", "")), operation, str(entry.get("subresource", "")), version


def _without(fields: Fields, words: Sequence[str]) -> Fields:
    """The set without one field; what has no member left goes too, as alone it would own all that is below it."""
    head, *tail = words
    if head not in fields:
        return fields
    below = _without(fields[head], tail) if tail else {}
    rest = {word: inner for word, inner in fields.items() if word != head}
    emptied = not tail or (fields[head] and not below)
    return rest if emptied else {**fields, head: below}


def union(one: Fields, other: Fields) -> Fields:
    """The fields of either set; a leaf of one that has members below it in the other stays a member itself."""
    if not one or not other:
        below = one or other
        return _field(below, itself=True)
    result = dict(one)
    for word, below in other.items():
        result[word] = union(result[word], below) if word in result else below
    return result


def common(one: Fields, other: Fields) -> Fields:
    """The fields in both sets: a field itself where both have it, and what is below it likewise."""
    result: dict[str, Any] = {}
    for word in one.keys() & other.keys() - {_ITSELF}:
        below = common(one[word], other[word])
        itself = _itself(one[word]) and _itself(other[word])
        if below or itself:
            result[word] = _field(below, itself=itself)
    return result


def without(one: Fields, other: Fields) -> Fields:
    """The fields of a set that the other has not: united with what is `common` to them they are the set again."""
    result: dict[str, Any] = {}
    for word in one.keys() - {_ITSELF}:
        if word not in other:
            result[word] = one[word]
            continue
        below = without(one[word], other[word])
        itself = _itself(one[word]) and not _itself(other[word])
        if below or itself:
            result[word] = _field(below, itself=itself)
    return result


def _itself(below: Fields) -> bool:
    """Whether a word of a set is a field itself, and no mere way to those below it."""
    return not below or _ITSELF in below


def _field(below: Fields, *, itself: bool) -> Fields:
    return {_ITSELF: {}, **below} if below and itself else below


def _is(entry: Entry, manager: str, operation: str) -> bool:
    found = (entry.get("manager"), entry.get("operation"), entry.get("subresource", ""))
    return found == (manager, operation, "")


Step = str | int
"""One step into an object: a key, or a position in a list."""


def resolved(value: Any, path: str) -> tuple[Step, ...] | None:
    """The steps of a path such as `spec.ports[0].port` in a value; None where it leads to nothing.

    Keys may have dots and brackets of their own, so only the value tells where one ends.
    """
    if not path:
        return ()
    if isinstance(value, list):
        number, closed, rest = path.removeprefix("[").partition("]")
        position = int(number) if closed and number.isdigit() else len(value)
        below = resolved(value[position], rest.removeprefix(".")) if position < len(value) else None
        return None if below is None else (position, *below)
    if isinstance(value, Mapping):
        for key in value:
            rest = path.removeprefix(key)
            if path.startswith(key) and rest[:1] in {"", ".", "["}:
                below = resolved(value[key], rest.removeprefix("."))
                if below is not None:
                    return (key, *below)
    return None


def owners_at(obj: Object, steps: Sequence[Step]) -> Sequence[Entry]:
    """The entries of managedFields that have a field, one below it, or all of what it is in."""
    return [e for e in entries_of(obj) if _covers(e.get("fieldsV1") or {}, obj, steps)]


def _covers(fields: Fields, value: Any, steps: Sequence[Step]) -> bool:
    if not steps or not fields:
        return True  # a leaf above the field is a list or a map that is owned whole
    step, *rest = steps
    below = value[step]
    if isinstance(step, str):
        return f"f:{step}" in fields and _covers(fields[f"f:{step}"], below, rest)
    return any(_names(word, below) and _covers(fields[word], below, rest) for word in fields)


def _names(word: str, item: Any) -> bool:
    """Whether a word of a set means an item of a list: by its keys, or by its value."""
    how, _, said = word.partition(":")
    if how == "k" and isinstance(item, Mapping):
        # a key that has its default may be left out of the item, as a port's protocol
        return all(item.get(key, wanted) == wanted for key, wanted in json.loads(said).items())
    return how == "v" and bool(json.loads(said) == item)
