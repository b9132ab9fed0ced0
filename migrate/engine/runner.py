"""Drive a Plan step by step: intent before the act, outcome after it, what is in doubt looked at again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrate.engine import again, gates
from migrate.engine.acting import UNTRIED, Acting
from migrate.engine.delays import Delays
from migrate.engine.events import Event
from migrate.engine.step import Batches, Scene, Step
from migrate.engine.window import insist_on_window
from migrate.errors import CheckFailed, DoorError, ForeignObject, GateClosed, PlanMismatch
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.action_kinds import of_kind
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import GateName, Phase, StepId
from migrate.model.migration import GateSpec
from migrate.model.plan import Plan, PlannedStep

GATE_POLL = 5.0
"""Seconds between two looks at a closed gate under `--wait`."""

SHOWN = 5
"""Failures that an error spells out; the journal has them all."""


@dataclass(frozen=True, slots=True)
class Until:
    """Where to stop although more is to do: before a gate, or after a phase."""

    phase: Phase | None = None
    gate: GateName | None = None


class Runner:
    """Carries a Plan out, or goes on where its journal ends."""

    def __init__(
        self,
        scene: Scene,
        steps: Mapping[StepId, Step],
        acting: Acting,
        gate_specs: Mapping[str, GateSpec | None],
        *,
        wait: bool = False,
        delays: Delays | None = None,
    ) -> None:
        self._scene = scene
        self._steps = steps
        self._acting = acting
        self._gates = gate_specs
        self._wait = wait
        self._delays = delays or Delays()

    def run(self, plan: Plan, until: Until | None = None) -> bool:
        """Do what is left of the Plan; True when all of it is done, False where `until` stopped it.

        Raises whatever ends a run: GateClosed, CheckFailed, OutcomeUnknown, StoppedAtBorder, Fenced, FailedMidway.
        """
        self._acting.settle()
        recurring = again.recurring(plan, self._steps, self._scene.progress)
        for planned in plan.steps:
            done = self._scene.progress.done(planned.batch, planned.step)
            if done and (planned not in recurring or self._steps[planned.step].follows):
                continue
            if until is not None and _reached(planned, until):
                return False
            reopening = (
                again.opened(planned, plan, self._steps, self._scene.progress, recurring) if done else ()
            )
            try:
                self._step(planned, reopening)
            except DoorError as error:
                # an act's own failure is an outcome: this one comes from looking at the world between two acts
                raise self._acting.lost(error) from error
        return True

    def _step(self, planned: PlannedStep, reopening: Sequence[Draft] = ()) -> None:
        """Do a step to its end; one that is done is opened again by `reopening`, and only if it has something to do."""
        step = self._of(planned)
        batches = step.batches(self._scene)
        first = next(batches, None)
        if reopening:
            if first is None:
                return
            self._acting.write(reopening)
        if first is not None:
            self._insist_on_window(planned)
            # what was found only after the waiting nobody has approved: then the gate is asked again
            while first is not None and planned.gate and self._pass_gate(planned, step):
                batches.close()  # what was observed before the waiting is stale
                self._insist_on_window(planned)  # it may have closed meanwhile
                batches = step.batches(self._scene)
                first = next(batches, None)
            anew = ", as things have changed since" if reopening else ""
            self._tell(planned, "step-began", f"{planned.title}{anew}")
            self._carry_out(planned, step, batches, first)
        self._acting.write([Draft(EntryKind.STEP, {"state": "done"}, planned.batch, planned.step)])
        delta = again.told(self._scene.progress, planned.batch, planned.step)
        self._tell(planned, "step-done", f"{planned.title}; delta: {delta}" if delta else planned.title)
        self._acting.border()

    def _carry_out(
        self, planned: PlannedStep, step: Step, batches: Batches, actions: Sequence[Action] | None
    ) -> None:
        answering = False
        past_refusals = step.gathers_refusals and self._scene.migration.workloads.on_refusal == "wave"
        while actions is not None:
            if not answering:
                self._acting.border()
            outcomes = self._acting.do(planned.batch, planned.step, actions, past_refusals=past_refusals)
            self._batch_ended(planned, actions, outcomes)
            # a step that answers a failure, as a ramp does by going back, is no safe border until it has
            answering = step.handles_failures and any(o.state is OutcomeState.FAILED for o in outcomes)
            if not answering:
                self._acting.border()
            if not step.handles_failures:
                _insist(planned, actions, outcomes, gathered=step.gathers_refusals)
            try:
                actions = batches.send(outcomes)
            except StopIteration:
                return

    def _insist_on_window(self, planned: PlannedStep) -> None:
        """Refuse to begin a gated part of the cutover outside the window; what was begun is brought to its end."""
        begun = any(True for _ in self._scene.progress.standing(planned.batch, planned.step))
        if planned.phase is Phase.CUTOVER and planned.gate and not begun:
            insist_on_window(self._scene, planned.title)

    def _of(self, planned: PlannedStep) -> Step:
        step = self._steps.get(planned.step)
        if step is None or step.version != planned.version:
            message = f"this release has no step {planned.step} of contract version {planned.version}"
            raise PlanMismatch(message, remedy="Go on with the release that began the run.")
        return step

    def _pass_gate(self, planned: PlannedStep, step: Step) -> bool:
        """Go through a gate, or stop at it; True when it had to be waited for.

        The passing is journalled with what it was bound to.
        """
        about = step.gate_about(self._scene)
        if self._view(planned, GateSpec(), about).passed:
            return False  # how it opens may take reading both clusters
        spec = self._gates.get(planned.gate) or GateSpec(mode=step.gate_mode(self._scene))
        waited = False
        while True:
            self._acting.refresh()  # an approval or a revocation may have come a moment ago
            seen = self._view(planned, spec, about)
            if seen.passed:
                return waited
            if seen.open:
                break
            # they read both clusters: not at every look while the gate is closed
            words = () if waited else step.gate_words(self._scene)
            self._closed(planned, seen, words, told=waited)
            waited = True
            self._scene.doors.clock.sleep(GATE_POLL)
            self._acting.border()
            self._acting.keep_lease()
            about = step.gate_about(self._scene)
        self._acting.write([gates.event(seen, "passed", by=[str(e.data["by"]) for e in seen.approvals])])
        self._tell(planned, "gate-passed", f"{seen.gate} is open ({spec.mode})")
        return waited

    def _closed(
        self, planned: PlannedStep, seen: gates.GateView, words: Sequence[str], *, told: bool
    ) -> None:
        """Journal that the run stands at a gate, and leave unless it is to wait; `words` say what is behind it."""
        last = self._scene.progress.gate_events(seen.gate)[-1:]
        bound = gates.event(seen, "reached").data
        if not any(e.data == bound for e in last):
            self._acting.write([gates.event(seen, "reached")])
        if not told:
            self._tell(planned, "gate-closed", f"{seen.gate} {seen.missing}", behind=list(words))
        if not self._wait:
            raise GateClosed(
                "\n   ".join(
                    [
                        f"{seen.gate} {seen.missing}   plan {seen.fingerprint[:6]}, verdicts {seen.verdicts[:6]}",
                        *words,
                    ]
                ),
                gate=seen.gate,
                remedy=f"cnimigrate approve {seen.gate} --by YOU",
            )

    def _view(self, planned: PlannedStep, spec: GateSpec, about: str) -> gates.GateView:
        now = self._scene.doors.clock.now()
        return gates.view(self._scene.progress, planned.batch, planned.gate, spec, now, about)

    def _batch_ended(
        self, planned: PlannedStep, actions: Sequence[Action], outcomes: Sequence[Outcome]
    ) -> None:
        failed = sum(_failed(o) for o in outcomes)
        fields = {"kind": actions[0].kind, "actions": len(actions), "failed": failed}
        self._tell(planned, "batch-ended", _ended(actions, outcomes), **fields)
        for cluster, slowed in self._delays.news():
            name = f"{cluster.side.value} ({cluster.name})"
            self._tell(planned, "slowed", slowed.said(name), cluster=cluster.side.value, **slowed.as_json())

    def _tell(self, planned: PlannedStep, what: str, text: str, **fields: object) -> None:
        self._acting.tell(Event(what, text, planned.batch, planned.phase, planned.step, fields))


def _ended(actions: Sequence[Action], outcomes: Sequence[Outcome]) -> str:
    """What a batch came to, in a few words; one act speaks for itself where it says something."""
    if len(outcomes) == 1 and outcomes[0].evidence:
        return outcomes[0].evidence
    kind, failed = actions[0].kind, sum(_failed(o) for o in outcomes)
    stood = sum(o.stands for o in outcomes)
    past = of_kind(kind).past
    said = f"{past} {stood} object{'s' if stood != 1 else ''}" if past else f"{stood} x {kind}"
    return f"{said}, {failed} failed" if failed else said


def _failed(outcome: Outcome) -> bool:
    """Whether an Action was tried and does not stand; of the untried there is nothing to tell but what stopped them."""
    return not outcome.stands and outcome != UNTRIED


def _reached(planned: PlannedStep, until: Until) -> bool:
    if until.gate is not None and planned.gate == until.gate:
        return True
    order = list(Phase)
    return until.phase is not None and order.index(planned.phase) > order.index(until.phase)


def _insist(
    planned: PlannedStep, actions: Sequence[Action], outcomes: Sequence[Outcome], *, gathered: bool
) -> None:
    """Stop the run when an Action failed; the message spells the first failures out.

    Where refusals are gathered the step tells of them; yet what stops the run all the same tells them, too.
    """
    failures = [(a, o) for a, o in zip(actions, outcomes, strict=True) if _failed(o)]
    failures.sort(key=lambda failure: failure[1].refused)
    if all(gathered and outcome.refused for _, outcome in failures):
        return
    lines = [f"{outcome.evidence or action.key}" for action, outcome in failures[:SHOWN]]
    if len(failures) > SHOWN:
        lines.append(f"and {len(failures) - SHOWN} more")
    remedy = next(
        (o.remedy for _, o in failures if o.remedy), "Mend the cause, then run the same command to go on."
    )
    foreign = any(outcome.facts.get("foreign") for _, outcome in failures)
    kind = ForeignObject if foreign else CheckFailed
    raise kind(f"{planned.phase}: " + "\n  ".join(lines), remedy=remedy)
