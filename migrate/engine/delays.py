"""What is new of how servers slow a run down, so that each fact is told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate.doors.cluster import Cluster
from migrate.doors.slowed import Slowed
from migrate.model.ids import Side


class Delays:
    """Asks the clusters' doors, and remembers what it has said."""

    def __init__(self, clusters: Sequence[Cluster] = ()) -> None:
        self._clusters = clusters
        self._told: dict[tuple[Side, str, str], Slowed] = {}

    def news(self) -> Iterator[tuple[Cluster, Slowed]]:
        """Where more was turned away, or slower, than when this was last asked."""
        for cluster in self._clusters:
            for slowed in cluster.slowed():
                key = cluster.side, slowed.level, slowed.schema
                told = self._told.get(key)
                if told is None or slowed.refused > told.refused or slowed.slower > told.slower:
                    self._told[key] = slowed
                    yield cluster, slowed
