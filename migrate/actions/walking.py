"""Find objects with their owners as a list comes by them: for whoever asks batch by batch, in the order of the list.

Its pages are read once, and no more than one is held. The order spares requests and decides nothing: what was not met is
not known to be absent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from migrate.actions.seeing import DEARER, MANY
from migrate.doors.cluster import Cluster
from migrate.model.objects import Object, Resource, name_of, namespace_of

Place = tuple[str, str]
"""Namespace and name."""


class Walk:
    """One walk along the list of a kind."""

    def __init__(self, cluster: Cluster, resource: Resource) -> None:
        self._pages = cluster.pages(resource, ownership=True)
        self._page: Sequence[Object] = ()

    def met(self, wanted: Collection[Place]) -> dict[Place, Object]:
        """The wanted objects that the list came by, up to the last of them; a few are worth no page beyond the one at hand.

        It stops where it has cost as much as reading each. Raises a DoorError, and meets nobody any more then.
        """
        found = self._at_hand(wanted)
        left, cost = set(wanted) - found.keys(), 0
        while left and len(wanted) >= MANY and cost < len(wanted) and not self._beyond(left):
            page = next(self._pages, None)
            if page is None:
                break
            self._page, cost = page, cost + DEARER
            found |= self._at_hand(left)
            left -= found.keys()
        return found

    def _at_hand(self, wanted: Collection[Place]) -> dict[Place, Object]:
        return {place: obj for obj in self._page if (place := place_of(obj)) in wanted}

    def _beyond(self, left: Collection[Place]) -> bool:
        """Whether the page at hand ends behind all that is left, whichever of two orders the server has.

        Where one namespace's name begins with another's, a dash decides: etcd's keys are in the order of `namespace/name`.
        """
        if not self._page:
            return False
        last = place_of(self._page[-1])
        return last >= max(left) and "/".join(last) >= max(map("/".join, left))


def place_of(obj: Object) -> Place:
    """Where an object is in the list of its kind."""
    return namespace_of(obj), name_of(obj)
