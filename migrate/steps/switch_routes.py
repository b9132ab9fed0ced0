"""Switch routes that could not be ramped, once what they need has moved."""

from __future__ import annotations

from typing import ClassVar

from migrate.actions.record import record
from migrate.engine.step import Batches, Scene
from migrate.model.ids import StepId
from migrate.steps.ledger import read_ledger
from migrate.steps.probe_routes import probe
from migrate.steps.ramp_routes import FULL, RouteStep, climb, insist


class SwitchRoutes(RouteStep):
    """Probe a switched route on green, then give green all of it."""

    id: ClassVar[StepId] = StepId("cutover.switch")
    title: ClassVar[str] = "switch routes that cannot run on both sides"

    def batches(self, scene: Scene) -> Batches:
        """Switch every route of the ledger that is not ramped."""
        for route in read_ledger(scene.progress).switched():
            if scene.doors.traffic.read(route).green != FULL:
                outcomes = yield [record(f"route {route} before its switch", [probe(scene, route)])]
                insist(outcomes)
            yield from climb(scene, route, FULL, may_return=False)
