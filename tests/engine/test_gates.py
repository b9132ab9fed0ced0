"""Gates: what opens them, what an approval binds to, and what voids it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from migrate.engine import gates
from migrate.model.action import Outcome, OutcomeState
from migrate.model.entry import Draft, Entry, EntryKind
from migrate.model.ids import NO_BATCH, BatchName, GateName, StepId
from migrate.model.migration import GateSpec
from migrate.model.plan import Plan
from migrate.model.progress import Progress
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from tests.engine.doubles import BEGAN, plan_of, planned, put

BATCH, GATE = BatchName("shop"), GateName("before-start")
ID = "shop/before-start"
PLAN = plan_of(planned("one", gate="before-start", batch="shop"))


class Rows:
    """A journal's rows, on paper: enough to fold a progress from."""

    def __init__(self, plan: Plan = PLAN, runner: str = "runner") -> None:
        self.progress = Progress()
        self._seq = 0
        self.add(Draft(EntryKind.REVISION, {"plan": plan.as_json()}))
        if runner:
            self.add(Draft(EntryKind.RUNNER, {"user": runner}))

    def add(self, *drafts: Draft, at: str = "") -> None:
        """Feed entries."""
        for draft in drafts:
            self._seq += 1
            moment = at or BEGAN.isoformat()
            self.progress.feed(
                [Entry(self._seq, moment, 1, draft.kind, draft.batch, draft.step, draft.key, draft.data)]
            )

    def judge(self, *verdicts: Verdict, batch: BatchName = BATCH) -> None:
        """An act that ended with these verdicts."""
        self.add(Draft(EntryKind.INTENT, {"action": put("check").as_json()}, batch, StepId("one")))
        outcome = Outcome(OutcomeState.DONE, verdicts=verdicts)
        self.add(Draft(EntryKind.OUTCOME, {"intent": self._seq, "outcome": outcome.as_json()}))

    def view(self, spec: GateSpec, after: float = 0.0) -> gates.GateView:
        """The gate as it stands so many seconds later."""
        return gates.view(self.progress, BATCH, GATE, spec, BEGAN + timedelta(seconds=after))

    def approve(self, by: str, **data: Any) -> None:
        """Approve on what stands now."""
        self.add(gates.event(self.view(GateSpec()), "approved", **{"by": by, "user": by, **data}))

    def happen(self, what: str, **data: Any) -> None:
        """Let something else happen at the gate."""
        self.add(gates.event(self.view(GateSpec()), what, **data))


def test_ids_are_as_people_type_them() -> None:
    """A gate's id is batch/name, or the name alone where there is no batch."""
    assert gates.gate_id(BATCH, GATE) == ID
    assert gates.gate_id(NO_BATCH, GATE) == "before-start"


def test_auto_is_open() -> None:
    """An auto gate is open without a word from anybody."""
    assert Rows().view(GateSpec(mode="auto")).open


def test_approval_is_closed_until_given() -> None:
    """An approval gate is closed, says so, and opens with one approval."""
    rows = Rows()
    assert rows.view(GateSpec()).missing == "needs an approval"
    rows.approve("ana")
    assert rows.view(GateSpec()).open
    assert [e.data["by"] for e in rows.view(GateSpec()).approvals] == ["ana"]


def test_without_a_plan_nothing_binds() -> None:
    """Before any revision a gate is closed and shows no fingerprint."""
    seen = gates.view(Progress(), BATCH, GATE, GateSpec(), BEGAN)
    assert (seen.open, seen.fingerprint) == (False, "")


def test_two_approvers_are_two_people() -> None:
    """The same person twice counts once; the message counts what is missing."""
    rows, spec = Rows(), GateSpec(approvers=2)
    assert rows.view(spec).missing == "needs 2 approvals"
    rows.approve("ana")
    rows.approve("ana")
    assert rows.view(spec).missing == "needs an approval"
    rows.approve("bea")
    assert rows.view(spec).open


@pytest.mark.parametrize("data", [{"by": "runner"}, {"by": "ana", "user": "runner"}])
def test_the_runner_may_be_shut_out(data: dict[str, str]) -> None:
    """With `not: runner` neither the runner's name nor the runner's account opens the gate; somebody else does."""
    rows, spec = Rows(), GateSpec.model_validate({"not": "runner"})
    rows.approve(**data)
    assert not rows.view(spec).open
    assert rows.view(spec).missing == "needs an approval by somebody other than the runner (runner)"
    assert rows.view(GateSpec()).open
    rows.approve("bea")
    assert rows.view(spec).open


def test_nobody_ran_yet() -> None:
    """Without a runner, nobody is shut out for being it."""
    rows = Rows(runner="")
    rows.approve("ana")
    assert rows.view(GateSpec.model_validate({"not": "runner"})).open


def test_a_ticket_may_be_required() -> None:
    """With `ticket: required` an approval without one does not count."""
    rows, spec = Rows(), GateSpec(ticket="required")
    rows.approve("ana")
    assert rows.view(spec).missing == "needs an approval with a ticket"
    rows.approve("ana", ticket="CHG-1")
    assert rows.view(spec).open


@pytest.mark.parametrize(("after", "is_open"), [(0, True), (3600, True), (3601, False)])
def test_an_approval_may_expire(after: float, *, is_open: bool) -> None:
    """An approval binds for as long as the file says, and is shown as stale afterwards."""
    rows, spec = Rows(), GateSpec(expires="1h")
    rows.approve("ana")
    seen = rows.view(spec, after)
    assert seen.open is is_open
    assert len(seen.stale) == (0 if is_open else 1)
    assert is_open or "1 given before no longer binds" in seen.missing


def test_a_changed_verdict_voids_an_approval() -> None:
    """When a check that passed fails, what was approved is another thing."""
    rows = Rows()
    rows.judge(passed("parity"))
    rows.approve("ana")
    assert rows.view(GateSpec()).open
    rows.judge(failed("parity", "one object differs"))
    seen = rows.view(GateSpec())
    assert not seen.open
    assert "1 given before no longer binds" in seen.missing


@pytest.mark.parametrize(
    "again",
    [
        passed("parity", "31205 of 31205"),
        passed(
            "parity",
            "at another time",
        ),
    ],
)
def test_counts_and_times_void_nothing(again: Verdict) -> None:
    """The same check with the same result, with other figures, leaves an approval standing."""
    rows = Rows()
    rows.judge(passed("parity", "31204 of 31204"))
    rows.approve("ana")
    rows.judge(again)
    assert rows.view(GateSpec()).open


def test_a_new_check_voids_an_approval() -> None:
    """A check that was not there when the approval was given is one that its giver has not seen."""
    rows = Rows()
    rows.judge(passed("parity"))
    rows.approve("ana")
    rows.judge(inconclusive("latency", "no samples"))
    assert not rows.view(GateSpec()).open


def test_another_batchs_verdicts_bind_nothing_here() -> None:
    """Verdicts of another batch leave this batch's gate alone; those of the phases that happen once do not."""
    rows = Rows()
    rows.approve("ana")
    rows.judge(failed("parity", "differs"), batch=BatchName("internal"))
    assert rows.view(GateSpec()).open
    rows.judge(failed("findings", "a blocker"), batch=NO_BATCH)
    assert not rows.view(GateSpec()).open


def test_a_changed_plan_voids_an_approval() -> None:
    """A new revision asks again, even where the gate was passed already."""
    rows = Rows()
    rows.approve("ana")
    rows.happen("passed", by=["ana"])
    assert rows.view(GateSpec()).passed
    changed = plan_of(planned("one", gate="before-start", batch="shop"), ramp=[1, 100])
    rows.add(Draft(EntryKind.REVISION, {"plan": changed.as_json()}))
    seen = rows.view(GateSpec())
    assert (seen.passed, seen.open, len(seen.stale)) == (False, False, 1)


def test_a_revocation_closes() -> None:
    """Revoking takes every approval back; a new one opens again."""
    rows = Rows()
    rows.approve("ana")
    rows.approve("bea")
    rows.happen("revoked", by="ana")
    assert not rows.view(GateSpec()).open
    assert rows.view(GateSpec()).missing == "needs an approval"
    rows.approve("ana")
    assert rows.view(GateSpec()).open


def test_a_revocation_closes_a_passed_gate() -> None:
    """A gate that was passed is closed by a revocation."""
    rows = Rows()
    rows.happen("passed", by=[])
    assert rows.view(GateSpec()).open
    rows.happen("revoked", by="rollback")
    assert not rows.view(GateSpec()).open


def test_once_passed_it_stays_passed() -> None:
    """The checks behind a gate add verdicts, and late approvals may come: neither closes it again."""
    rows, spec = Rows(), GateSpec(approvers=2)
    rows.happen("reached")
    rows.happen("passed", by=["ana", "bea"])
    rows.judge(passed("shop at 5 %"))
    rows.approve("cleo")
    assert rows.view(spec).passed
    assert rows.view(spec).open


def test_an_event_carries_what_it_binds_to() -> None:
    """The journal's row names the fingerprint and the verdicts, and whatever is said beside them."""
    rows = Rows()
    seen = rows.view(GateSpec())
    draft = gates.event(seen, "approved", by="ana", ticket="CHG-1")
    assert draft.key == ID
    assert draft.data == {
        "event": "approved", "fingerprint": PLAN.fingerprint, "verdicts": seen.verdicts, "about": "", "by": "ana",
        "ticket": "CHG-1",
    }  # fmt: skip


@pytest.mark.parametrize(("said", "binds"), [("one", True), ("two", False), (None, True)])
def test_an_approval_is_about_what_it_was_given_on(said: str | None, *, binds: bool) -> None:
    """What is behind the gate now must be what was behind it then; an older journal does not say, and binds as it did."""
    rows = Rows()
    data = dict(gates.event(rows.view(GateSpec()), "approved", by="ana", user="ana").data)
    del data["about"]
    rows.add(Draft(EntryKind.GATE, data | ({"about": said} if said is not None else {}), key=ID))
    seen = gates.view(rows.progress, BATCH, GATE, GateSpec(), BEGAN, "one")
    assert seen.open is binds
    assert bool(seen.stale) is not binds


def test_without_a_word_a_gate_is_about_what_it_was_reached_with() -> None:
    """Whoever approves from another terminal approves what the run last stood before."""
    rows = Rows()
    reached = gates.view(rows.progress, BATCH, GATE, GateSpec(), BEGAN, "one")
    rows.add(gates.event(reached, "reached"))
    assert rows.view(GateSpec()).about == "one"
    rows.approve("ana")
    assert gates.view(rows.progress, BATCH, GATE, GateSpec(), BEGAN, "one").open
    assert not gates.view(rows.progress, BATCH, GATE, GateSpec(), BEGAN, "two").open
