"""What a server made of an object that was written: where the answer is otherwise than sent or has more, and its warnings."""

from __future__ import annotations

from typing import Any

from migrate import replay
from migrate.actions.reach import Reach, target_of
from migrate.doors.cluster import FIELD_MANAGER
from migrate.model.action import Action
from migrate.model.marks import unmarked
from migrate.model.objects import Object
from migrate.replay.causes import COMPLETED, cause, unasked

CHANGED = "changed"
ADDED = "added"
"""Paths that the server's admission put in, or that it allocated; its defaults are no news."""
KEPT = "kept"
"""Paths that another hand has beside what was sent, among them what an apply gave up and somebody else owns as well."""
WARNED = "warned"

MOST = 50
"""Paths and warnings that the outcome of one object keeps; never values."""


def taken(reach: Reach, action: Action, answer: Object) -> dict[str, Any]:
    """The facts of an outcome that say so; none where the object was taken as it was sent, without a word."""
    side, ref = target_of(action)
    sent = unmarked(reach.bodies.take(action.key) or {})
    cluster, resource = reach.directory.cluster(side), reach.directory.resource(side, ref)
    more = replay.beside(sent, answer)
    told = {
        CHANGED: replay.apart(sent, answer),
        ADDED: [path for path in more if unasked(path, answer)],
        KEPT: [p for p in more if cause(p, answer, ours=FIELD_MANAGER, added=True) != COMPLETED],
        WARNED: cluster.warnings(resource, ref.name, ref.namespace),
    }
    return {name: list(dict.fromkeys(words))[:MOST] for name, words in told.items() if words}
