"""The way back: inverses newest first, from the journal alone, as durable as the way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from migrate.engine.acting import SLICE
from migrate.engine.undo import CHUNK, roll_back, way_back
from migrate.errors import CheckFailed, GateClosed, Stopped, StoppedAtBorder
from migrate.model.action import BEGUN, Action, Outcome, OutcomeState
from migrate.model.entry import EntryKind, text_of
from migrate.model.ids import Phase, StepId
from migrate.model.migration import GateSpec
from migrate.simulation.faults import Killed
from tests.engine.doubles import Shelf, Stage, plan_of, planned, put, stage

PLAN = plan_of(
    planned("one", Phase.PREPARE),
    planned("two", Phase.REPLAY, gate="before-replay"),
    planned("three", Phase.CUTOVER, one_way="what was written since is lost"),
)
TODO = {
    "one": [[put("a"), put("b")]],
    "two": [[put("c", 3), put("note", back=False)], [put("c2")]],
    "three": [[put("d")]],
}


def back(opened: Stage, to: Phase | None = None, *, accept: bool = False) -> None:
    """Go back to the end of a phase."""
    assert opened.progress.plan is not None
    way = way_back(opened.progress.plan, opened.progress, to)
    roll_back(way, opened.acting, opened.progress.plan, accept_data_loss=accept)


def done(path: Path, todo: dict[str, Sequence[Sequence[Action]]] | None = None) -> Shelf:
    """A shelf on which the whole Plan was done."""
    shelf = Shelf()
    shelf.things["a"] = "before"
    with stage(path, PLAN, todo or TODO, shelf=shelf) as opened:
        assert opened.run()
    shelf.effects.clear()
    return shelf


def test_newest_first(tmp_path: Path) -> None:
    """Steps and acts are taken back in the opposite order, each to the value that it found."""
    shelf = done(tmp_path / "j")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        back(opened, accept=True)
        assert shelf.effects == ["d=None", "c2=None", "c=None", "b=None", "a=before"]
        assert opened.progress.steps_done == {}
        assert [e.text for e in opened.events if e.what == "undo-began"] == [
            "back over title of three", "back over title of two", "back over title of one",
        ]  # fmt: skip


def test_what_has_no_inverse_stays(tmp_path: Path) -> None:
    """An act without a way back is left standing, and counted out of the way back."""
    shelf = done(tmp_path / "j")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        assert way_back(PLAN, opened.progress, None).acts == 5
        back(opened, accept=True)
    assert shelf.things["note"] == 1


def test_back_to_a_phase(tmp_path: Path) -> None:
    """`--to replay` takes back what came after that phase, and nothing of it."""
    shelf = done(tmp_path / "j")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        back(opened, Phase.REPLAY, accept=True)
        assert shelf.effects == ["d=None"]
        assert {step for _, step in opened.progress.steps_done} == {"one", "two"}


def test_a_point_of_no_return_is_refused(tmp_path: Path) -> None:
    """Going back over a one-way step is refused with exit 30 before anything is taken back."""
    shelf = done(tmp_path / "j")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        before = opened.journal.head()
        with pytest.raises(Stopped, match="three loses data: what was written since is lost") as caught:
            back(opened)
        assert caught.value.exit_code == 30
        assert "--accept-data-loss" in caught.value.remedy
        assert shelf.effects == []
        assert opened.journal.head() == before


def test_a_one_way_step_that_did_nothing_loses_nothing(tmp_path: Path) -> None:
    """A one-way step without a standing act is gone back over without a word."""
    shelf = done(tmp_path / "j", {**TODO, "three": []})
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        back(opened, Phase.REPLAY)
        assert StepId("three") not in {step for _, step in opened.progress.steps_done}


def test_nothing_begun_is_nothing_to_go_back_over(tmp_path: Path) -> None:
    """Steps that were never begun are not on the way back."""
    with stage(tmp_path / "j", PLAN, TODO) as opened:
        assert way_back(PLAN, opened.progress, None).steps == ()
        back(opened)
        assert opened.shelf.effects == []


def test_forward_again(tmp_path: Path) -> None:
    """After going back the run goes forward again, does everything anew, and ends as before."""
    shelf = done(tmp_path / "j")
    there = dict(shelf.things)
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        back(opened, accept=True)
    shelf.effects.clear()
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        assert again.run()
    assert shelf.things == there
    assert shelf.effects == ["a=1", "b=1", "c=3", "c2=1", "d=1"]


def test_what_was_recorded_holds_no_longer(tmp_path: Path) -> None:
    """What a step wrote down without an inverse is forgotten with the step, so that it is done anew."""
    shelf = done(tmp_path / "j")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        assert opened.progress.stands("put note")
        back(opened, accept=True)
        assert not opened.progress.stands("put note")


def test_a_gate_on_the_way_back_closes(tmp_path: Path) -> None:
    """What was approved has been taken back: going forward again asks again."""
    shelf, approval = Shelf(), {"before-replay": GateSpec()}
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        with pytest.raises(GateClosed):
            opened.run(gates=approval)
        opened.approve("before-replay")
        assert opened.run(gates=approval)
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        back(again, Phase.PREPARE, accept=True)
        with pytest.raises(GateClosed):
            again.run(gates=approval)


def test_nothing_builds_on_what_is_on_its_way_out(tmp_path: Path) -> None:
    """An undo that was begun and has not ended: its act counts as standing no more, and is still to be taken back."""
    shelf = done(tmp_path / "j")
    shelf.answers["c"] = Outcome(OutcomeState.FAILED, "c lingers", facts={BEGUN: True})
    lingers = pytest.raises(CheckFailed, match="c lingers")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened, lingers:
        back(opened, accept=True)
    shelf.answers.clear()
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        assert not again.progress.stands("put c")
        assert again.progress.stands("put b")
        way = way_back(PLAN, again.progress, Phase.PREPARE)
        assert "put c" in [i.action.key for _, intents in way.steps for i in intents]
        back(again, accept=True)
        assert again.progress.steps_done == {}
    assert shelf.things["c"] is None


def test_a_refused_undo_stops(tmp_path: Path) -> None:
    """An inverse that is refused stops with exit 30; what was taken back stays so, and the rest waits."""
    shelf = done(tmp_path / "j")
    shelf.answers["c"] = Outcome(OutcomeState.FAILED, "c is stuck")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        with pytest.raises(CheckFailed, match="going back over title of two: c is stuck") as caught:
            back(opened, accept=True)
        assert caught.value.exit_code == 30
    shelf.answers = {}
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        back(again, accept=True)
    assert shelf.effects == ["d=None", "c2=None", "c=None", "b=None", "a=before"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["a", "b", "c", "c2", "d"])
def test_a_killed_undo_is_resumed(tmp_path: Path, name: str, *, after: bool) -> None:
    """A rollback killed at any act, before or after its effect, is resumed to the same end, each act once."""
    shelf = done(tmp_path / "j")
    shelf.answers[name] = Killed()
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened, pytest.raises(Killed):
        back(opened, accept=True)
    shelf.answers = {}
    if after:
        shelf.things[name] = "before" if name == "a" else None
        shelf.effects.append(f"{name}={shelf.things[name]}")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        again.acting.settle()
        back(again, accept=True)
        assert again.progress.in_doubt() == ()
        assert again.progress.steps_done == {}
    assert sorted(shelf.effects) == ["a=before", "b=None", "c2=None", "c=None", "d=None"]


def test_a_half_undone_step_is_done_again_going_forward(tmp_path: Path) -> None:
    """A run that goes forward after a rollback was cut off does the half-undone step again, and skips nothing."""
    shelf = done(tmp_path / "j")
    there = dict(shelf.things)
    shelf.answers["c"] = Killed()
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened, pytest.raises(Killed):
        back(opened, accept=True)
    shelf.answers = {}
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        assert again.run()
    assert shelf.things == there


def test_a_signal_stops_between_two_slices(tmp_path: Path) -> None:
    """A signal during a rollback lets what is under way end, leaves with exit 130, and the next one goes on."""
    many = {"one": [[put(f"n{n}") for n in range(CHUNK + 50)]]}
    plan = plan_of(planned("one"))
    shelf = Shelf()
    with stage(tmp_path / "j", plan, many, shelf=shelf) as opened:
        opened.run()
    shelf.effects.clear()
    with stage(tmp_path / "j", plan, many, shelf=shelf) as again:
        shelf.seen = {}
        inner = shelf.act

        def act(actions: Sequence[Action]) -> Sequence[Outcome]:
            again.stop.receive(15) if not again.stop.asked else None
            return inner(actions)

        shelf.act = act  # type: ignore[method-assign]
        with pytest.raises(StoppedAtBorder):
            back(again)
        assert len(shelf.effects) == SLICE < CHUNK
        assert len(shelf.things) == CHUNK + 50
    shelf.act = inner  # type: ignore[method-assign]
    with stage(tmp_path / "j", plan, many, shelf=shelf) as third:
        back(third)
    assert len(shelf.effects) == CHUNK + 50


def test_kinds_are_not_mixed_in_a_batch(tmp_path: Path) -> None:
    """Neighbours of one kind go back together, another kind in a batch of its own."""
    plan = plan_of(planned("one"))
    lifted = replace(put("x", kind="lift"), params={"name": "x", "value": 1})

    class Kinds(Shelf):
        batches: list[list[str]]

        def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
            return [a.with_prior(None, replace(put(a.params["name"], None), kind=a.kind)) for a in actions]

        def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
            self.batches.append([f"{a.kind} {a.params['name']}" for a in actions])
            return super().act(actions)

    shelf = Kinds()
    shelf.batches = []
    with stage(
        tmp_path / "j", plan, {"one": [[put("a"), put("b")], [lifted], [put("c")]]}, shelf=shelf
    ) as opened:
        opened.run()
        shelf.batches.clear()
        back(opened)
    assert shelf.batches == [["put c"], ["lift x"], ["put b", "put a"]]


def test_an_undo_of_what_is_in_doubt_is_looked_up(tmp_path: Path) -> None:
    """What was in doubt when the rollback began is settled first, and taken back if it stands."""
    shelf = Shelf()
    shelf.answers["d"] = Killed()
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened, pytest.raises(Killed):
        opened.run()
    shelf.answers = {}
    shelf.things["d"] = 1
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        assert again.progress.in_doubt() != ()
        again.acting.settle()
        back(again, accept=True)
        assert shelf.things["d"] is None


# --- waves, batches, and what is secured before --------------------------------------------------------------------


class Batching(Shelf):
    """A shelf that remembers what was done together."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Remember, and do."""
        self.batches.append([str(a.params["name"]) for a in actions])
        return super().act(actions)


def taken_back(path: Path, *lives: Sequence[Sequence[Action]]) -> list[list[str]]:
    """What goes back together, after a step that came to its end in so many lives."""
    plan, shelf = plan_of(planned("one")), Batching()
    for todo in lives:
        with stage(path, plan, {"one": todo}, shelf=shelf) as opened:
            if todo is not lives[-1]:
                shelf.answers["stop"] = Outcome(OutcomeState.FAILED, "refused")
                with pytest.raises(CheckFailed):
                    opened.run()
                shelf.answers = {}
            else:
                assert opened.run()
    with stage(path, plan, {}, shelf=shelf) as again:
        shelf.batches.clear()
        back(again)
    return shelf.batches


def test_what_was_done_in_two_batches_is_not_undone_in_one(tmp_path: Path) -> None:
    """Ranks of one wave are batches of the way there, and so they are of the way back."""
    there = [[put("claim", wave=7), put("claim-2", wave=7)], [put("set", wave=7)], [put("pod", wave=11)]]
    assert taken_back(tmp_path / "j", there) == [["pod"], ["set"], ["claim-2", "claim"]]


def test_the_last_wave_goes_first_though_an_early_one_came_late(tmp_path: Path) -> None:
    """A policy that a resumed replay added after the pods is newer than they are, and goes after them all the same."""
    first = [[put("policy", wave=4)], [put("pod", wave=11)], [put("stop", wave=11)]]
    second = [
        [put("policy", wave=4)],
        [put("late-policy", wave=4)],
        [put("merged")],
        [put("pod", wave=11)],
        [put("pod-2", wave=11)],
    ]
    assert taken_back(tmp_path / "j", first, second) == [
        ["pod-2"], ["pod"], ["merged"], ["late-policy"], ["policy"],
    ]  # fmt: skip


def test_what_goes_back_by_a_rank_lends_it_to_no_act_behind_it(tmp_path: Path) -> None:
    """Links go first, whenever they were written; a patch behind one goes back with the wave before it."""
    first = [[put("policy", wave=4)], [put("link", rank=13)], [put("merged")], [put("pod", wave=11)]]
    assert taken_back(tmp_path / "j", first) == [["link"], ["pod"], ["merged"], ["policy"]]


def lifted(name: str) -> Action:
    """Something to secure, without a way back."""
    return put(name, kind="lift", back=False)


def secured(opened: Stage, seen: list[list[str]]) -> None:
    """Go back over everything; before each step its acts back are looked at, and what is to stand is lifted."""
    assert opened.progress.plan is not None

    def securing(inverses: Sequence[Action]) -> Sequence[Action]:
        seen.append([str(a.params["name"]) for a in inverses])
        return [lifted("safe")] if opened.shelf.things.get("safe") is None else ()

    way = way_back(opened.progress.plan, opened.progress, None)
    roll_back(way, opened.acting, opened.progress.plan, accept_data_loss=True, securing=securing)


def test_what_is_to_be_secured_stands_before_the_first_act_back(tmp_path: Path) -> None:
    """It is looked for before each step, done as acts of its own, told, looked at again, and not taken back."""
    shelf = done(tmp_path / "j")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        seen: list[list[str]] = []
        secured(opened, seen)
        assert seen == [["d"], ["d"], ["c2", "c"], ["b", "a"]]
        assert shelf.effects == ["safe=1", "d=None", "c2=None", "c=None", "b=None", "a=before"]
        assert [e.text for e in opened.events if e.what == "secured"] == ["put safe"]
    assert shelf.things["safe"] == 1


@pytest.mark.parametrize("name", ["safe", "d"])
def test_a_resumed_rollback_does_not_take_back_what_was_secured(tmp_path: Path, name: str) -> None:
    """Killed at the securing, or between it and the first act back, the next one finds it and goes on."""
    shelf = done(tmp_path / "j")
    shelf.answers[name] = Killed()
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened, pytest.raises(Killed):
        secured(opened, [])
    shelf.answers = {}
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        again.acting.settle()
        secured(again, [])
        assert again.progress.steps_done == {}
        assert way_back(PLAN, again.progress, None).steps == ()
    assert shelf.effects.count("safe=1") == 1
    assert shelf.things["safe"] == 1


def test_what_cannot_be_secured_stops_the_way_back(tmp_path: Path) -> None:
    """Where it is refused, or something sets it back again, nothing is taken back (exit 30)."""
    shelf = done(tmp_path / "j")
    shelf.answers["safe"] = Outcome(OutcomeState.FAILED, "forbidden")
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        with pytest.raises(CheckFailed, match="going back over title of three: forbidden") as caught:
            secured(opened, [])
        assert caught.value.exit_code == 30
    shelf.answers["safe"] = Outcome(OutcomeState.DONE, "answered, and did nothing")
    with (
        stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened,
        pytest.raises(CheckFailed, match="lift safe does not last"),
    ):
        secured(opened, [])
    assert shelf.effects == []


def test_an_act_back_does_not_repeat_its_intent(tmp_path: Path) -> None:
    """The journal has the prior value where it was found, and whoever reads the journal has the whole act."""
    shelf = Shelf()
    shelf.things["a"] = "before" * 1000
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as opened:
        assert opened.run()
        forward = opened.journal.head()[0]
        back(opened, accept=True)
        acts = [e for e in opened.journal.entries(after=forward) if e.kind is EntryKind.INTENT]
    assert len(acts) == 5
    assert max(len(text_of(e.data)) for e in acts) < 200
    with stage(tmp_path / "j", PLAN, TODO, shelf=shelf) as again:
        undone = {
            i.action.params["name"]: i.action.params["value"] for i in again.progress.intents() if i.undoes
        }
    assert undone == {"a": "before" * 1000, "b": None, "c": None, "c2": None, "d": None}
