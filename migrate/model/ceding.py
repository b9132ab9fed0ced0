"""Give what a manager owns of an object over to those who own the same fields of another one, as its copy's maker does.

Paths of two versions are of two schemas, so only entries of one apiVersion have anything in common.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from migrate.model.canonical import canonical
from migrate.model.marks import is_ours
from migrate.model.objects import Object
from migrate.model.ownership import (
    APPLY,
    UPDATE,
    Entry,
    Fields,
    Owner,
    common,
    entries_of,
    gathered,
    owner_of,
    union,
    without,
)

_FIELDS = "fieldsV1"

_Whose = tuple[Owner, str]
"""Whose an entry is, and in which version of the API its paths are."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one owner has of what the manager owns by one operation; what nobody has is the share of the manager itself.

    `owner` is its entry of managedFields without the fields, `of` the manager's operation, which has them in the owner's
    apiVersion. `had` of the `fields` was the owner's on this object, too, before anything was ceded. The shares of an
    object are all that the manager owns of it.
    """

    owner: Entry
    of: str
    fields: Fields
    had: Fields

    def as_json(self) -> dict[str, Any]:
        """The share for an intent; sets of fields are text there, a tenth of what they are as mappings in memory."""
        value = {"owner": dict(self.owner), "of": self.of, "fields": canonical(self.fields)}
        return {**value, "had": canonical(self.had)} if self.had else value

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Share:
        """Read back what `as_json` wrote."""
        return cls(
            value["owner"], value["of"], json.loads(value["fields"]), json.loads(value.get("had", "{}"))
        )


def shares(obj: Object, manager: str, owners: Sequence[Entry]) -> list[Share]:
    """Who of `owners`, entries of another object's managedFields, has what of the manager's fields."""
    there = {_whose(entry): _set(entry) for entry in entries_of(obj)}
    others = [owner for owner in gathered(owners) if owner.get("manager") != manager]
    found = []
    for mine in _of(obj, manager):
        of, left = str(mine.get("operation")), _set(mine)
        for owner in others:
            alike = owner.get("apiVersion") == mine.get("apiVersion")
            if alike and (both := common(_set(owner), _set(mine))):
                found.append(Share(_bare(owner), of, both, common(both, there.get(_whose(owner), {}))))
                left = without(left, both)
        found.append(Share(_bare(mine), of, left, {}))
    return found


def has_ceded(obj: Object, manager: str) -> bool:
    """Whether nothing but our marks is the manager's any more."""
    return all(_marks(_set(entry)) == _set(entry) for entry in _of(obj, manager))


def ceded(obj: Object, manager: str, given: Sequence[Share]) -> list[Entry] | None:
    """The managedFields with the manager's fields in the hands of who is given them; None where only our marks are its.

    What is not the manager's any more is not given away. What nobody is given is nobody's: the first to apply it has it.
    """
    if has_ceded(obj, manager):
        return None
    mine = {_whose(entry): entry for entry in _of(obj, manager)}
    parts = [
        _entry(share.owner, common(share.fields, _set(mine[_given_by(share, manager)])))
        for share in given
        if share.owner.get("manager") != manager and _given_by(share, manager) in mine
    ]
    kept = [_entry(entry, _marks(_set(entry))) for entry in mine.values()]
    others = [entry for entry in entries_of(obj) if _whose(entry) not in mine]
    return gathered([*others, *filter(_set, parts), *filter(_set, kept)])


def reclaimed(obj: Object, manager: str, given: Sequence[Share]) -> list[Entry] | None:
    """The managedFields with every share the manager's again; None where it is that already.

    From an owner goes what it was given by us. What it had before or has come to own since, and who has come since, stays:
    what was changed then is not written over unasked.
    """
    taken: dict[_Whose, list[Fields]] = defaultdict(list)
    whole: dict[_Whose, list[Fields]] = defaultdict(list)
    mine: dict[_Whose, Entry] = {}
    for share in given:
        whole[_given_by(share, manager)].append(share.fields)
        if share.owner.get("manager") == manager:
            mine[_whose(share.owner)] = share.owner
        else:
            taken[_whose(share.owner)].append(without(share.fields, share.had))
    back = [_entry(owner, _all(whole[whose])) for whose, owner in mine.items()]
    left = [
        _entry(entry, reduce(without, taken.get(_whose(entry), ()), _set(entry))) for entry in entries_of(obj)
    ]
    entries = gathered(filter(_set, [*back, *left]))
    return None if _sets(entries) == _sets(entries_of(obj)) else entries


def _of(obj: Object, manager: str) -> list[Entry]:
    """The entries of a manager for the object itself, subresources apart."""
    own = [(manager, operation, "") for operation in (APPLY, UPDATE)]
    return [entry for entry in entries_of(obj) if owner_of(entry)[:3] in own]


def _whose(entry: Entry) -> _Whose:
    return owner_of(entry), str(entry.get("apiVersion", ""))


def _given_by(share: Share, manager: str) -> _Whose:
    """Of which entry of the manager a share is."""
    version = str(share.owner.get("apiVersion", ""))
    return _whose({"manager": manager, "operation": share.of, "apiVersion": version})


def _set(entry: Entry) -> Fields:
    fields: Fields = entry.get(_FIELDS) or {}
    return fields


def _sets(entries: Sequence[Entry]) -> dict[_Whose, Fields]:
    return {_whose(entry): _set(entry) for entry in entries}


def _bare(entry: Entry) -> Entry:
    """Whose an entry is, without its fields."""
    return {key: value for key, value in entry.items() if key != _FIELDS}


def _entry(owner: Entry, fields: Fields) -> Entry:
    return {**owner, _FIELDS: fields}


def _all(sets: Sequence[Fields]) -> Fields:
    """The fields of all the sets; an empty one has no member, and to `union` it would be a field itself."""
    return reduce(union, filter(None, sets)) if any(sets) else {}


def _marks(fields: Fields) -> Fields:
    annotations = fields.get("f:metadata", {}).get("f:annotations", {})
    ours = {word: below for word, below in annotations.items() if is_ours(word.removeprefix("f:"))}
    return {"f:metadata": {"f:annotations": ours}} if ours else {}
