"""Give what a manager owns of an object over to those who own the same fields of another one, as its copy's maker does.

Paths of two versions are of two schemas, so only entries of one apiVersion have anything in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migrate.model.marks import is_ours
from migrate.model.objects import Object
from migrate.model.ownership import APPLY, UPDATE, Entry, Fields, Owner, entries_of, gathered, owner_of

_ITSELF = "."


def ceded(obj: Object, manager: str, owners: Sequence[Entry]) -> list[Entry] | None:
    """The managedFields with the manager's fields in the hands of `owners`; None where only our marks are the manager's.

    Each owner gets what it has in common with the manager. What nobody of them has is nobody's: the first to apply it has it.
    """
    mine = _of(obj, manager)
    kept = [{**entry, "fieldsV1": marks} for entry in mine if (marks := _marks(entry.get("fieldsV1") or {}))]
    if [entry["fieldsV1"] for entry in kept] == [entry.get("fieldsV1") for entry in mine]:
        return None
    others = [entry for entry in entries_of(obj) if entry not in mine]
    return gathered([*others, *shares(obj, manager, owners), *kept])


def shares(obj: Object, manager: str, owners: Sequence[Entry]) -> list[Entry]:
    """What of the manager's fields each of `owners` has, too; an owner that has none is left out."""
    return gathered(
        {**owner, "fieldsV1": both}
        for owner in owners
        for entry in _of(obj, manager)
        if owner.get("manager") != manager and owner.get("apiVersion") == entry.get("apiVersion")
        if (both := common(owner.get("fieldsV1") or {}, entry.get("fieldsV1") or {}))
    )


def reclaimed(obj: Object, before: Sequence[Entry], given: Sequence[Entry]) -> list[Entry] | None:
    """The managedFields as they were `before` something was `given` away; None where they are that already.

    Who has come since stays an owner: what was changed then is not written over unasked.
    """
    known = {owner_of(entry) for entry in (*before, *given)}
    entries = [*before, *(entry for entry in entries_of(obj) if owner_of(entry) not in known)]
    return None if _fields(entries) == _fields(entries_of(obj)) else entries


def common(one: Fields, other: Fields) -> Fields:
    """The fields in both sets: a field itself where both have it, and what is below it likewise."""
    result: dict[str, Any] = {}
    for word in one.keys() & other.keys() - {_ITSELF}:
        below = common(one[word], other[word])
        itself = all(not fields or _ITSELF in fields for fields in (one[word], other[word]))
        if below or itself:
            result[word] = {_ITSELF: {}, **below} if below and itself else below
    return result


def _of(obj: Object, manager: str) -> list[Entry]:
    """The entries of a manager for the object itself, subresources apart."""
    own = [(manager, operation, "") for operation in (APPLY, UPDATE)]
    return [entry for entry in entries_of(obj) if owner_of(entry)[:3] in own]


def _fields(entries: Sequence[Entry]) -> dict[Owner, Any]:
    return {owner_of(entry): entry.get("fieldsV1") for entry in entries}


def _marks(fields: Fields) -> Fields:
    annotations = fields.get("f:metadata", {}).get("f:annotations", {})
    ours = {word: below for word, below in annotations.items() if is_ours(word.removeprefix("f:"))}
    return {"f:metadata": {"f:annotations": ours}} if ours else {}
