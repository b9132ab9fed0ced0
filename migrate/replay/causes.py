"""Why a field of green is otherwise than decided, as far as the server's answers and managedFields tell it.

A manager's name is what tells a controller from a person: `kube-controller-manager`, `kubectl-edit`. It guards against
oversight and not against intent: anybody may write under any name.
"""

from __future__ import annotations

from collections.abc import Collection

from migrate.model.objects import Object
from migrate.model.ownership import Entry, entries_of, owners_at, resolved

ADMITTED = "green's admission, as it was written"
DROPPED = "green's server dropped it as it was written"
OURS = "last written by this run"
TAKEN = "taken away on green, nobody says by whom"
COMPLETED = "added by green's server, its admission or its control plane"
UNKNOWN = "not known"

CONTROL_PLANE = frozenset(
    {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager", "kubelet"}
)
"""The managers under which a cluster completes what it is given, such as the class of a claim that names none."""


def cause(path: str, found: Object, *, answered: Collection[str] = (), ours: str, added: bool = False) -> str:
    """Who or what made the field at a path what it is in `found`, which must have its managedFields.

    `answered` are the paths at which green's answer to the write was otherwise than sent already; `ours` is this
    program's field manager. What was `added` to what we sent, and no other hand has, is the cluster's own doing: a
    server counts its defaults as its writer's, and what it allocates and its webhooks put in as nobody's.
    Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
    """
    steps = resolved(found, path)
    if steps is None:
        return DROPPED if path in answered else TAKEN
    owners = owners_at(found, steps)
    passing = {ours, *CONTROL_PLANE} if added else {ours}
    others = [entry for entry in owners if entry.get("manager") not in passing]
    if others:
        return _named(max(others, key=lambda entry: str(entry.get("time", ""))))
    if added:
        return (
            COMPLETED if entries_of(found) else UNKNOWN
        )  # not every server that is aggregated keeps owners at all
    if path in answered:
        return ADMITTED
    return OURS if owners else UNKNOWN


def unasked(path: str, found: Object) -> bool:
    """Whether nobody has asked for the field at a path: the server allocated it, or a webhook put it in."""
    steps = resolved(found, path)
    return steps is not None and not owners_at(found, steps)


def _named(entry: Entry) -> str:
    part = f" by {entry['subresource']}" if entry.get("subresource") else ""
    at = f" at {entry['time']}" if entry.get("time") else ""
    return f"{entry.get('manager') or 'a manager without a name'}{part}{at}"
