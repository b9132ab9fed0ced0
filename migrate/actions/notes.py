"""What was put to rest says itself how it was: a note in an annotation, for whoever has no journal.

Written with the change and taken away with the way back; nothing here reads a note to act by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.actions.merging import reverse
from migrate.actions.reach import Reach, target_of
from migrate.doors.cluster import Verb, Write
from migrate.errors import DoorError, NotFound
from migrate.model.action import Action
from migrate.model.canonical import canonical
from migrate.model.marks import PRIOR
from migrate.model.objects import Object, Ref, Resource, annotations_of, controller_of, name_of
from migrate.replay import kinds
from migrate.replay.edits import composed, replaced

COPIES = "copies"
"""The parameter of a way back whose object's controller has copied the note: the kind that it copies it to."""

_NOTE = ("metadata", "annotations", PRIOR)

_COPIED_TO = {
    kinds.DEPLOYMENT: ("apps", "ReplicaSet"),
    kinds.DAEMON_SET: ("apps", "ControllerRevision"),
    kinds.STATEFUL_SET: ("apps", "ControllerRevision"),
}
"""Where controllers copy a workload's annotations to, and never take one away; source: kube-controller-manager."""

COPIED = frozenset(_COPIED_TO.values())
"""The kinds that have copies."""


def noted(action: Action, obj: Object) -> Action:
    """The patch with its way back written into the object beside the change: a merge patch, null for what was absent.

    A note that stands there is of an act before this one, such as the pause of what is put to rest later: the new one
    says how the object was before either, and the way back leaves the old one.
    """
    change = action.params["patch"]
    back = composed(_note_of(obj), replaced(reverse(obj, change), _NOTE, None))
    return replace(action, params={**action.params, "patch": replaced(change, _NOTE, canonical(back))})


def with_copies(back: Action) -> Action:
    """The way back of a noted patch, told where it has to look for copies of the note."""
    copied = _COPIED_TO.get(target_of(back)[1][:2])
    return replace(back, params={**back.params, COPIES: list(copied)}) if copied else back


def copied(reach: Reach, action: Action) -> bool:
    """Whether what an object's controller made still carries the note that the way back takes away."""
    return bool(action.params.get(COPIES)) and bool(_copies(reach, action)[1])


def take_copies(reach: Reach, action: Action) -> DoorError | None:
    """Take the note off what the object's controller made; the refusal of the first that is refused."""
    if not action.params.get(COPIES):
        return None
    resource, found = _copies(reach, action)
    writes = [
        Write(
            Verb.PATCH, resource, name_of(obj), action.params["ref"]["namespace"], replaced({}, _NOTE, None)
        )
        for obj in found
    ]
    answers = reach.directory.cluster(target_of(action)[0]).write_many(writes)
    return next((a for a in answers if isinstance(a, DoorError) and not isinstance(a, NotFound)), None)


def _copies(reach: Reach, action: Action) -> tuple[Resource, Sequence[Object]]:
    side, ref = target_of(action)
    group, kind = action.params[COPIES]
    resource = reach.directory.resource(side, Ref(group, kind, ref.namespace, ""))
    pages = reach.directory.cluster(side).pages(resource, namespace=ref.namespace)
    mine = (
        obj for page in pages for obj in page if (controller_of(obj) or {}).get("uid") == action.params["uid"]
    )
    return resource, [obj for obj in mine if PRIOR in annotations_of(obj)]


def _note_of(obj: Object) -> Mapping[str, Any]:
    """The note that an object carries; none where somebody has made it unreadable."""
    try:
        note = json.loads(annotations_of(obj).get(PRIOR, "{}"))
    except ValueError:
        return {}
    return note if isinstance(note, Mapping) else {}
