"""Start on green what may run on both sides, and wait until it is Ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from migrate.actions.wait import wait
from migrate.engine.step import Batches, Scene
from migrate.model.canonical import digest
from migrate.model.ids import Phase, Side, StepId
from migrate.model.migration import seconds
from migrate.model.objects import Ref
from migrate.model.reasons import Why
from migrate.replay import kinds
from migrate.steps.base import CUTOVER, BaseStep, patches
from migrate.steps.canaries import dormant, tried
from migrate.steps.idle import idle_lines
from migrate.steps.ledger import ROLLING, Held, listed, one_by_one, read_ledger
from migrate.steps.letting_go import let_go
from migrate.steps.reading_back import read_back

AGAINST = "against:"
"""What evidence begins with that the operator's word outweighs."""


class StartServing(BaseStep):
    """Release the serving workloads from their records, then the ways in to them."""

    id: ClassVar[StepId] = StepId("start.serving")
    phase: ClassVar[Phase] = Phase.START
    title: ClassVar[str] = "start on green what may run on both sides"
    undo: ClassVar[str] = "put them back to their dormant form"
    again_until: ClassVar[StepId | None] = CUTOVER
    follows: ClassVar[bool] = True

    def batches(self, scene: Scene) -> Batches:
        """Try the pods of what is still dormant, release it, wait for it; no way in opens before what it leads to is Ready."""
        ledger = read_ledger(scene.progress)
        yield from tried(scene, dormant(scene, ledger.early))
        yield from _released(scene, ledger.early)
        yield from wait_ready(scene, [h.ref for h in ledger.early], "serving workloads on green")
        for group in one_by_one(ledger.ways_in):
            yield from _released(scene, group)
            yield from read_back(scene, group)

    def gate_about(self, scene: Scene) -> str:
        """Which workloads may start, and as what they are classed; what opens with them."""
        let_go = read_ledger(scene.progress).before_cutover
        return digest([[str(h.ref), h.workload_class] for h in let_go]) if let_go else ""

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """What would run on green beside blue's, and why it may; what opens, and what stays shut."""
        ledger = read_ledger(scene.progress)
        early = sorted(ledger.early, key=lambda h: AGAINST not in h.evidence)
        shut = [f"{c.route}: {why}" for c in ledger.routes for why in c.shut]
        return [
            *listed("would run on both sides", early),
            *listed("would open on green, where only probes come before the cutover", ledger.ways_in),
            *listed("stay on blue until the writers move, with what controls them", ledger.children),
            *listed("stay shut until the switch, so that their routes cannot be ramped", shut),
            *idle_lines(scene.progress),
        ]


def _released(scene: Scene, group: Sequence[Held]) -> Batches:
    found = dormant(scene, group)
    yield from patches(scene, ((let_go(h, Why.START), obj) for h, obj in found))


def wait_ready(scene: Scene, refs: list[Ref], what: str) -> Batches:
    """Wait for workloads to be Ready on green; what was not Ready on blue before is no regression."""
    rolling = [ref for ref in refs if ref.kind in ROLLING or ref[:2] == kinds.POD]
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
