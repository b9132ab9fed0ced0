"""The runner: steps in their order, gates in front of them, and what ends a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from migrate.engine import journal as journals
from migrate.engine.events import quiet
from migrate.engine.runner import Until
from migrate.errors import (
    CheckFailed,
    ClusterUnreachable,
    FailedMidway,
    GateClosed,
    PlanMismatch,
    Stopped,
    StoppedAtBorder,
)
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import BatchName, GateName, Phase, StepId
from migrate.model.migration import GateSpec, Window
from migrate.model.plan import Plan
from tests.engine.doubles import LOST, HandClock, Shelf, Stage, plan_of, planned, put, stage
from tests.engine.plans import ONE_STEP, TWO_STEPS

GATED = plan_of(planned("one"), planned("two", gate="before-start"), planned("three", Phase.CUTOVER))
WINDOWED = plan_of(planned("one"), planned("two"), planned("three", Phase.CUTOVER, gate="before-cutover"))
TODO = {"one": [[put("a")]], "two": [[put("b")]], "three": [[put("c")]]}
APPROVAL = {"before-start": GateSpec()}


def test_steps_are_done_in_order(tmp_path: Path) -> None:
    """Steps run in the Plan's order, batch by batch, and the run says that all is done."""
    todo = {"one": [[put("a"), put("b")], [put("c")]], "two": [[put("d")]]}
    with stage(tmp_path / "j", TWO_STEPS, todo) as opened:
        assert opened.run()
        assert opened.shelf.effects == ["a=1", "b=1", "c=1", "d=1"]
        assert [e.what for e in opened.events] == [
            "step-began", "batch-ended", "batch-ended", "step-done", "step-began", "batch-ended", "step-done",
        ]  # fmt: skip
        assert all(e.as_json()["event"] == e.what for e in opened.events)
        quiet(opened.events[0])


def test_a_done_run_does_nothing_again(tmp_path: Path) -> None:
    """Running a finished run again looks at no step and writes nothing."""
    shelf = Shelf()
    with stage(tmp_path / "j", TWO_STEPS, TODO, shelf=shelf) as opened:
        assert opened.run()
    with stage(tmp_path / "j", TWO_STEPS, TODO, shelf=shelf) as again:
        before = again.journal.head()
        assert again.run()
        assert again.journal.head() == before
        assert again.steps[StepId("one")].observed == 0
    assert shelf.effects == ["a=1", "b=1"]


def test_outcomes_are_sent_back_to_the_step(tmp_path: Path) -> None:
    """A step sees how its batches ended."""
    with stage(tmp_path / "j", ONE_STEP, {"one": [[put("a")], [put("b")]]}) as opened:
        opened.run()
        assert [o.evidence for o in opened.steps[StepId("one")].outcomes] == ["put a", "put b"]


def test_a_closed_gate_ends_the_run(tmp_path: Path) -> None:
    """At a closed gate the run leaves with exit 20, names the gate and what to type, and did nothing behind it."""
    with stage(tmp_path / "j", GATED, TODO) as opened:
        with pytest.raises(GateClosed, match="before-start needs an approval") as caught:
            opened.run(gates=APPROVAL)
        assert caught.value.exit_code == 20
        assert caught.value.gate == "before-start"
        assert caught.value.remedy == "cnimigrate approve before-start --by YOU"
        assert opened.shelf.effects == ["a=1"]
        assert [e.event for e in opened.progress.gates] == ["reached"]


def test_standing_at_a_gate_is_written_down_once(tmp_path: Path) -> None:
    """However often a run comes to the same closed gate, the journal says so once."""
    for _ in range(3):
        with stage(tmp_path / "j", GATED, TODO) as opened:
            with pytest.raises(GateClosed):
                opened.run(gates=APPROVAL)
            assert [e.event for e in opened.progress.gates] == ["reached"]


def test_an_approved_gate_is_passed(tmp_path: Path) -> None:
    """After an approval from another terminal the run goes through, and writes down who opened it."""
    shelf = Shelf()
    with stage(tmp_path / "j", GATED, TODO, shelf=shelf) as opened, pytest.raises(GateClosed):
        opened.run(gates=APPROVAL)
    with stage(tmp_path / "j", GATED, TODO, shelf=shelf) as again:
        again.approve("before-start", "ana")
        assert again.run(gates=APPROVAL)
        passed = again.progress.gates[-1]
        assert (passed.event, passed.data["by"]) == ("passed", ["ana"])
    assert shelf.effects == ["a=1", "b=1", "c=1"]


def test_a_passed_gate_does_not_ask_again(tmp_path: Path) -> None:
    """A run that was cut off behind a gate goes on without a new approval."""
    shelf = Shelf()
    with stage(tmp_path / "j", GATED, TODO, shelf=shelf) as opened:
        opened.approve("before-start")
        opened.shelf.answers["b"] = Outcome(OutcomeState.FAILED, "no room")
        with pytest.raises(CheckFailed):
            opened.run(gates=APPROVAL)
    shelf.answers = {}
    with stage(tmp_path / "j", GATED, TODO, shelf=shelf) as again:
        assert again.run(gates=APPROVAL)


def test_a_gate_before_nothing_opens_by_itself(tmp_path: Path) -> None:
    """A step with nothing to do is done, and the gate in front of it asks nobody."""
    with stage(tmp_path / "j", GATED, {**TODO, "two": []}) as opened:
        assert opened.run(gates=APPROVAL)
        assert opened.progress.gates == []
        assert opened.shelf.effects == ["a=1", "c=1"]


@pytest.mark.parametrize(("mode", "opens"), [("auto", True), ("approval", False)])
def test_the_step_says_where_the_file_does_not(tmp_path: Path, mode: str, *, opens: bool) -> None:
    """A gate that the file says nothing of opens as its step says."""
    with stage(tmp_path / "j", GATED, TODO, two={"mode": mode}) as opened:
        if opens:
            assert opened.run(gates={"before-start": None})
        else:
            with pytest.raises(GateClosed):
                opened.run(gates={"before-start": None})


def test_waiting_at_a_gate(tmp_path: Path) -> None:
    """With --wait the run stays at the gate, keeps its lease, says so once, and observes anew when it goes on."""
    with stage(tmp_path / "j", GATED, TODO) as opened:

        def woken() -> None:
            if len(opened.clock.slept) == 3:
                opened.approve("before-start")

        opened.clock.woken = woken
        assert opened.run(gates=APPROVAL, wait=True)
        assert opened.clock.slept == [5.0, 5.0, 5.0]
        assert opened.lock.renewed[1:4] == [0.0, 0.0, 0.0]
        assert [e.what for e in opened.events].count("gate-closed") == 1
        assert opened.steps[StepId("two")].observed == 2
        assert [e.event for e in opened.progress.gates] == ["reached", "approved", "passed"]


def test_what_was_to_do_may_be_done_after_the_waiting(tmp_path: Path) -> None:
    """A step that finds nothing left to do after the waiting is simply done."""
    with stage(tmp_path / "j", GATED, TODO) as opened:

        def woken() -> None:
            opened.steps[StepId("two")].todo = []
            opened.approve("before-start")

        opened.clock.woken = woken
        assert opened.run(gates=APPROVAL, wait=True)
        assert opened.shelf.effects == ["a=1", "c=1"]


def test_what_the_waiting_changed_is_asked_about_anew(tmp_path: Path) -> None:
    """What is found only after the waiting nobody has approved: the run stands at the gate again, until it has been."""
    with stage(tmp_path / "j", GATED, TODO) as opened:
        opened.steps[StepId("two")].abouts = ["one backend", "two backends"]
        asked: list[tuple[int, Any]] = []

        def woken() -> None:
            asked.append((len(opened.shelf.effects), opened.progress.gates[-1].data["about"]))
            opened.approve("before-start")

        opened.clock.woken = woken
        assert opened.run(gates=APPROVAL, wait=True)
        assert asked == [(1, "one backend"), (1, "two backends")]
        assert [e.event for e in opened.progress.gates] == ["reached", "approved", "passed"] * 2
        assert opened.steps[StepId("two")].observed == 3


def test_a_signal_ends_the_waiting(tmp_path: Path) -> None:
    """Ctrl-C at a gate under --wait leaves with exit 130."""
    with stage(tmp_path / "j", GATED, TODO) as opened:
        opened.clock.woken = lambda: opened.stop.receive(2)
        with pytest.raises(StoppedAtBorder):
            opened.run(gates=APPROVAL, wait=True)


def test_until_a_phase(tmp_path: Path) -> None:
    """`--until prepare` does that phase to its end and nothing of the next."""
    with stage(tmp_path / "j", GATED, TODO) as opened:
        assert not opened.run(Until(phase=Phase.PREPARE))
        assert opened.shelf.effects == ["a=1", "b=1"]


def test_until_a_gate(tmp_path: Path) -> None:
    """`--until before-start` stops before that gate without coming to it."""
    with stage(tmp_path / "j", GATED, TODO) as opened:
        assert not opened.run(Until(gate=GateName("before-start")), gates=APPROVAL)
        assert opened.shelf.effects == ["a=1"]
        assert opened.progress.gates == []
        assert opened.run(Until(gate=GateName("before-full")))


def test_a_failed_act_stops_the_run(tmp_path: Path) -> None:
    """A failure stops with exit 30 behind its batch, in the operator's words, and the step is done again later."""
    shelf = Shelf()
    shelf.answers["b"] = Outcome(OutcomeState.FAILED, "b: no room", "Make room.")
    todo = {"one": [[put("a"), put("b")], [put("c")]]}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf) as opened:
        with pytest.raises(CheckFailed, match="prepare: b: no room") as caught:
            opened.run()
        assert (caught.value.exit_code, caught.value.remedy) == (30, "Make room.")
        assert opened.progress.in_doubt() == ()
    shelf.answers = {}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf) as again:
        assert again.run()
    assert shelf.effects == ["a=1", "b=1", "c=1"]


def test_many_failures_are_counted(tmp_path: Path) -> None:
    """The first five failures are spelled out, the rest counted; without a remedy of theirs there is one of ours."""
    shelf = Shelf()
    shelf.answers = {str(n): Outcome(OutcomeState.FAILED, f"no {n}" if n else "") for n in range(7)}
    with stage(tmp_path / "j", ONE_STEP, {"one": [[put(str(n)) for n in range(7)]]}, shelf=shelf) as opened:
        with pytest.raises(CheckFailed) as caught:
            opened.run()
        lines = caught.value.message.splitlines()
        assert lines == ["prepare: put 0", "  no 1", "  no 2", "  no 3", "  no 4", "  and 2 more"]
        assert caught.value.remedy.startswith("Mend the cause")


def test_a_step_may_handle_its_failures(tmp_path: Path) -> None:
    """A step that reads its failures goes on by itself."""
    shelf = Shelf()
    shelf.answers["a"] = Outcome(OutcomeState.FAILED, "no")
    todo = {"one": [[put("a")], [put("b")]]}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf, one={"handles_failures": True}) as opened:
        assert opened.run()
        assert shelf.effects == ["b=1"]


def test_a_step_may_gather_refusals(tmp_path: Path) -> None:
    """Refused objects are left to such a step, and what comes after them is done."""
    shelf = Shelf()
    shelf.answers["a"] = Outcome(OutcomeState.FAILED, "a: no", facts={"refused": {}})
    todo = {"one": [[put("a"), put("b")], [put("c")]]}
    modes = {"gathers_refusals": True}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf, one=modes) as opened:
        assert opened.run()
        assert [o.refused for o in opened.steps[StepId("one")].outcomes] == [True, False, False]
        assert shelf.effects == ["b=1", "c=1"]


@pytest.mark.parametrize(("policy", "effects"), [("wave", ["b=1", "c=1", "d=1"]), ("stop", ["b=1", "c=1"])])
def test_the_file_says_whether_a_batch_goes_past_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Literal["wave", "stop"], effects: list[str]
) -> None:
    """With `onRefusal: stop` nothing of a batch is sent once a refusal is known; the step gets all outcomes."""
    monkeypatch.setattr("migrate.engine.acting.SLICE", 1)
    shelf = Shelf()
    shelf.answers["a"] = Outcome(OutcomeState.FAILED, "a: no", facts={"refused": {}})
    todo = {"one": [[put("a"), put("b"), put("c"), put("d")]]}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf, one={"gathers_refusals": True}) as opened:
        migration = opened.scene.migration
        workloads = migration.workloads.model_copy(update={"on_refusal": policy})
        opened.scene = replace(opened.scene, migration=migration.model_copy(update={"workloads": workloads}))
        assert opened.run()
        assert shelf.effects == effects
        assert len(opened.steps[StepId("one")].outcomes) == 4
        (said,) = (e for e in opened.events if e.what == "batch-ended")
        assert (said.text, said.fields["failed"]) == (f"{len(effects)} x put, 1 failed", 1)


def test_a_signal_is_heard_while_refusals_are_gathered(tmp_path: Path) -> None:
    """Behind a batch with refusals there is a safe border as behind any other."""

    class Rung(Shelf):
        def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
            opened.stop.receive(2)
            return super().act(actions)

    shelf = Rung()
    shelf.answers["a"] = Outcome(OutcomeState.FAILED, "a: no", facts={"refused": {}})
    todo = {"one": [[put("a"), put("b")], [put("c")]]}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf, one={"gathers_refusals": True}) as opened:
        with pytest.raises(StoppedAtBorder):
            opened.run()
        assert shelf.effects == ["b=1"]


def test_another_failure_ends_what_is_gathered(tmp_path: Path) -> None:
    """A failure that is no object's own refusal stops the run; what was refused beside it is told after it."""
    shelf = Shelf()
    shelf.answers["a"] = Outcome(OutcomeState.FAILED, "a: refused", facts={"refused": {}})
    shelf.answers["b"] = Outcome(OutcomeState.FAILED, "b: no right")
    todo = {"one": [[put("a"), put("b")], [put("c")]]}
    modes = {"gathers_refusals": True}
    with stage(tmp_path / "j", ONE_STEP, todo, shelf=shelf, one=modes) as opened:
        with pytest.raises(CheckFailed) as caught:
            opened.run()
        assert caught.value.message.splitlines() == ["prepare: b: no right", "  a: refused"]
        assert shelf.effects == []


@pytest.mark.parametrize("plan", [plan_of(planned("one", version=2)), plan_of(planned("none"))])
def test_an_unknown_contract_is_refused(tmp_path: Path, plan: Plan) -> None:
    """A step of another contract version, or of a name that this release has not, is refused with exit 50."""
    with stage(tmp_path / "j", plan, {}) as opened:
        opened.steps.pop(StepId("none"), None)
        with pytest.raises(PlanMismatch, match="has no step") as caught:
            opened.run()
        assert caught.value.exit_code == 50
        assert opened.progress.steps_done == {}


def test_a_done_step_of_an_unknown_contract_is_passed_over(tmp_path: Path) -> None:
    """A step that an older release has done needs no code of this one."""
    with stage(tmp_path / "j", TWO_STEPS, TODO) as opened:
        assert not opened.run(Until(phase=Phase.ASSESS))
        assert opened.run()
    with stage(tmp_path / "j", TWO_STEPS, TODO) as again:
        again.steps.clear()
        assert again.run()


def test_a_cluster_lost_while_looking_before_any_act(tmp_path: Path) -> None:
    """A step that cannot look at the world before anything was done stops with exit 30."""
    with stage(tmp_path / "j", ONE_STEP, TODO, one={"raises": LOST}) as opened:
        with pytest.raises(ClusterUnreachable) as caught:
            opened.run()
        assert caught.value.exit_code == 30


def test_a_cluster_lost_while_looking_mid_run(tmp_path: Path) -> None:
    """A step that cannot look at the world after acts ends the run in the middle: exit 32, never "nothing changed"."""
    with stage(tmp_path / "j", TWO_STEPS, TODO, two={"raises": LOST}) as opened:
        with pytest.raises(FailedMidway) as caught:
            opened.run()
        assert caught.value.exit_code == 32
        assert opened.progress.done(BatchName(""), StepId("one"))


def test_a_revocation_from_another_terminal_is_heard_at_the_gate(tmp_path: Path) -> None:
    """An approval that was revoked before the run comes to the gate does not open it."""
    with stage(tmp_path / "j", GATED, {**TODO, "one": []}) as opened:
        opened.approve("before-start")
        with journals.open_(opened.journal.path, HandClock()) as other:
            from migrate.engine import gates

            seen = gates.view(
                opened.progress, BatchName(""), GateName("before-start"), GateSpec(), opened.clock.now()
            )
            other.append([gates.event(seen, "revoked", by="ana")])
        with pytest.raises(GateClosed):
            opened.run(gates=APPROVAL)


def in_window(opened: Stage, start: str, end: str) -> Stage:
    """The same stage under a migration file with a change window."""
    migration = opened.scene.migration.model_copy(update={"window": Window(start=start, end=end)})
    opened.scene = replace(opened.scene, migration=migration)
    return opened


@pytest.mark.parametrize(
    ("start", "end", "opens"),
    [
        ("2026-01-05T09:00+00:00", "2026-01-05T10:00+00:00", True),
        ("2026-01-05T05:00-03:00", "2026-01-05T06:01-03:00", True),
        ("2026-01-05T09:01+00:00", "2026-01-05T10:00+00:00", False),
        ("2026-01-05T08:00+00:00", "2026-01-05T09:00+00:00", False),
    ],
)
def test_the_cutover_keeps_to_its_window(tmp_path: Path, start: str, end: str, *, opens: bool) -> None:
    """Outside the change window the cutover is refused with exit 30; what comes before it is not."""
    with stage(tmp_path / "j", WINDOWED, TODO) as opened:
        in_window(opened, start, end)
        if opens:
            assert opened.run()
            return
        with pytest.raises(Stopped, match="outside the window") as caught:
            opened.run()
        assert caught.value.exit_code == 30
        assert opened.shelf.effects == ["a=1", "b=1"]


def test_a_window_that_closes_during_the_waiting(tmp_path: Path) -> None:
    """An approval that comes when the window has closed opens no cutover."""
    plan = plan_of(planned("three", Phase.CUTOVER, gate="before-cutover"))
    with stage(tmp_path / "j", plan, TODO) as opened:
        in_window(opened, "2026-01-05T08:00+00:00", "2026-01-05T09:00:03+00:00")
        opened.clock.woken = lambda: opened.approve("before-cutover")
        with pytest.raises(Stopped, match="outside the window"):
            opened.run(gates={"before-cutover": GateSpec()}, wait=True)
        assert opened.shelf.effects == []
