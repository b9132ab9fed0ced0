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
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.errors import DoorError, NotFound, Refused, Unauthorized
from migrate.model.action import Action
from migrate.model.canonical import canonical
from migrate.model.marks import PRIOR
from migrate.model.objects import Object, Ref, Resource, annotations_of, controller_of, name_of, namespace_of
from migrate.model.progress import Progress
from migrate.replay import kinds
from migrate.replay.edits import composed, replaced

COPIES = "copies"
"""The parameter of a patch that takes a note away whose object's controller has copied it: the kind that it copies to."""

LEFT = "left"
"""The fact of an outcome that names the copies which stay, a line each."""

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


def with_copies(unnoting: Action) -> Action:
    """The patch that takes a note away, bound to its object's UID, told where it has to look for copies of the note."""
    kind = _COPIED_TO.get(target_of(unnoting)[1][:2])
    return replace(unnoting, params={**unnoting.params, COPIES: list(kind)}) if kind else unnoting


def copied(reach: Reach, action: Action) -> bool:
    """Whether what an object's controller made still carries the note that the way back takes away.

    Where that may not be seen the act is done again, which tells so.
    """
    if not action.params.get(COPIES):
        return False
    try:
        return bool(_copies(reach, action)[1])
    except DoorError as error:
        if _decided(error):
            return True
        raise


def take_copies(reach: Reach, action: Action) -> Sequence[str]:
    """Take the note off what the object's controller made; a line for each that may not be seen or changed.

    Nobody acts by a copy, so a refusal is told, and is not worth a way back. Raises any other DoorError.
    """
    if not action.params.get(COPIES):
        return ()
    try:
        resource, found = _copies(reach, action)
    except DoorError as error:
        if _decided(error):
            return [_unseen(action, error)]
        raise
    stays = []
    writes = [
        Write(Verb.PATCH, resource, name_of(obj), namespace_of(obj), replaced({}, _NOTE, None))
        for obj in found
    ]
    for obj, answer in zip(found, _side(reach, action).write_many(writes), strict=True):
        if not isinstance(answer, DoorError) or isinstance(answer, NotFound):
            continue
        if not _decided(answer):
            raise answer
        stays.append(_stays(action, name_of(obj), answer))
    return stays


def _decided(error: DoorError) -> bool:
    """Whether a server has refused for good; of credentials that ran out everything else would be refused, too."""
    return isinstance(error, Refused) and not isinstance(error, Unauthorized)


def left(progress: Progress) -> Mapping[Ref, Sequence[str]]:
    """The copies that this run could not take away, as the latest try of each object told: lines that say how to."""
    said: dict[Ref, Sequence[str]] = {}
    for intent in progress.intents():
        if COPIES in intent.action.params and intent.outcome is not None:
            said[target_of(intent.action)[1]] = intent.outcome.facts.get(LEFT, ())
    return {ref: lines for ref, lines in said.items() if lines}


def _stays(action: Action, name: str, error: DoorError) -> str:
    side, ref = target_of(action)
    group, kind = action.params[COPIES]
    typed = f"kubectl annotate {kind.lower()}.{group} {name} -n {ref.namespace} {PRIOR}-"
    return f"our note stays on {side}'s {kind} {ref.namespace}/{name} ({error}); take it away: {typed}"


def _unseen(action: Action, error: DoorError) -> str:
    side, ref = target_of(action)
    group, kind = action.params[COPIES]
    typed = f"kubectl annotate {kind.lower()}.{group} -n {ref.namespace} --all {PRIOR}-"
    return f"our note may stay on what {side} has made for {ref} ({error}); take it away: {typed}"


def _copies(reach: Reach, action: Action) -> tuple[Resource, Sequence[Object]]:
    side, ref = target_of(action)
    group, kind = action.params[COPIES]
    resource = reach.directory.resource(side, Ref(group, kind, ref.namespace, ""))
    pages = _side(reach, action).pages(resource, namespace=ref.namespace)
    mine = (
        obj for page in pages for obj in page if (controller_of(obj) or {}).get("uid") == action.params["uid"]
    )
    return resource, [obj for obj in mine if PRIOR in annotations_of(obj)]


def _side(reach: Reach, action: Action) -> Cluster:
    return reach.directory.cluster(target_of(action)[0])


def _note_of(obj: Object) -> Mapping[str, Any]:
    """The note that an object carries; none where somebody has made it unreadable."""
    try:
        note = json.loads(annotations_of(obj).get(PRIOR, "{}"))
    except ValueError:
        return {}
    return note if isinstance(note, Mapping) else {}
