"""Write anew who owns which field of an object: over the version that was read, and no field changes by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from migrate.actions.reach import TRIES, Reach, target_of
from migrate.doors.cluster import Verb, Write
from migrate.errors import Conflict
from migrate.model.action import Action
from migrate.model.objects import Object, Ref, Resource, metadata_of
from migrate.model.ownership import Entry

Reowned = Callable[[Object], Sequence[Entry] | None]
"""The managedFields that an object is to have; None where they are right."""


def reown(reach: Reach, action: Action, wanted: Reowned) -> None:
    """Give the object of an Action the managedFields that are `wanted`; done twice it is done once.

    Raises Conflict where it is written over all the time, and what `wanted` raises.
    """
    side, ref = target_of(action)
    resource = reach.directory.resource(side, ref)
    stale = Conflict(f"{ref} is written over all the time", status=409, reason="Conflict")
    for _ in range(TRIES):
        obj = reach.get(action)
        entries = wanted(obj) if obj is not None else None
        if obj is None or entries is None:
            return  # the UID that the next write insists on will say what is gone
        try:
            reach.directory.cluster(side).write(reowned(resource, ref, obj, entries))
        except Conflict as error:
            stale = error  # a controller has said a word of its status: the next look is at a later version
        else:
            return
    raise stale


def reowned(resource: Resource, ref: Ref, obj: Object, entries: Sequence[Entry]) -> Write:
    """The write that gives an object, as it was read, these managedFields."""
    read = metadata_of(obj)
    return Write(
        Verb.PATCH,
        resource,
        ref.name,
        ref.namespace,
        {"metadata": {"managedFields": list(entries)}},
        uid=str(read.get("uid", "")),
        resource_version=str(read.get("resourceVersion", "")),
    )
