"""Probe each route straight on green, while all traffic is still on blue."""

from __future__ import annotations

from typing import ClassVar

from migrate.actions.record import record
from migrate.engine.step import Batches, Scene
from migrate.model.ids import Phase, RouteName, Side, StepId
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from migrate.planning.routes import route_names
from migrate.steps.base import CUTOVER, BaseStep
from migrate.steps.ledger import read_ledger

COUNT, RATE = 20, 20.0


class ProbeRoutes(BaseStep):
    """Ask green directly before any client does; a switched route is asked once what it needs has moved."""

    id: ClassVar[StepId] = StepId("verify.routes")
    phase: ClassVar[Phase] = Phase.VERIFY
    title: ClassVar[str] = "probe green directly at weight 0"
    again_until: ClassVar[StepId | None] = CUTOVER
    follows: ClassVar[bool] = True

    def batches(self, scene: Scene) -> Batches:
        """Record a verdict for every route that will be ramped."""
        switched = set(read_ledger(scene.progress).switched())
        ramped = [r for r in route_names(scene.migration) if r not in switched]
        if ramped:
            yield [record("routes at weight 0", [probe(scene, route) for route in ramped])]


def probe(scene: Scene, route: RouteName) -> Verdict:
    """Probe one route on green; no samples is inconclusive."""
    check = f"route {route}"
    sample = scene.doors.traffic.probe(route, Side.GREEN, count=COUNT, rate=RATE)
    if not sample.sent:
        return inconclusive(
            check,
            "nothing could be sent to green directly",
            "Give cutover.routes[].directGreen, a URL that reaches green whatever its weight.",
        )
    if sample.failed:
        said = f"{sample.failed} of {sample.sent} probes failed on green: {', '.join(sample.errors[:2])}"
        return failed(check, said, "Look at the pods behind this route on green.")
    return passed(
        check, f"{sample.sent} of {sample.sent} probes answered by green, p99 {sample.p99 * 1000:.0f} ms"
    )
