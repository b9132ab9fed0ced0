"""Ramp routes: a weight, a pause, a verdict; back to the last good weight by itself."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from migrate.actions.judging import Thresholds
from migrate.actions.ramping import watch
from migrate.actions.traffic import deadline_of, weigh
from migrate.engine.step import Batches, Scene
from migrate.engine.window import insist_on_window
from migrate.errors import CheckFailed, GateClosed, TrafficReturned
from migrate.model.action import Action, Outcome
from migrate.model.ids import Phase, RouteName, StepId
from migrate.model.migration import Cutover, seconds
from migrate.model.verdict import Result
from migrate.planning import commands
from migrate.steps.base import BaseStep
from migrate.steps.ledger import read_ledger

FULL = 100


class RouteStep(BaseStep):
    """A step that climbs with routes: it answers a failed verdict itself, and its way back is their weights."""

    phase: ClassVar[Phase] = Phase.CUTOVER
    undo: ClassVar[str] = "weights back, newest first"
    handles_failures: ClassVar[bool] = True


class RampRoutes(RouteStep):
    """Raise each ramped route, weight by weight, up to the last one below 100."""

    id: ClassVar[StepId] = StepId("cutover.ramp")
    title: ClassVar[str] = "ramp routes whose closure runs on both sides"

    def batches(self, scene: Scene) -> Batches:
        """Climb with every ramped route in turn."""
        for route in read_ledger(scene.progress).ramped():
            for weight in scene.migration.cutover.ramp:
                if weight < FULL:
                    yield from climb(scene, route, weight)


class FullRoutes(RouteStep):
    """Give green all of what was ramped."""

    id: ClassVar[StepId] = StepId("cutover.full")
    title: ClassVar[str] = "give green all of the ramped routes"

    def batches(self, scene: Scene) -> Batches:
        """Climb to 100 with every ramped route in turn."""
        for route in read_ledger(scene.progress).ramped():
            yield from climb(scene, route, FULL)


def climb(scene: Scene, route: RouteName, green: int, *, may_return: bool = True) -> Batches:
    """Set one weight and judge it; a failed verdict goes back to the weight that stood before.

    With `may_return` False the weight holds whatever is judged: what the route needs is off on blue. Raises
    TrafficReturned after going back, CheckFailed where the weight holds, Stopped outside the change window.
    """
    judgement = f"{route} at {green} %"
    now = scene.doors.traffic.read(route).green
    if now > green or (now == green and _judged(scene, judgement)):
        return
    last_good = _last_good(scene, route, green)
    if now != green:
        if may_return:
            insist_on_window(scene, f"{route} to {green} %")
        yield from _set(scene, route, green)
    cutover = scene.migration.cutover
    watching = _watching(cutover, route, green, judgement, 1 + _count(scene, f"watch {judgement} #"))
    outcomes = yield [watching]
    yield from _answer(scene, route, outcomes[0], last_good if may_return else None)


def _set(scene: Scene, route: RouteName, green: int, why: str = "") -> Batches:
    """Set one weight; where a person has to turn the traffic, leave the run at a gate of its own, and say why."""
    command = commands.weigh(scene.migration, route, green)
    attempt = 1 + _count(scene, f"weight {route} {green} #")
    deadline = deadline_of(scene.migration.cutover)
    outcomes = yield [weigh(route, green, command=command, attempt=attempt, deadline=deadline)]
    if outcomes[0].facts.get("byHand"):
        gate = f"weight {route} {green}"
        remedy = f'When it is done: cnimigrate approve "{gate}" --by YOU, then cnimigrate run'
        raise GateClosed("\n   ".join(filter(None, (command, why))), gate=gate, remedy=remedy)
    insist(outcomes)


def thresholds(cutover: Cutover) -> Thresholds:
    """The file's thresholds as numbers."""
    rate = float(cutover.abort.error_rate.rstrip("%")) / 100
    return Thresholds(rate, float(cutover.abort.latency_p99.rstrip("x")), cutover.min_samples)


def _watching(cutover: Cutover, route: RouteName, green: int, judgement: str, attempt: int) -> Action:
    return watch(
        judgement,
        route,
        pause=seconds(cutover.pause),
        rate=cutover.probe_rate,
        limits=thresholds(cutover),
        attempt=attempt,
        weight=green,
    )


def _answer(scene: Scene, route: RouteName, outcome: Outcome, last_good: int | None) -> Batches:
    if outcome.stands or not outcome.verdicts:
        return
    lost = any(v.result is Result.FAIL for v in outcome.verdicts)
    if not lost and scene.migration.cutover.on_inconclusive == "hold":
        held = f"{route} holds its weight: {outcome.evidence}"
        raise CheckFailed(held, remedy=outcome.remedy or "Run the same command to judge it again.")
    if last_good is None:
        held = f"{route} stays on green, because what it needs is off on blue: {outcome.evidence}"
        raise CheckFailed(
            held, remedy="Mend green and run again; or go back whole: cnimigrate rollback --to verify"
        )
    stays = yield from _go_back(scene, route, last_good, outcome.evidence)
    message = f"{route} went back to {stays} % on green by itself: {outcome.evidence}"
    raise TrafficReturned(message, remedy=outcome.remedy or "Mend green, then run the same command to go on.")


def _go_back(
    scene: Scene, route: RouteName, green: int, why: str
) -> Generator[Sequence[Action], Sequence[Outcome], int]:
    """Set a weight that was good before, look whether it still is, and leave green altogether if not."""
    yield from _set(scene, route, green, why)
    if not green:
        return green
    cutover = scene.migration.cutover
    name = f"{route} back at {green} %"
    again = watch(
        name,
        route,
        pause=seconds(cutover.pause) / 5,
        rate=cutover.probe_rate,
        limits=replace(thresholds(cutover), min_samples=max(1, cutover.min_samples // 10)),
        attempt=1 + _count(scene, f"watch {name} #"),
        weight=green,
        patience=1,
    )
    outcomes = yield [again]
    if any(v.result is Result.FAIL for v in outcomes[0].verdicts):
        return (yield from _go_back(scene, route, 0, outcomes[0].evidence))
    return green


def insist(outcomes: Sequence[Outcome]) -> None:
    """Stop where an Action of a batch did not come to stand."""
    for outcome in outcomes:
        if not outcome.stands:
            raise CheckFailed(outcome.evidence, remedy=outcome.remedy or "Run the same command to go on.")


def _judged(scene: Scene, judgement: str) -> bool:
    """Whether the latest watch of this weight passed."""
    attempts = _count(scene, f"watch {judgement} #")
    return bool(attempts) and scene.progress.stands(f"watch {judgement} #{attempts}")


def _last_good(scene: Scene, route: RouteName, green: int) -> int:
    """The highest weight below this one whose watch passed; 0 where there is none."""
    passed = (w for w in scene.migration.cutover.ramp if w < green and _judged(scene, f"{route} at {w} %"))
    return max(passed, default=0)


def _count(scene: Scene, prefix: str) -> int:
    """How many attempts there were: their keys end in #1, #2 and so on."""
    return sum(1 for _ in _attempts(scene, prefix))


def _attempts(scene: Scene, prefix: str) -> Iterator[int]:
    number = 1
    while scene.progress.of_key(f"{prefix}{number}") is not None:
        yield number
        number += 1
