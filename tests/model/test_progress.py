"""The journal folded: what stands, what is done, what is in doubt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.errors import PlanMismatch
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.entry import Draft, Entry, EntryKind
from migrate.model.ids import NO_BATCH, ActionKey, BatchName, Phase, StepId
from migrate.model.plan import Plan, PlannedStep
from migrate.model.progress import Progress
from migrate.model.verdict import failed, passed

ONE, TWO = StepId("one"), StepId("two")
PLAN = Plan("small", (PlannedStep(NO_BATCH, Phase.PREPARE, ONE, 1, "t"),), {}, {})


@dataclass
class Book:
    """Entries in the making."""

    entries: list[Entry] = field(default_factory=list)

    def add(
        self,
        kind: EntryKind,
        data: dict[str, Any],
        step: StepId = ONE,
        batch: BatchName = NO_BATCH,
        key: str = "",
    ) -> int:
        """Add one entry and return its number."""
        seq = len(self.entries) + 1
        draft = Draft(kind, json.loads(json.dumps(data)), batch, step, key)
        self.entries.append(
            Entry(seq, f"t{seq}", 1, draft.kind, draft.batch, draft.step, draft.key, draft.data)
        )
        return seq

    def intend(self, key: str, step: StepId = ONE, undoes: int = 0, batch: BatchName = NO_BATCH) -> int:
        """Intend something."""
        data: dict[str, Any] = {"action": Action("put", ActionKey(key)).as_json()}
        return self.add(EntryKind.INTENT, {**data, "undoes": undoes} if undoes else data, step, batch)

    def end(self, intent: int, state: OutcomeState = OutcomeState.DONE, **more: Any) -> int:
        """Write an outcome down."""
        return self.add(EntryKind.OUTCOME, {"intent": intent, "outcome": Outcome(state, **more).as_json()})

    def fold(self) -> Progress:
        """What it adds up to."""
        return Progress(self.entries)


def test_nothing_is_nothing() -> None:
    """An empty journal has no run, no plan and nothing in doubt."""
    progress = Progress()
    assert (progress.run, progress.plan, progress.last, progress.in_doubt()) == ("", None, None, ())
    assert (progress.of_key("x"), progress.stands("x"), progress.attempts("x")) == (None, False, 0)


def test_the_beginning() -> None:
    """Run, revision, runner and remarks are where they belong."""
    book = Book()
    book.add(EntryKind.RUN, {"run": "r1", "migration": "small"})
    book.add(EntryKind.REVISION, {"plan": PLAN.as_json()})
    book.add(EntryKind.RUNNER, {"user": "ana"})
    book.add(EntryKind.REMARK, {"what": "unlock"})
    book.add(EntryKind.GATE, {"event": "reached"}, key="all/before-start")
    progress = book.fold()
    assert (progress.run, progress.migration, progress.began, progress.plan) == ("r1", "small", "t1", PLAN)
    assert (len(progress.runners), len(progress.remarks)) == (1, 1)
    assert [e.event for e in progress.gate_events("all/before-start")] == ["reached"]
    assert progress.gate_events("all/other") == ()


@pytest.mark.parametrize("state", OutcomeState)
def test_an_outcome_decides_what_stands(state: OutcomeState) -> None:
    """Only done and adopted stand; an unknown outcome is as much in doubt as none."""
    book = Book()
    number = book.intend("a")
    assert [i.seq for i in book.fold().in_doubt()] == [number]
    book.end(number, state)
    progress = book.fold()
    assert progress.stands("a") is (state in {OutcomeState.DONE, OutcomeState.ADOPTED})
    assert bool(progress.in_doubt()) is (state is OutcomeState.UNKNOWN)


def test_facts_are_read_from_what_was_intended() -> None:
    """A record's facts are those of its latest intent that has ended; before, and for other names, there are none."""
    book = Book()
    action = Action("record", ActionKey("record ledger"), {"facts": {"held": 3}})
    number = book.add(EntryKind.INTENT, {"action": action.as_json()})
    assert book.fold().recorded("ledger") == {}
    book.end(number)
    assert book.fold().recorded("ledger") == {"held": 3}
    assert book.fold().recorded("other") == {}


def test_the_latest_attempt_counts() -> None:
    """A key that was intended again stands as its latest attempt does."""
    book = Book()
    book.end(book.intend("a"), OutcomeState.ABSENT)
    book.end(book.intend("a"))
    progress = book.fold()
    assert progress.stands("a")
    assert progress.attempts("a") == 2
    assert [i.seq for i in progress.standing(NO_BATCH, ONE)] == [3]


def test_an_undo_takes_one_intent_back() -> None:
    """A standing undo takes its intent back, a failed one does not, and neither counts as an attempt."""
    book = Book()
    first, second = book.intend("a"), book.intend("b")
    book.end(first)
    book.end(second)
    book.end(book.intend("undo a", undoes=first))
    book.end(book.intend("undo b", undoes=second), OutcomeState.FAILED)
    progress = book.fold()
    assert (progress.stands("a"), progress.stands("b")) == (False, True)
    assert progress.attempts("undo a") == 0
    assert [i.action.key for i in progress.standing(NO_BATCH, ONE)] == ["b"]


def test_an_undone_step_holds_nothing() -> None:
    """A step that is undone is not done, and what it recorded without a way back is gone; other steps stay."""
    book = Book()
    book.end(book.intend("a"), verdicts=(passed("parity"),))
    book.end(book.intend("b", TWO))
    for step in (ONE, TWO):
        book.add(EntryKind.STEP, {"state": "done"}, step)
    assert book.fold().done(NO_BATCH, ONE)
    book.add(EntryKind.STEP, {"state": "undoing"}, ONE)
    half = book.fold()
    assert (half.done(NO_BATCH, ONE), half.stands("a")) == (False, True)
    book.add(EntryKind.STEP, {"state": "undone"}, ONE)
    progress = book.fold()
    assert (progress.done(NO_BATCH, ONE), progress.done(NO_BATCH, TWO)) == (False, True)
    assert (progress.stands("a"), progress.stands("b")) == (False, True)
    assert progress.verdicts(NO_BATCH) == ()


def test_verdicts_are_the_latest_of_a_batch() -> None:
    """One verdict a check, the latest, by name; those of other batches are left out, those of no batch are in."""
    book, shop = Book(), BatchName("shop")
    book.end(book.intend("a", batch=shop), verdicts=(failed("z", "no"), passed("b")))
    book.end(book.intend("a", batch=shop), verdicts=(passed("z"),))
    book.end(book.intend("c", batch=BatchName("other")), verdicts=(failed("other", "no"),))
    book.end(book.intend("d"), verdicts=(passed("findings"),))
    book.intend("open", batch=shop)
    assert [(v.check, v.result) for v in book.fold().verdicts(shop)] == [
        ("b", "pass"),
        ("findings", "pass"),
        ("z", "pass"),
    ]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (
            EntryKind.REVISION,
            {"plan": {**PLAN.as_json(), "steps": [{**PLAN.steps[0].as_json(), "phase": "drain"}]}},
        ),
        (EntryKind.OUTCOME, {"intent": 99, "outcome": {"state": "done"}}),
        (EntryKind.OUTCOME, {"intent": 1, "outcome": {"state": "dreamt"}}),
        (EntryKind.INTENT, {"action": {"key": "x"}}),
        (EntryKind.STEP, {}),
    ],
)
def test_what_another_release_wrote_is_refused(kind: EntryKind, data: dict[str, Any]) -> None:
    """A phase, state or entry that this release does not know is refused with exit 50, and never passed over."""
    book = Book()
    book.intend("a")
    book.add(kind, data)
    with pytest.raises(PlanMismatch, match="entry 2 of the journal") as caught:
        book.fold()
    assert caught.value.exit_code == 50


moves = st.lists(
    st.tuples(
        st.sampled_from(["intend", "end", "undo", "done", "undone"]),
        st.integers(0, 4),
        st.sampled_from(OutcomeState),
    ),
    max_size=30,
)


def written(script: Sequence[tuple[str, int, OutcomeState]]) -> Book:
    """A journal in which things happen in an order that an engine could have written."""
    book, open_, ended = Book(), list[int](), list[int]()
    for what, pick, state in script:
        match what:
            case "intend":
                open_.append(book.intend(f"k{pick}"))
            case "end" if open_:
                number = open_.pop(pick % len(open_))
                book.end(number, state)
                ended.append(number)
            case "undo" if ended:
                target = ended.pop(pick % len(ended))
                book.end(book.intend("undo", undoes=target), state)
            case "done" | "undone":
                book.add(EntryKind.STEP, {"state": what})
            case _:
                pass
    return book


@given(script=moves, cut=st.integers(0, 60))
def test_folding_in_parts_is_folding_whole(script: list[tuple[str, int, OutcomeState]], cut: int) -> None:
    """A progress fed entry by entry, or in two parts, is the one that is folded at once."""
    entries = written(script).entries
    whole, parts, single = Progress(entries), Progress(entries[:cut]), Progress()
    parts.feed(entries[cut:])
    for entry in entries:
        single.feed([entry])
    for other in (parts, single):
        assert list(other.intents()) == list(whole.intents())
        assert other.in_doubt() == whole.in_doubt()
        assert other.steps_done == whole.steps_done
        assert other.last == whole.last


@given(script=moves)
def test_in_doubt_is_what_has_no_known_end(script: list[tuple[str, int, OutcomeState]]) -> None:
    """What is in doubt is exactly every intent without an outcome, or with an unknown one; it never stands."""
    progress = written(script).fold()
    assert list(progress.in_doubt()) == [i for i in progress.intents() if i.in_doubt]
    assert not any(i.stands for i in progress.in_doubt())
    standing = list(progress.standing(NO_BATCH, ONE))
    assert all(i.stands and not i.undoes and not i.undone for i in standing)
