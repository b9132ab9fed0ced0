"""Let green carry everything for a while, with blue untouched beside it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from migrate.actions.judging import Thresholds
from migrate.actions.ramping import watch
from migrate.actions.record import record
from migrate.engine.step import Batches, Scene
from migrate.model.action import OutcomeState
from migrate.model.ids import Phase, StepId
from migrate.model.migration import seconds
from migrate.model.verdict import passed
from migrate.planning.routes import route_names
from migrate.steps.base import BaseStep
from migrate.steps.ramp_routes import FULL, thresholds

SLICES = 24
"""Slices of a soak: a killed runner loses one of them, not the days before it."""

LEAST = 60.0
"""Seconds of the last piece, where the soak is long enough for it."""

BEGAN = "soak began"


class SoakGreen(BaseStep):
    """Watch in slices until the soak time since its beginning has passed."""

    id: ClassVar[StepId] = StepId("soak.watch")
    phase: ClassVar[Phase] = Phase.SOAK
    title: ClassVar[str] = "watch green carry everything"

    def batches(self, scene: Scene) -> Batches:
        """Watch every route for a piece, again and again; a dead runner's time counts, if the last piece is clean."""
        if not scene.progress.stands(f"record {BEGAN}"):
            yield [record(BEGAN, [passed(BEGAN, "green carries everything")])]
        began = scene.progress.of_key(f"record {BEGAN}")
        assert began is not None  # it was recorded just above
        total = seconds(scene.migration.soak)
        end = datetime.fromisoformat(began.ended) + timedelta(seconds=total)
        limits = thresholds(scene.migration.cutover)
        limits = Thresholds(limits.error_rate, 0.0, 1)
        number = _done(scene)
        piece = max(1.0, total / SLICES)
        over = False
        while not over:
            number += 1
            left = (end - scene.doors.clock.now()).total_seconds()
            # time that passed unwatched proves nothing: however late it is, one piece is watched to its end
            pause = min(piece, max(left, LEAST))
            for route in route_names(scene.migration):
                name = f"{route} soaks #{number}"
                yield [
                    watch(name, route, pause=pause, rate=1, limits=limits, attempt=1, weight=FULL, patience=1)
                ]
            over = scene.doors.clock.now() >= end


def _done(scene: Scene) -> int:
    """The number of the last slice that was watched, so that every slice has a key of its own."""
    last = 0
    for intent in scene.progress.intents():
        if intent.step == SoakGreen.id and intent.action.kind == "watch":
            ended = intent.outcome is not None and intent.outcome.state is not OutcomeState.ABSENT
            last = max(last, int(str(intent.action.params["name"]).rpartition("#")[2]) - (0 if ended else 1))
    return last
