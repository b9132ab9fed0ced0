"""Which resource serves a kind on a cluster: discovery, kept for the run and refreshed when a kind is missing."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.errors import NotFound
from migrate.model.ids import Side
from migrate.model.objects import Ref, Resource


class Directory:
    """Finds the resource of a reference on either side."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._known: dict[Side, Mapping[tuple[str, str], Resource]] = {}

    def resource(self, side: Side, ref: Ref) -> Resource:
        """The resource that serves a reference's kind; raises NotFound where the cluster serves none."""
        kind = (ref.group, ref.kind)
        if kind not in self._known.get(side, {}):
            self.refresh(side)
        found = self._known[side].get(kind)
        if found is None:
            message = f"{self.cluster(side).name} serves no {ref.kind} of group {ref.group or 'core'!r}"
            raise NotFound(message, status=404, reason="NotFound")
        return found

    def refresh(self, side: Side) -> None:
        """Discover again, as after new CustomResourceDefinitions."""
        self._known[side] = {(r.group, r.kind): r for r in reversed(self.cluster(side).resources())}

    def cluster(self, side: Side) -> Cluster:
        """The cluster of a side."""
        return self._doors.cluster(side)
