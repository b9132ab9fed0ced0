"""Steps that are done again: quiet where there is nothing to do, durable where there is, over once what ends them began."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from migrate.engine import again
from migrate.engine.runner import Until
from migrate.errors import GateClosed, StoppedAtBorder
from migrate.model.action import Action
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import NO_BATCH, GateName, Phase, StepId
from migrate.model.migration import GateSpec
from tests.engine.doubles import Shelf, Stage, plan_of, planned, put, stage

END = StepId("end")
PLAN = plan_of(
    planned("source"),
    planned("judge", gate="before-start"),
    planned("end", Phase.CUTOVER),
    planned("late", Phase.SOAK),
)
MODES: dict[str, Any] = {"source": {"again_until": END}, "judge": {"again_until": END, "follows": True}}
BEFORE = Until(phase=Phase.PREPARE)
FIRST = {"source": [[put("a")]], "judge": [[put("b")]], "end": [[put("c")]], "late": [[put("d")]]}
MORE = {**FIRST, "source": [[put("a"), put("a2")]], "judge": [[put("b2")]]}


def test_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    """A step that recurs is asked, one that follows is not; the journal and the steps done stay as they are."""
    shelf = Shelf()
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as opened:
        assert not opened.run(BEFORE)
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as later:
        head = later.journal.head()
        assert not later.run(BEFORE)
        assert later.journal.head() == head
        assert [later.steps[StepId(s)].observed for s in ("source", "judge")] == [1, 0]


def test_what_follows_is_done_again_too(tmp_path: Path) -> None:
    """The step is opened again with what judges it; what it did since is counted apart."""
    shelf = Shelf()
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as opened:
        opened.run(BEFORE)
        assert again.counts(opened.progress, NO_BATCH, StepId("source")) == dict.fromkeys(
            ("created", "changed", "deleted"), 0
        )
    with stage(tmp_path / "j", PLAN, MORE, shelf=shelf, **MODES) as later:
        later.run(BEFORE)
        assert shelf.effects == ["a=1", "b=1", "a2=1", "b2=1"]
        assert [str(i.action.key) for i in later.progress.since_again(NO_BATCH, StepId("source"))] == [
            "put a2"
        ]
        assert set(later.progress.steps_done) == {(NO_BATCH, StepId("source")), (NO_BATCH, StepId("judge"))}


def test_a_run_that_is_cut_off_leaves_both_open(tmp_path: Path) -> None:
    """A signal behind the first act: the step and what judges it are done no longer, and the next run does both."""

    class Rung(Shelf):
        def act(self, actions: Sequence[Action]) -> Any:
            stopped.append(1)
            return super().act(actions)

    stopped: list[int] = []
    shelf = Rung()
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as opened:
        opened.run(BEFORE)
    with stage(tmp_path / "j", PLAN, MORE, shelf=shelf, **MODES) as cut:
        stopped.clear()
        _ring_once_it_acts(cut, stopped)
        with pytest.raises(StoppedAtBorder):
            cut.run(BEFORE)
        assert cut.progress.steps_done == {}
    with stage(tmp_path / "j", PLAN, MORE, shelf=shelf, **MODES) as resumed:
        resumed.run(BEFORE)
        assert shelf.effects == ["a=1", "b=1", "a2=1", "b2=1"]


def _ring_once_it_acts(opened: Stage, acted: list[int]) -> None:
    renew = opened.lock.renew

    def ring(needed: float, head: str) -> None:
        renew(needed, head)
        acted.append(0)
        opened.stop.receive(2)

    opened.lock.renew = ring  # type: ignore[method-assign]


@pytest.mark.parametrize("done", ["end", "late"])
def test_it_is_over_once_the_end_has_begun(tmp_path: Path, done: str) -> None:
    """Neither once that step is done, nor where only what comes after it stands."""
    shelf = Shelf()
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as opened:
        assert again.not_begun(PLAN, opened.progress, END)
        assert opened.run()
        if done == "late":
            opened.acting.write([Draft(EntryKind.STEP, {"state": "undone"}, NO_BATCH, END)])
            opened.acting.write([Draft(EntryKind.STEP, {"state": "undoing"}, NO_BATCH, StepId("late"))])
        assert not again.not_begun(PLAN, opened.progress, END)
    with stage(tmp_path / "j", PLAN, MORE, shelf=shelf, **MODES) as later:
        later.run()
        assert "a2=1" not in shelf.effects


def test_a_gate_that_was_passed_asks_again_about_something_else(tmp_path: Path) -> None:
    """As long as it is about the same it stays passed."""
    shelf, approval = Shelf(), {"before-start": GateSpec()}
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as opened:
        opened.steps[StepId("judge")].about = "one"
        with pytest.raises(GateClosed):
            opened.run(BEFORE, gates=approval)
        opened.approve("before-start")
        opened.run(BEFORE, gates=approval)
        passed = [e.data["about"] for e in opened.progress.gates if e.event == "passed"]
        assert passed == ["one"]
    for about, asks in (("one", False), ("two", True)):
        todo = {**MORE, "source": [[put(about)]], "judge": [[put(f"b {about}")]]}
        with stage(tmp_path / "j", PLAN, todo, shelf=shelf, **MODES) as later:
            later.steps[StepId("judge")].about = about
            if not asks:
                later.run(BEFORE, gates=approval)
                continue
            with pytest.raises(GateClosed):
                later.run(BEFORE, gates=approval)


def test_until_a_gate_of_a_done_step_stops_there(tmp_path: Path) -> None:
    """What recurs before it is asked, the gate's own step is not."""
    shelf = Shelf()
    with stage(tmp_path / "j", PLAN, FIRST, shelf=shelf, **MODES) as opened:
        opened.run(BEFORE)
    with stage(tmp_path / "j", PLAN, MORE, shelf=shelf, **MODES) as later:
        assert not later.run(Until(gate=GateName("before-start")))
        assert shelf.effects == ["a=1", "b=1", "a2=1"]
