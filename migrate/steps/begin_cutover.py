"""Say how each route will move, behind the gate that opens the cutover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from migrate.actions.record import record
from migrate.engine.step import Batches, Scene
from migrate.model.canonical import digest
from migrate.model.ids import Phase, StepId
from migrate.model.verdict import Verdict, failed, passed
from migrate.planning.routes import Closure
from migrate.replay import SINCE
from migrate.steps.base import CUTOVER, BaseStep, chunks, read_blue
from migrate.steps.comparing import changed_lines, still_as_verified
from migrate.steps.drift import drift_lines, unchanged
from migrate.steps.freeze_blue import still_paused
from migrate.steps.ledger import listed, read_ledger
from migrate.steps.written_down import BEFORE_CUTOVER, evidence_lines, written_down


class BeginCutover(BaseStep):
    """Record that blue is as it was replayed and green as it was verified, and which routes are ramped and which are switched, and why."""

    id: ClassVar[StepId] = CUTOVER
    phase: ClassVar[Phase] = Phase.CUTOVER
    title: ClassVar[str] = "begin the cutover"

    def batches(self, scene: Scene) -> Batches:
        """Look once more for what changed on either side, while the way back costs nothing; write the routes down."""
        blue_now = read_blue(scene, scene.doors.green.resources())
        yield [unchanged(scene, blue_now, followed=True)]
        found, verdicts = still_as_verified(scene, blue_now)
        yield from written_down(scene, BEFORE_CUTOVER, found, verdicts)
        yield [record(SINCE, verdicts, facts=found.facts)]
        yield from chunks(still_paused(blue_now))
        routes = read_ledger(scene.progress).routes
        yield [
            record(
                "routes",
                [_on_blue(scene, c) for c in routes] or [passed("routes", "no routes")],
            )
        ]

    def gate_about(self, scene: Scene) -> str:
        """How each route moves, and what moves behind it."""
        ledger = read_ledger(scene.progress)
        moving = [[str(held.ref) for held in group] for group in ledger.moving()]
        return digest([[c.as_json() for c in ledger.routes], moving])

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """What has changed, how green was verified, how each route moves, and the way back."""
        ledger = read_ledger(scene.progress)
        blue_now = read_blue(scene, scene.doors.green.resources())
        return [
            *drift_lines(scene, blue_now),
            *changed_lines(scene, blue_now),
            *evidence_lines(scene),
            *listed("routes", [f"{c.route} {manner(c)}" for c in ledger.routes]),
            *listed("would move behind before-writers, off on blue first", ledger.writers()),
            "way back: none is needed yet; after the cutover cnimigrate abort puts weights back in seconds",
        ]


def _on_blue(scene: Scene, closure: Closure) -> Verdict:
    """Pass where all of a route is on blue: a weight that stood before the ramp would never be judged."""
    check = f"route {closure.route} moves"
    green = scene.doors.traffic.read(closure.route).green
    if green:
        said = f"{closure.route} has {green} % of its traffic on green before the cutover has begun"
        return failed(check, said, "Put all of it on blue, then run again: the ramp judges every weight.")
    return passed(check, manner(closure))


def manner(closure: Closure) -> str:
    """How a route moves, as a sentence."""
    if closure.rampable:
        return f"ramps ({len(closure.workloads)} workloads run on both sides)"
    if closure.blocking:
        return f"switches, without service while these move: {', '.join(closure.blocking[:3])}"
    if closure.shut:
        return f"switches, as green cannot be reached beside blue: {', '.join(closure.shut[:3])}"
    return "switches, as the file says"
