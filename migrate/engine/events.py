"""What a run tells while it goes on; screens, log lines and `-o json` are made of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.model.entry import NO_STEP
from migrate.model.ids import NO_BATCH, BatchName, Phase, StepId


@dataclass(frozen=True, slots=True)
class Event:
    """One short fact with its fields; `what` is stable: step-began, acting, batch-ended, waiting, gate and so on."""

    what: str
    text: str
    batch: BatchName = NO_BATCH
    phase: Phase | None = None
    step: StepId = NO_STEP
    fields: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event as one JSON line of `run -o json`."""
        return {
            "schemaVersion": 1,
            "event": self.what,
            "batch": self.batch,
            "phase": self.phase.value if self.phase else "",
            "step": self.step,
            "text": self.text,
            **self.fields,
        }


Tell = Callable[[Event], None]
"""Whoever listens; must not raise."""


def quiet(_: Event) -> None:
    """Listen to nothing."""
