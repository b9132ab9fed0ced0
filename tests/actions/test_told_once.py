"""What a wave tells of its server's answers: a few of many objects, and once."""

from __future__ import annotations

from pathlib import Path

from migrate.model.action import Outcome, OutcomeState
from migrate.model.decision import Decision, Form
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import NO_BATCH, RuleId, StepId
from migrate.model.objects import Ref
from migrate.steps.as_sent import SHOWN, as_sent
from tests.actions.objects import creation
from tests.engine.doubles import Stage, stage
from tests.engine.plans import ONE_STEP

REFS = [Ref("", "ConfigMap", "shop", f"c{number}") for number in range(SHOWN + 3)]
DECISIONS = [Decision(ref, Form.REPLAYED, RuleId("r"), "", wave=6) for ref in REFS]


def ended(opened: Stage, action: object, outcome: Outcome) -> None:
    """Write an act and its outcome down."""
    data = {"action": action.as_json()}  # type: ignore[attr-defined]
    (entry,) = opened.acting.write([Draft(EntryKind.INTENT, data, NO_BATCH, StepId("one"))])
    said = {"intent": entry.seq, "outcome": outcome.as_json()}
    opened.acting.write([Draft(EntryKind.OUTCOME, said, NO_BATCH)])


def test_a_few_are_shown_and_what_was_told_is_not_told_again(tmp_path: Path) -> None:
    """All are counted, and stand in the outcomes; another word makes another record."""
    changed = Outcome(OutcomeState.DONE, facts={"changed": ["spec.a"]})
    with stage(tmp_path / "j", ONE_STEP, {}) as opened:
        for ref in REFS:
            ended(opened, creation(ref), changed)
        ((said,),) = as_sent(opened.scene, 6, DECISIONS)
        assert len(said.params["facts"]["changed"]) == SHOWN
        assert f"made {len(REFS)} of {len(REFS)} otherwise" in said.params["verdicts"][0]["evidence"]
        ended(opened, said, Outcome(OutcomeState.DONE))
        assert list(as_sent(opened.scene, 6, DECISIONS)) == []
        ended(opened, creation(REFS[0]), Outcome(OutcomeState.DONE))
        assert len(list(as_sent(opened.scene, 6, DECISIONS))) == 1
