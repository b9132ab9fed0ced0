"""Start on green what may run on both sides, and wait until it is Ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from migrate.actions.merging import stands
from migrate.actions.patch import patch
from migrate.actions.wait import wait
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.ids import Phase, Side, StepId
from migrate.model.migration import seconds
from migrate.model.objects import Ref
from migrate.steps.base import BaseStep, patches
from migrate.steps.ledger import ROLLING, listed, read_ledger

WHY = "start"


class StartServing(BaseStep):
    """Release the serving workloads from their records."""

    id: ClassVar[StepId] = StepId("start.serving")
    phase: ClassVar[Phase] = Phase.START
    title: ClassVar[str] = "start on green what may run on both sides"
    undo: ClassVar[str] = "put them back to their dormant form"

    def batches(self, scene: Scene) -> Batches:
        """Release what is still dormant, then wait for all of it."""
        early = read_ledger(scene.progress).early
        if not early:
            return
        green = read_inventory(scene.doors.green, only={(h.ref.group, h.ref.kind) for h in early})
        found = ((h, green.find(h.ref) or {}) for h in early)
        dormant = ((h, obj) for h, obj in found if not stands(obj, h.release))
        yield from patches(scene, ((patch(Side.GREEN, h.ref, h.release, why=WHY), obj) for h, obj in dormant))
        yield from wait_ready(scene, [h.ref for h in early], "serving workloads on green")

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """What would run on green beside blue's, and why it may."""
        return listed("would run on both sides", read_ledger(scene.progress).early)


def wait_ready(scene: Scene, refs: list[Ref], what: str) -> Batches:
    """Wait for workloads to be Ready on green; what was not Ready on blue before is no regression."""
    rolling = [ref for ref in refs if ref.kind in ROLLING]
    if rolling:
        yield [
            wait(
                "workloads-ready",
                what,
                seconds(scene.migration.verify.budget),
                side=Side.GREEN.value,
                refs=[ref.as_json() for ref in rolling],
                broken=list(read_ledger(scene.progress).broken),
                failureEnds=True,
            )
        ]
