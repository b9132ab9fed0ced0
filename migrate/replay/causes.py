"""Why a field of green is otherwise than decided, as far as the server's answers and managedFields tell it.

A manager's name is what tells a controller from a person: `kube-controller-manager`, `kubectl-edit`. It is told, not
judged: anybody may write under any name.
"""

from __future__ import annotations

from collections.abc import Collection

from migrate.model.objects import Object
from migrate.model.ownership import Entry, owners_at, resolved

ADMITTED = "green's admission, as it was written"
DROPPED = "green's server dropped it as it was written"
OURS = "last written by this run"
TAKEN = "taken away on green, nobody says by whom"
UNKNOWN = "not known"


def cause(path: str, found: Object, *, answered: Collection[str], ours: str) -> str:
    """Who or what made the field at a path what it is in `found`, which must have its managedFields.

    `answered` are the paths at which green's answer to the write was otherwise than sent already; `ours` is this
    program's field manager.
    """
    steps = resolved(found, path)
    if steps is None:
        return DROPPED if path in answered else TAKEN
    owners = owners_at(found, steps)
    others = [entry for entry in owners if entry.get("manager") != ours]
    if others:
        return _named(max(others, key=lambda entry: str(entry.get("time", ""))))
    if path in answered:
        return ADMITTED
    return OURS if owners else UNKNOWN


def _named(entry: Entry) -> str:
    part = f" by {entry['subresource']}" if entry.get("subresource") else ""
    at = f" at {entry['time']}" if entry.get("time") else ""
    return f"{entry.get('manager') or 'a manager without a name'}{part}{at}"
