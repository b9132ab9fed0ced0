"""Who keeps an object on blue keeps it on green: at the end what we made there is ceded to blue's managers.

Who owns what is up to half of an object, so both sides are read side by side, and no more than a page of either is held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

from migrate.actions.cede import as_offered, cede
from migrate.actions.walking import Place, Walk, place_of
from migrate.doors.cluster import FIELD_MANAGER, Cluster
from migrate.doors.reading import TOLERATED, listable
from migrate.engine.step import Batches, Scene
from migrate.errors import Refused
from migrate.model import marks
from migrate.model.action import Action
from migrate.model.ceding import has_ceded, shares
from migrate.model.objects import Object, Resource, annotations_of, metadata_of, ref_of
from migrate.model.ownership import Entry, entries_of
from migrate.steps.base import patches

_Kind = tuple[str, str]


def ceded_to_blues(scene: Scene, kinds: Collection[_Kind]) -> Batches:
    """Cede what this run wrote of these kinds, kind by kind, in the order of green's lists.

    It goes by our marks, so they come off later.
    """
    green, blue = _served(scene.doors.green), _served(scene.doors.blue)
    # an object has one turn; what a run has ceded made the journal longer than that, so the next one's turns are later
    turns = count(scene.progress.last.seq if scene.progress.last else 1)
    for kind in sorted(kinds & green.keys()):
        found = _ours(scene, green[kind], _Twins(scene.doors.blue, blue.get(kind)))
        pairs = ((_ceding(obj, owners, next(turns)), as_offered(obj)) for obj, owners in found)
        yield from patches(scene, pairs)


def _served(cluster: Cluster) -> Mapping[_Kind, Resource]:
    return {(r.group, r.kind): r for r in reversed(listable(cluster.resources()))}


def _ceding(obj: Object, owners: Sequence[Entry], turn: int) -> Action:
    uid = str(metadata_of(obj).get("uid", ""))
    return cede(ref_of(obj), uid=uid, shares=shares(obj, FIELD_MANAGER, owners), turn=turn)


def _ours(scene: Scene, resource: Resource, twins: _Twins) -> Iterator[tuple[Object, Sequence[Entry]]]:
    """What of a kind this run wrote and has not ceded, with who owns it on blue."""
    for page in _pages(scene.doors.green, resource):
        mine = {
            place_of(obj): obj
            for obj in page
            if annotations_of(obj).get(marks.RUN) == scene.run and not has_ceded(obj, FIELD_MANAGER)
        }
        owners = twins.owners(mine)
        yield from ((obj, owners.get(place, ())) for place, obj in mine.items())


def _pages(cluster: Cluster, resource: Resource) -> Iterator[Sequence[Object]]:
    try:
        yield from cluster.pages(resource, ownership=True)
    except Refused as error:
        if error.status not in TOLERATED:
            raise


class _Twins:
    """Blue's objects of a kind, found in the order of green's list."""

    def __init__(self, blue: Cluster, resource: Resource | None) -> None:
        self._blue = blue
        self._resource = resource
        self._walk = Walk(blue, resource) if resource is not None else None

    def owners(self, places: Collection[Place]) -> dict[Place, Sequence[Entry]]:
        """Who owns what stands at these places; nobody where that may not be read."""
        if self._walk is None or self._resource is None:
            return {}
        try:
            met = self._walk.met(places)
            for place in set(places) - met.keys():
                namespace, name = place
                if obj := self._blue.get(self._resource, name, namespace):
                    met[place] = obj
        except Refused as error:
            if error.status not in TOLERATED:
                raise
            self._walk = None
            return {}
        return {place: entries_of(obj) for place, obj in met.items()}
