"""Put all traffic back to blue: fence whoever runs, set every route, read back, and look again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from migrate.actions.traffic import BY_HAND, Weight, deadline_of, weigh
from migrate.cli.bystander import remark
from migrate.cli.project import Project
from migrate.doors.clock import Clock
from migrate.doors.traffic import Traffic
from migrate.engine.acting import settled
from migrate.engine.gates import gate_id
from migrate.engine.journal import Journal
from migrate.errors import DoorError
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import RouteName, StepId
from migrate.model.progress import Progress
from migrate.model.reasons import Why, patched
from migrate.planning import commands
from migrate.planning.compose import batch_of
from migrate.steps.begin_cutover import BeginCutover
from migrate.steps.move_writers import MoveWriters
from migrate.steps.ramp_routes import FullRoutes, RampRoutes
from migrate.steps.soak_green import SoakGreen
from migrate.steps.switch_routes import SwitchRoutes

STEP = StepId("abort")

CARRYING = frozenset({BeginCutover.id, RampRoutes.id, FullRoutes.id, SwitchRoutes.id, SoakGreen.id})
"""Steps that are about where the traffic is; workloads that have moved stay moved."""

TRIES = 2
"""Times that a weight is set while no answer comes: it is absolute, so once more does no harm."""

LOOKS = 3
"""Looks after the weights were set: a balancer's socket cannot fence, so a runner's last act may still arrive."""

PAUSE = 1.0
"""Seconds between two looks."""


@dataclass
class Aborted:
    """What an abort did, in lines for the screen; `writers` workloads stay on green."""

    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    writers: int = 0


def abort(project: Project, traffic: Traffic, clock: Clock, journal: Journal, progress: Progress) -> Aborted:
    """Abort the cutover; every weight has an intent and an outcome of its own in the journal."""
    epoch = journal.take_over()
    journal.append([remark("abort", epoch=epoch)])
    # what the runner finished between our first look and its being fenced
    progress.feed(journal.entries(after=progress.last.seq if progress.last else 0))
    ended = Aborted()
    number = sum(entry.data.get("what") == "abort" for entry in progress.remarks)
    for route in traffic.routes():
        outcome = _back(project, traffic, journal, route, number)
        ended.lines.append(outcome.evidence)
        if not outcome.stands:
            ended.failed.append(outcome.evidence)
    # what a person turns stands until he has: another look would find it, and call it raised
    for _ in range(0 if traffic.kind == BY_HAND else LOOKS):
        clock.sleep(PAUSE)
        for route in traffic.routes():
            _again(traffic, route, ended)
    batch = batch_of(project.migration)
    ended.writers = sum(patched(i.action, Why.REST) for i in progress.standing(batch, MoveWriters.id))
    journal.append(_reopened(progress))
    return ended


def turn_back(traffic: Traffic) -> Aborted:
    """Put every route back where there is no journal to write to; weights are absolute, so once more does no harm."""
    ended = Aborted()
    for route in traffic.routes():
        outcome = _turned(traffic, weigh(route, 0, command=""))
        (ended.lines if outcome.stands else ended.failed).append(outcome.evidence)
    return ended


def _turned(traffic: Traffic, action: Action) -> Outcome:
    """Set a weight and read it back; whatever went wrong on the way, what stands in the end counts."""
    handler = Weight(traffic)
    for _ in range(TRIES):
        try:
            outcome = handler.act([action])[0]
        except OSError as error:  # a file of the mechanism's own, which it writes after the weights
            outcome = Outcome(OutcomeState.UNKNOWN, f"{action.params['route']}: {error}")
        if outcome.state is not OutcomeState.UNKNOWN:
            return outcome
    with suppress(DoorError, OSError):
        return settled(handler.observe(action), outcome.evidence)
    return outcome


def _back(project: Project, traffic: Traffic, journal: Journal, route: RouteName, number: int) -> Outcome:
    command = commands.weigh(project.migration, route, 0)
    action = weigh(route, 0, command=command, attempt=number, deadline=deadline_of(project.migration.cutover))
    batch = batch_of(project.migration)
    intent: dict[str, object] = {"action": Action.as_json(action)}
    seq = journal.append([Draft(EntryKind.INTENT, intent, batch, STEP, f"abort {action.key}")])[0].seq
    outcome = _turned(traffic, action)
    journal.append(
        [Draft(EntryKind.OUTCOME, {"intent": seq, "outcome": outcome.as_json()}, batch, STEP, str(seq))]
    )
    return outcome


def _again(traffic: Traffic, route: RouteName, ended: Aborted) -> None:
    """Set a weight once more that somebody raised after us."""
    try:
        share = traffic.read(route)
        if share.green:
            traffic.set(route, 0)
            ended.lines.append(f"{route}: {share.green} % came back after the abort, and was set to 0 again")
            if traffic.read(route).green:
                ended.failed.append(f"{route}: something raises its weight again and again")
    except (DoorError, OSError) as error:
        ended.failed.append(f"{route}: {error}")


def _reopened(progress: Progress) -> list[Draft]:
    """Steps that carried weights are no longer done, and their gates are closed: going on asks again."""
    if progress.plan is None:
        return []
    drafts = []
    for planned in progress.plan.steps:
        if planned.step not in CARRYING:
            continue
        begun = any(True for _ in progress.standing(planned.batch, planned.step))
        if begun or progress.done(planned.batch, planned.step):
            drafts.append(Draft(EntryKind.STEP, {"state": "undone"}, planned.batch, planned.step))
        if planned.gate:
            gone = {"event": "revoked", "fingerprint": "", "verdicts": "", "by": "abort"}
            drafts.append(Draft(EntryKind.GATE, gone, key=gate_id(planned.batch, planned.gate)))
    return drafts
