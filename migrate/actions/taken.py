"""What a server made of an object that was written: where the answer is otherwise than sent, and what it warned of."""

from __future__ import annotations

from typing import Any

from migrate import replay
from migrate.actions.reach import Reach, target_of
from migrate.model.action import Action
from migrate.model.marks import unmarked
from migrate.model.objects import Object

CHANGED = "changed"
WARNED = "warned"

MOST = 50
"""Paths and warnings that the outcome of one object keeps; never values."""


def taken(reach: Reach, action: Action, answer: Object) -> dict[str, Any]:
    """The facts of an outcome that say so; none where the object was taken as it was sent, without a word."""
    side, ref = target_of(action)
    sent = unmarked(reach.bodies.take(action.key) or {})
    cluster, resource = reach.directory.cluster(side), reach.directory.resource(side, ref)
    told = {
        CHANGED: replay.apart(sent, answer),
        WARNED: cluster.warnings(resource, ref.name, ref.namespace),
    }
    return {name: list(dict.fromkeys(words))[:MOST] for name, words in told.items() if words}
