"""One line of the journal, and the hash that chains it to the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from migrate.model.canonical import canonical
from migrate.model.ids import NO_BATCH, BatchName, StepId

NO_STEP = StepId("")

_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

GENESIS = "0" * 64
"""What the first entry names as its predecessor."""


class EntryKind(StrEnum):
    """What a line of the journal says."""

    RUN = "run"  # who began what: migration, run id, tool version
    REVISION = "revision"  # the Plan that holds from here on
    INTENT = "intent"  # an Action about to be done; `undoes` names the intent it takes back
    OUTCOME = "outcome"  # how the intent of that number ended
    STEP = "step"  # a step is done, is opened again, or is done no longer
    GATE = "gate"  # reached, approved, revoked, passed
    REMARK = "remark"  # what a person did or decided: unlock, resolve, abort, no rehearsal
    RUNNER = "runner"  # a runner came or went: host, process, user


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before the journal has given it a number, a time and its place in the chain."""

    kind: EntryKind
    data: Mapping[str, Any]
    batch: BatchName = NO_BATCH
    step: StepId = NO_STEP
    key: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal; `at` is ISO 8601 with offset, `epoch` the runner's."""

    seq: int
    at: str
    epoch: int
    kind: EntryKind
    batch: BatchName
    step: StepId
    key: str
    data: Mapping[str, Any]
    hash: str = ""

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON, for an export."""
        return {
            "seq": self.seq,
            "at": self.at,
            "epoch": self.epoch,
            "kind": self.kind.value,
            "batch": self.batch,
            "step": self.step,
            "key": self.key,
            "data": self.data,
            "hash": self.hash,
        }


def chained(previous: str, seq: int, at: str, epoch: int, draft_line: str) -> str:
    """Hash an entry onto its predecessor's hash; `draft_line` is `line_of` of what it says."""
    return hashlib.sha256(f"{previous}\n{seq}\n{at}\n{epoch}\n{draft_line}".encode()).hexdigest()


def line_of(kind: str, batch: str, step: str, key: str, data_text: str) -> str:
    """What an entry says, as the text that is hashed; `data_text` is the canonical JSON that is stored."""
    return f"{kind}\n{batch}\n{step}\n{key}\n{data_text}"


def text_of(data: Mapping[str, Any]) -> str:
    """The JSON of an entry's data, as it is stored and hashed, with sorted keys; raises TypeError for what JSON cannot hold.

    It is canonical but for how a float is spelt (and NaN is null): the text that is stored is the one that is hashed,
    and nothing is composed again to be held against it.
    """
    try:
        return orjson.dumps(data, option=_STRICT).decode()
    except TypeError:  # also for what another program may have named by a number, or counted beyond 64 bits
        return canonical(data)
