"""Which object of blue appears on green, in which form and in which wave: rules with ids, nothing dropped silently.

Lives here: rules, sanitising, held forms, classes of workloads, waves, and the proof that green has what was decided.
Never here: I/O, a door, a clock; everything is a function of the inventory and the migration file.
"""

from __future__ import annotations

from migrate.replay.classes import EXCLUSIVE, SERVING, UNKNOWN, Classes
from migrate.replay.decide import decide_all
from migrate.replay.decisions import MERGED_RULES, Counts, Decisions
from migrate.replay.document import document
from migrate.replay.edits import merged
from migrate.replay.forced import forced
from migrate.replay.idle import idle
from migrate.replay.parity import (
    SINCE,
    Difference,
    apart,
    beside,
    differences,
    parity,
    unequal,
    verdicts,
    whole,
)
from migrate.replay.sanitise import edited, mark, sanitise, setting_of, source_hash
from migrate.replay.versions import modern, readable, serves
from migrate.replay.waves import WAVES, Wave, wave_of

__all__ = [
    "EXCLUSIVE",
    "MERGED_RULES",
    "SERVING",
    "SINCE",
    "UNKNOWN",
    "WAVES",
    "Classes",
    "Counts",
    "Decisions",
    "Difference",
    "Wave",
    "apart",
    "beside",
    "decide_all",
    "differences",
    "document",
    "edited",
    "forced",
    "idle",
    "mark",
    "merged",
    "modern",
    "parity",
    "readable",
    "sanitise",
    "serves",
    "setting_of",
    "source_hash",
    "unequal",
    "verdicts",
    "wave_of",
    "whole",
]
