"""The write protocol: intent before the act, outcome after it, what is in doubt looked at."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from migrate.engine import acting
from migrate.engine import journal as journals
from migrate.engine.acting import ANEW, UNTRIED, settled
from migrate.engine.journal import Journal
from migrate.errors import (
    ClusterUnreachable,
    FailedMidway,
    Fenced,
    Forbidden,
    ForeignObject,
    OutcomeUnknown,
    PlanMismatch,
    StoppedAtBorder,
)
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.entry import Draft, Entry, EntryKind
from migrate.model.ids import NO_BATCH, StepId
from migrate.simulation.faults import Killed
from tests.engine.doubles import LOST, HandClock, Shelf, Stage, put, stage
from tests.engine.plans import ONE_STEP

STEP = StepId("one")


def kinds(opened: Stage) -> list[str]:
    """The kinds of the journal's entries behind the beginning."""
    return [e.kind.value for e in opened.journal.entries(after=3)]


def test_intents_are_durable_before_the_first_act(tmp_path: Path) -> None:
    """When the handler acts, another process can read the intents of the whole batch."""
    seen: list[int] = []

    class Looking(Shelf):
        def act(self, actions: Sequence[object]) -> Sequence[Outcome]:
            with journals.open_(tmp_path / "j", HandClock()) as other:
                seen.append(sum(e.kind is EntryKind.INTENT for e in other.entries()))
            return super().act(actions)  # type: ignore[arg-type]

    with stage(tmp_path / "j", ONE_STEP, {}, shelf=Looking()) as opened:
        opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        assert kinds(opened) == ["intent", "intent", "outcome", "outcome"]
    assert seen == [2]


def test_the_inverse_is_in_the_intent(tmp_path: Path) -> None:
    """The way back, with the prior value, is journalled before the act."""
    shelf = Shelf()
    shelf.things["a"] = "before"
    with stage(tmp_path / "j", ONE_STEP, {}, shelf=shelf) as opened:
        opened.acting.do(NO_BATCH, STEP, [put("a", "after")])
        (intent,) = opened.progress.intents()
        assert intent.action.prior == "before"
        assert intent.action.inverse is not None
        assert intent.action.inverse.params["value"] == "before"


class Restless(Shelf):
    """A shelf on which somebody changes "a" between the look and the act, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Do all but what was changed."""
        outcomes = []
        for action in actions:
            if action.key == put("a").key and self.left:
                self.left -= 1
                self.things["a"] = f"theirs {self.left}"
                outcomes.append(Outcome(OutcomeState.FAILED, "a was changed", facts={"stale": True}))
            else:
                outcomes.extend(super().act([action]))
        return outcomes


def test_what_changed_since_it_was_read_gets_an_intent_of_its_own(tmp_path: Path) -> None:
    """Only the stale one is prepared anew, and the way back that counts is to what was found then."""
    with stage(tmp_path / "j", ONE_STEP, {}, shelf=Restless(1)) as opened:
        outcomes = opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        assert [o.state for o in outcomes] == [OutcomeState.DONE, OutcomeState.DONE]
        assert kinds(opened) == ["intent", "intent", "outcome", "outcome", "intent", "outcome"]
        assert [i.action.prior for i in opened.progress.intents() if i.action.key == put("a").key][
            -1
        ] == "theirs 0"


def test_what_changes_all_the_time_fails(tmp_path: Path) -> None:
    """After a few intents the last word stands: a person must stop whoever writes there."""
    with stage(tmp_path / "j", ONE_STEP, {}, shelf=Restless(99)) as opened:
        (outcome,) = opened.acting.do(NO_BATCH, STEP, [put("a")])
        assert (outcome.state, outcome.evidence) == (OutcomeState.FAILED, "a was changed")
        assert kinds(opened) == ["intent", "outcome"] * (1 + ANEW)


def test_the_lease_covers_the_longest_deadline(tmp_path: Path) -> None:
    """Before a batch the lock is renewed for the longest of its deadlines."""
    from dataclasses import replace

    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.acting.do(NO_BATCH, STEP, [put("a"), replace(put("b"), deadline=600.0)])
        assert opened.lock.renewed == [600.0]


def test_a_fenced_runner_does_not_act(tmp_path: Path) -> None:
    """Once another process has taken the journal over, the intent is refused and nothing is done."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        with journals.open_(tmp_path / "j", HandClock()) as other:
            other.take_over()
        with pytest.raises(Fenced):
            opened.acting.do(NO_BATCH, STEP, [put("a")])
        assert opened.shelf.effects == []
        assert kinds(opened) == []


@pytest.mark.parametrize("error", [Fenced("taken"), LOST])
def test_without_the_lease_nothing_is_intended(tmp_path: Path, error: Exception) -> None:
    """A lease that is lost, or whose cluster is, ends the run before the intent."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.lock.raises = error
        with pytest.raises((Fenced, ClusterUnreachable)):
            opened.acting.do(NO_BATCH, STEP, [put("a")])
        assert kinds(opened) == []
        assert opened.shelf.effects == []


def test_a_lost_cluster_before_the_first_act(tmp_path: Path) -> None:
    """A cluster that does not answer before anything was intended stops the run with exit 30."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.shelf.lost = LOST
        with pytest.raises(ClusterUnreachable, match="no answer") as caught:
            opened.acting.do(NO_BATCH, STEP, [put("a")])
    assert caught.value.exit_code == 30


def test_a_lost_cluster_mid_run(tmp_path: Path) -> None:
    """A cluster that is lost after acts ends the run in the middle: exit 32, chained to its cause."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.acting.do(NO_BATCH, STEP, [put("a")])
        opened.shelf.lost = LOST
        with pytest.raises(FailedMidway) as caught:
            opened.acting.do(NO_BATCH, STEP, [put("b")])
    assert caught.value.exit_code == 32
    assert caught.value.__cause__ is LOST


def test_a_lost_reply_is_looked_up_at_once(tmp_path: Path) -> None:
    """An act without an answer is looked at: what stands is adopted, without a second act."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.shelf.lose_reply.add("a")
        (outcome,) = opened.acting.do(NO_BATCH, STEP, [put("a")])
        assert outcome.state is OutcomeState.ADOPTED
        assert opened.shelf.effects == ["a=1"]
        assert opened.progress.in_doubt() == ()


def test_why_a_reply_was_lost_is_kept(tmp_path: Path) -> None:
    """What is seen afterwards does not take the place of the door's words: they name what has to be mended."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.shelf.answers["a"] = Outcome(OutcomeState.UNKNOWN, "no answer about a: connection reset")
        (outcome,) = opened.acting.do(NO_BATCH, STEP, [put("a")])
    assert outcome.state is OutcomeState.ABSENT
    assert outcome.evidence == "a is absent, after no answer about a: connection reset"


def test_an_act_that_can_neither_be_done_nor_seen_is_unknown(tmp_path: Path) -> None:
    """Where looking is refused, the outcome is written down as unknown, and the run leaves with exit 33."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.shelf.answers["a"] = Outcome(OutcomeState.UNKNOWN, "no answer about a")
        opened.shelf.seen["a"] = Forbidden("may not look")
        with pytest.raises(OutcomeUnknown, match="no answer about a") as caught:
            opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        assert caught.value.exit_code == 33
        assert 'cnimigrate resolve "put a" --as done|absent' in caught.value.remedy
        assert [i.action.key for i in opened.progress.in_doubt()] == ["put a"]
        assert opened.progress.stands("put b")


def test_several_unknowns_are_counted(tmp_path: Path) -> None:
    """The message names the first and says how many more there are."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        for name in "abc":
            opened.shelf.answers[name] = Outcome(OutcomeState.UNKNOWN, f"no answer about {name}", "Look.")
            opened.shelf.seen[name] = Forbidden("may not look")
        with pytest.raises(OutcomeUnknown, match=r"about a \(and 2 more\)") as caught:
            opened.acting.do(NO_BATCH, STEP, [put(n) for n in "abc"])
        assert caught.value.remedy == "Look."


def test_what_was_under_way_in_a_cluster_that_is_lost_stays_in_doubt(tmp_path: Path) -> None:
    """Exit 32 and not 33: the next run looks by itself; what was answered before is written down."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        for name in "bc":
            opened.shelf.answers[name] = Outcome(OutcomeState.UNKNOWN, f"no answer about {name}")
            opened.shelf.seen[name] = LOST
        with pytest.raises(FailedMidway) as caught:
            opened.acting.do(NO_BATCH, STEP, [put(n) for n in "abc"])
        assert caught.value.exit_code == 32
        assert opened.progress.stands("put a")
        assert [i.action.key for i in opened.progress.in_doubt()] == ["put b", "put c"]


def test_a_mute_unknown_with_a_lost_cluster_is_lost(tmp_path: Path) -> None:
    """An unknown outcome that says nothing, in a cluster that cannot be read, is a lost cluster: exit 32."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.shelf.answers["a"] = Outcome(OutcomeState.UNKNOWN)
        opened.shelf.seen["a"] = LOST
        with pytest.raises(FailedMidway):
            opened.acting.do(NO_BATCH, STEP, [put("a")])
        assert [i.action.key for i in opened.progress.in_doubt()] == ["put a"]


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """An Action of a kind that this release has no handler for is a disagreement: exit 50, nothing intended."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        with pytest.raises(PlanMismatch, match="'dance'"):
            opened.acting.do(NO_BATCH, STEP, [put("a", kind="dance")])
        assert kinds(opened) == []


def killed_in_act(path: Path, *names: str, after: bool, shelf: Shelf | None = None) -> Shelf:
    """A shelf whose process was killed in the middle of putting `names`, before or after their effect."""
    shelf = shelf or Shelf()
    shelf.answers = {names[0]: Killed()}
    with stage(path, ONE_STEP, {}, shelf=shelf) as opened, pytest.raises(Killed):
        opened.acting.do(NO_BATCH, STEP, [put(name) for name in names])
    shelf.answers = {}
    if after:
        shelf.things |= dict.fromkeys(names, 1)
    return shelf


def test_done_in_doubt_is_adopted(tmp_path: Path) -> None:
    """A killed act whose effect stands is adopted, and not done again."""
    shelf = killed_in_act(tmp_path / "j", "a", after=True)
    with stage(tmp_path / "j", ONE_STEP, {"one": [[put("a")]]}, shelf=shelf) as again:
        assert again.run()
        assert again.progress.stands("put a")
        assert again.progress.attempts("put a") == 1
        assert "looking at 1 act in doubt" in [e.text for e in again.events]
    assert shelf.effects == []


@pytest.mark.parametrize("state", [State.ABSENT, State.PARTIAL])
def test_absent_in_doubt_is_done_again(tmp_path: Path, state: State) -> None:
    """A killed act that is not there, or only begun, is intended anew and done."""
    shelf = killed_in_act(tmp_path / "j", "a", after=False)
    shelf.seen["a"] = state
    with stage(tmp_path / "j", ONE_STEP, {"one": [[put("a")]]}, shelf=shelf) as again:
        assert again.run()
        assert again.progress.attempts("put a") == 2
    assert shelf.effects == ["a=1"]


def test_foreign_in_doubt_needs_a_person(tmp_path: Path) -> None:
    """Something foreign in the place of an act in doubt ends with exit 33 as often as it is tried."""
    shelf = killed_in_act(tmp_path / "j", "a", after=False)
    shelf.seen["a"] = State.FOREIGN
    for _ in range(2):
        with stage(tmp_path / "j", ONE_STEP, {"one": [[put("a")]]}, shelf=shelf) as again:
            with pytest.raises(ForeignObject, match="a is foreign") as caught:
                again.run()
            assert caught.value.exit_code == 33
            assert again.progress.in_doubt() != ()
    assert shelf.effects == []


def test_doubt_in_a_lost_cluster_stays(tmp_path: Path) -> None:
    """What is in doubt and cannot be looked at stays in doubt: exit 32, nothing assumed."""
    shelf = killed_in_act(tmp_path / "j", "a", after=True)
    shelf.seen["a"] = LOST
    with stage(tmp_path / "j", ONE_STEP, {"one": [[put("a")]]}, shelf=shelf) as again:
        with pytest.raises(FailedMidway):
            again.run()
        assert [i.action.key for i in again.progress.in_doubt()] == ["put a"]
    assert shelf.effects == []


def test_doubts_of_several_kinds_are_each_settled(tmp_path: Path) -> None:
    """Acts in doubt are settled kind by kind, in their order."""
    shelf = Shelf()
    with stage(tmp_path / "j", ONE_STEP, {}, shelf=shelf) as opened:
        drafts = [
            Draft(EntryKind.INTENT, {"action": put(name, kind=kind).as_json()}, NO_BATCH, STEP)
            for name, kind in (("a", "put"), ("b", "put"), ("c", "lift"))
        ]
        opened.acting.write(drafts)
    shelf.things["b"] = 1
    with stage(tmp_path / "j", ONE_STEP, {}, shelf=shelf) as again:
        again.acting.settle()
        assert [i.outcome.state for i in again.progress.intents() if i.outcome] == [
            "absent",
            "adopted",
            "absent",
        ]
        assert "looking at 3 acts in doubt" in [e.text for e in again.events]
        again.acting.settle()
        assert len(again.events) == 1


def test_nothing_in_doubt_is_not_spoken_of(tmp_path: Path) -> None:
    """Settling without doubts writes and tells nothing."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        before = opened.journal.head()
        opened.acting.settle()
        assert opened.events == []
        assert opened.journal.head() == before


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (State.DONE, OutcomeState.ADOPTED),
        (State.ABSENT, OutcomeState.ABSENT),
        (State.PARTIAL, OutcomeState.ABSENT),
        (State.FOREIGN, OutcomeState.UNKNOWN),
    ],
)
def test_what_is_seen_becomes_an_outcome(state: State, outcome: OutcomeState) -> None:
    """Each state has its outcome; only DONE stands."""
    found = settled(Observation(state, evidence="seen"))
    assert (found.state, found.evidence, found.stands) == (outcome, "seen", state is State.DONE)


def test_what_another_terminal_wrote_is_taken_in(tmp_path: Path) -> None:
    """An entry written by another process between two writes reaches the progress."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        with journals.open_(tmp_path / "j", HandClock()) as other:
            other.append([Draft(EntryKind.REMARK, {"what": "unlock"})])
        opened.acting.border()
        assert [r.data["what"] for r in opened.progress.remarks] == ["unlock"]


def test_what_another_terminal_wrote_at_the_same_moment_is_not_passed_over(tmp_path: Path) -> None:
    """An approval that lands between a runner's look and its write is seen, and outcomes find their intents."""

    class Raced(Journal):
        def append(self, drafts: Sequence[Draft]) -> list[Entry]:
            with journals.open_(tmp_path / "j", HandClock()) as other:
                other.append([Draft(EntryKind.REMARK, {"what": "in between"})])
            return super().append(drafts)

    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.journal.__class__ = Raced
        opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        opened.journal.__class__ = Journal
        assert len(opened.progress.remarks) == 2
        assert opened.progress.stands("put a")
        assert opened.progress.stands("put b")
        assert opened.progress.in_doubt() == ()


def test_the_lease_is_kept_while_nothing_is_done(tmp_path: Path) -> None:
    """At a gate the lock is renewed without asking for time."""
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        opened.acting.keep_lease()
        assert opened.lock.renewed == [0.0]


class Distant(Shelf):
    """A shelf far away: what is sent is done at once, its answers come when somebody asks for them."""

    def __init__(self, opened: list[str]) -> None:
        super().__init__()
        self.told = opened

    def act(self, actions: Sequence[Action]) -> Iterator[Outcome]:  # type: ignore[override]  # as a Handler may
        """Do all, and answer late."""
        self.told.append(f"sent {actions[0].params['name']}")
        outcomes = list(super().act(actions))
        return (self._answer(action, outcome) for action, outcome in zip(actions, outcomes, strict=True))

    def _answer(self, action: Action, outcome: Outcome) -> Outcome:
        self.told.append(f"answered {action.params['name']}")
        return outcome


def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Distant, AbstractContextManager[Stage]]:
    """A distant shelf with slices of one act."""
    monkeypatch.setattr(acting, "SLICE", 1)
    shelf = Distant([])
    return shelf, stage(tmp_path / "j", ONE_STEP, {}, shelf=shelf)


def test_slices_are_sent_while_those_before_are_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each intent is written before its act, each outcome as soon as two further slices are on their way."""
    shelf, opening = far(tmp_path, monkeypatch)
    with opening as opened:
        outcomes = opened.acting.do(NO_BATCH, STEP, [put("a"), put("b"), put("c"), put("d")])
        assert [o.evidence for o in outcomes] == ["put a", "put b", "put c", "put d"]
        under_way = ["sent a", "sent b", "sent c", "answered a", "sent d"]
        assert shelf.told == [*under_way, "answered b", "answered c", "answered d"]
        assert kinds(opened) == [*["intent"] * 3, "outcome", "intent", *["outcome"] * 3]
        assert opened.progress.in_doubt() == ()


def test_what_is_under_way_ends_before_a_person_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an unknown outcome nothing further is sent; what was on its way by then is recorded."""
    shelf, opening = far(tmp_path, monkeypatch)
    shelf.answers["a"] = Outcome(OutcomeState.UNKNOWN, "a is foreign", facts={"foreign": True})
    with opening as opened:
        with pytest.raises(ForeignObject, match="a is foreign"):
            opened.acting.do(NO_BATCH, STEP, [put("a"), put("b"), put("c"), put("d")])
        assert shelf.effects == ["b=1", "c=1"]
        assert kinds(opened) == [*["intent"] * 3, *["outcome"] * 3]
        assert [i.action.key for i in opened.progress.in_doubt()] == [put("a").key]


@pytest.mark.parametrize(
    ("facts", "past_refusals", "goes_on"),
    [({"refused": {}}, True, True), ({"refused": {}}, False, False), ({}, True, False)],
    ids=["gathered", "refused", "failed"],
)
def test_only_a_gathered_refusal_lets_the_rest_of_its_batch_be_sent(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    facts: dict[str, object],
    *,
    past_refusals: bool,
    goes_on: bool,
) -> None:
    """After any other failure what was on its way by then ends, and the rest is neither intended nor done."""
    shelf, opening = far(tmp_path, monkeypatch)
    shelf.answers["a"] = Outcome(OutcomeState.FAILED, "a was refused", facts=facts)
    batch = [put("a"), put("b"), put("c"), put("d")]
    with opening as opened:
        outcomes = opened.acting.do(NO_BATCH, STEP, batch, past_refusals=past_refusals)
        assert [o.stands for o in outcomes] == [False, True, True, goes_on]
        assert (outcomes[3] is UNTRIED, "sent d" in shelf.told) == (not goes_on, goes_on)
        assert kinds(opened).count("intent") == (4 if goes_on else 3)
        assert opened.progress.in_doubt() == ()


def test_a_signal_is_heard_between_two_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way ends and is recorded; the rest of the batch is not begun."""
    _, opening = far(tmp_path, monkeypatch)
    with opening as opened:
        opened.stop.receive(signal.SIGINT)
        with pytest.raises(StoppedAtBorder):
            opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        assert kinds(opened) == ["intent", "outcome"]
        assert opened.progress.in_doubt() == ()


@pytest.mark.parametrize(
    ("error", "ends"), [(LOST, FailedMidway), (Fenced("taken"), Fenced)], ids=["lost", "fenced"]
)
def test_a_lease_lost_between_two_slices_leaves_nothing_unrecorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, ends: type[Exception]
) -> None:
    """What is under way ends and is recorded before the run does."""
    _, opening = far(tmp_path, monkeypatch)
    with opening as opened:
        as_it_was = opened.lock.renew

        def renew(needed: float, head: str) -> None:
            if opened.lock.renewed:
                raise error
            as_it_was(needed, head)

        monkeypatch.setattr(opened.lock, "renew", renew)
        with pytest.raises(ends):
            opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        assert kinds(opened) == ["intent", "outcome"]
        assert opened.progress.in_doubt() == ()


def test_a_journal_taken_over_between_two_slices_is_left_when_what_is_under_way_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is waited for, though nobody takes it down any more: the new runner looks."""
    shelf, opening = far(tmp_path, monkeypatch)
    with opening as opened:
        as_it_was = shelf.act

        def act(actions: Sequence[Action]) -> Iterator[Outcome]:
            with journals.open_(tmp_path / "j", HandClock()) as other:
                other.take_over()
            return as_it_was(actions)

        monkeypatch.setattr(shelf, "act", act)
        with pytest.raises(Fenced):
            opened.acting.do(NO_BATCH, STEP, [put("a"), put("b")])
        assert shelf.told == ["sent a", "answered a"]
        assert kinds(opened) == ["intent"]
