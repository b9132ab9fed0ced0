"""How a mover reaches the two ends: by kubeconfig files and contexts, never what is in them, or through their doors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate.doors.clock import Clock
from migrate.doors.cluster import Cluster
from migrate.doors.provisioner import Provisioner
from migrate.errors import Unreachable
from migrate.model.ids import Side
from migrate.model.migration import Migration
from migrate.model.objects import Ref
from migrate.planning.copying import end


@dataclass(frozen=True)
class Ends:
    """Blue and green, as a program outside is told of them and as doors; `directory` keeps the movers' notes."""

    migration: Migration
    provisioner: Provisioner
    directory: Path
    clusters: Mapping[Side, Cluster]
    clock: Clock

    def source(self, claim: Ref) -> dict[str, Any]:
        """Blue's end of a claim."""
        blue = self.migration.blue
        return end(blue.kubeconfig, blue.context, claim)

    def target(self, claim: Ref) -> dict[str, Any]:
        """Green's end of a claim; raises Unreachable while there is no green."""
        seen = self.provisioner.observe()
        if seen.kubeconfig is None:
            message = f"green does not exist yet: {seen.evidence or seen.state}"
            raise Unreachable(message)
        return end(str(seen.kubeconfig), self.migration.green.provisioner.context, claim)
