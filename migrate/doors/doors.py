"""All doors of one run, together."""

from __future__ import annotations

from dataclasses import dataclass, field

from migrate.doors.clock import Clock
from migrate.doors.cluster import Cluster
from migrate.doors.mover import Mover, NoMover
from migrate.doors.provisioner import Provisioner
from migrate.doors.traffic import Traffic
from migrate.model.ids import Side


@dataclass(frozen=True, slots=True)
class Doors:
    """What a run can touch; green raises Unreachable on use until it has been made."""

    blue: Cluster
    green: Cluster
    traffic: Traffic
    provisioner: Provisioner
    clock: Clock
    mover: Mover = field(default_factory=NoMover)

    def cluster(self, side: Side) -> Cluster:
        """The cluster of a side."""
        return self.blue if side is Side.BLUE else self.green
