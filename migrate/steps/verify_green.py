"""Hold green against blue: every object, every workload, every Service's endpoints, Calico itself."""

from __future__ import annotations

from typing import ClassVar

from migrate.actions.conditions import endpoints
from migrate.actions.record import record
from migrate.actions.wait import wait
from migrate.calico.pools import planned_pools
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.ids import Phase, StepId
from migrate.model.inventory import Inventory
from migrate.model.migration import seconds
from migrate.model.verdict import Verdict
from migrate.steps.base import CUTOVER, BaseStep, blue_decided
from migrate.steps.canaries import tried_before_blue_rests
from migrate.steps.comparing import compared
from migrate.steps.install_calico import pool_json
from migrate.steps.ledger import read_ledger
from migrate.steps.linking import owners_held
from migrate.steps.written_down import PARITY, written_down


class VerifyGreen(BaseStep):
    """Judge green as it stands; blue's own state is the baseline."""

    id: ClassVar[StepId] = StepId("verify.green")
    phase: ClassVar[Phase] = Phase.VERIFY
    title: ClassVar[str] = "hold green against blue"
    again_until: ClassVar[StepId | None] = CUTOVER
    follows: ClassVar[bool] = True

    def batches(self, scene: Scene) -> Batches:
        """Write parity down and record it; wait for endpoints and Calico, whose state follows the objects with some delay.

        Last, the first pod of each workload that moves only with the writers is tried.
        """
        blue, decisions = blue_decided(scene)
        green = read_inventory(scene.doors.green, at=decisions.at)
        found = compared(scene, blue, decisions, green)
        verdicts = [*found.verdicts, *owners_held(scene, decisions, green)]
        yield from written_down(scene, PARITY, found, verdicts)
        yield [record("parity", verdicts, facts=found.facts)]
        budget = seconds(scene.migration.verify.budget)
        silent = endpoints.silent_on_blue(blue, green)
        yield [wait("endpoints-ready", "Services' endpoints on green", budget, silent=silent)]
        spec = scene.migration.green
        pools = [pool_json(pool) for pool in planned_pools(spec.network, spec.calico.pools)]
        yield [wait("calico-ready", "Calico on green with pods", budget, pools=pools, podsRun=True)]
        # known before the cutover is approved; green may change while a ramp lasts, so the step that moves asks again
        yield from tried_before_blue_rests(scene, read_ledger(scene.progress), lambda: (blue, decisions))


def services(blue: Inventory, green: Inventory) -> list[Verdict]:
    """Every Service of green whose pods run there has Ready endpoints, unless it had none on blue either."""
    return [endpoints.judged(green, endpoints.silent_on_blue(blue, green))]
