"""Tell of each object that differs on green why: its owners are read again, by the pages of a list where these are fewer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from migrate.actions.seeing import DEARER, MANY
from migrate.actions.taken import CHANGED
from migrate.doors.cluster import FIELD_MANAGER, PAGE
from migrate.engine.step import Scene
from migrate.errors import Refused
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, ref_of
from migrate.replay import Difference
from migrate.replay.causes import cause
from migrate.replay.parity import parted
from migrate.steps import as_sent


def explained(scene: Scene, green: Inventory, found: Iterable[Difference]) -> Sequence[Difference]:
    """The differences with the cause of each path, and what green completed apart from the rest.

    `green` was read without the owners, which are up to half of it. A kind at a time, and of it nothing but the page at hand is held. What cannot be read again, or is gone by now,
    stands without its causes.
    """
    told = {difference.ref: difference for difference in found}
    open_: dict[Resource, set[Ref]] = defaultdict(set)
    for ref, difference in told.items():
        resource = green.resource(ref.kind, ref.group)
        if difference.paths and resource is not None:
            open_[resource].add(ref)
    for resource, refs in open_.items():
        for obj in _owned(scene, resource, refs, len(green.objects.get(resource, ()))):
            told[ref_of(obj)] = _with_causes(scene, told[ref_of(obj)], obj)
    return tuple(part for difference in told.values() for part in parted(difference))


def _owned(scene: Scene, resource: Resource, refs: set[Ref], stand: int) -> Iterator[Object]:
    """The objects with their owners, of a kind of which so many `stand` on green."""
    try:
        if len(refs) >= MANY and (stand // PAGE + 1) * DEARER <= len(refs):
            for page in scene.doors.green.pages(resource, ownership=True):
                yield from (obj for obj in page if ref_of(obj) in refs)
            return
    except Refused:
        return  # no longer served, or no longer to be listed
    for ref in refs:
        if obj := _read(scene, resource, ref):
            yield obj


def _read(scene: Scene, resource: Resource, ref: Ref) -> Object | None:
    try:
        return scene.doors.green.get(resource, ref.name, ref.namespace)
    except Refused:
        return None  # who may list may be refused to get


def _with_causes(scene: Scene, difference: Difference, obj: Object) -> Difference:
    answered = as_sent.answered(scene.progress, difference.ref).get(CHANGED, ())
    causes = (
        cause(path, obj, answered=answered, ours=FIELD_MANAGER, added=path in difference.added)
        for path in difference.paths
    )
    return replace(difference, causes=tuple(causes))
