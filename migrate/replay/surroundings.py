"""What stands around an object: blue, the classes of its workloads, and what its webhooks wait for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from migrate.replay.admission import Admission
from migrate.replay.blue import Blue
from migrate.replay.classes import Classes


@dataclass(frozen=True)
class Surroundings:
    """Blue with what is worked out from it.

    Nothing here points back, so that a whole cluster is let go as soon as its decisions are taken.
    """

    blue: Blue

    @cached_property
    def classes(self) -> Classes:
        """The classes of blue's workloads."""
        return Classes(self.blue)

    @cached_property
    def admission(self) -> Admission:
        """Webhooks, aggregated APIs and the workloads behind them."""
        return Admission(self.blue, self.classes)
