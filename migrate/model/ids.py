"""Ids by type, so that one is never passed for another."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

MigrationName = NewType("MigrationName", str)
RunId = NewType("RunId", str)
BatchName = NewType("BatchName", str)
StepId = NewType("StepId", str)
ActionKey = NewType("ActionKey", str)
GateName = NewType("GateName", str)
RuleId = NewType("RuleId", str)
FindingCode = NewType("FindingCode", str)
RouteName = NewType("RouteName", str)
NodeName = NewType("NodeName", str)

NO_BATCH = BatchName("")
"""The batch of the phases that happen once (assess, prepare, build, finish)."""


class Side(StrEnum):
    """The cluster left, and the cluster entered."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.GREEN if self is Side.BLUE else Side.BLUE


class Phase(StrEnum):
    """The phases in their order; the first three and the last happen once, the others per batch."""

    ASSESS = "assess"
    PREPARE = "prepare"
    BUILD = "build"
    REPLAY = "replay"
    START = "start"
    VERIFY = "verify"
    CUTOVER = "cutover"
    SOAK = "soak"
    FINISH = "finish"

    @property
    def per_batch(self) -> bool:
        """Whether the phase happens once for every batch."""
        return self in {Phase.REPLAY, Phase.START, Phase.VERIFY, Phase.CUTOVER, Phase.SOAK}


PHASES = tuple(Phase)
