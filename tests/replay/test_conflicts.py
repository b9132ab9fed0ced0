"""What stands on green under a name of ours: whose it is, where it differs, and what the file wants done."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model import marks
from migrate.model.decision import Decision, Form
from migrate.model.ids import RunId
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref
from migrate.model.verdict import Result
from migrate.replay.conflicts import (
    Taken,
    adopted,
    as_facts,
    may_meet,
    own,
    settled,
    taken,
    verdicts,
)
from tests.replay.builders import decide, decided, deployment, inventory, migration, obj

RUN = RunId("7f3a")
OURS = obj("ConfigMap", "c", "shop", data={"a": "1"}, labels={"team": "shop"})


def decision_on(ours: Object = OURS) -> Decision:
    """What is decided of one object."""
    (decision,) = decide(ours).all
    return decision


def found(file: Migration | None = None, run: str = "") -> Taken | None:
    """The same object on green, with the mark of a run."""
    notes = {marks.RUN: run} if run else {}
    metadata = {**OURS["metadata"], "uid": "u", "annotations": notes}
    return taken(decision_on(), {**OURS, "metadata": metadata}, file or migration(), RUN)


def ruled(policy: str, **rule: Any) -> Migration:
    """A file that says stop, with one rule for the ConfigMaps of the shop."""
    rules = [{"kind": "ConfigMap", "namespace": "shop", "onConflict": policy, "reason": "theirs", **rule}]
    return migration({"rules": rules})


def test_our_own_is_none() -> None:
    """What carries this run's mark, or is being deleted, is in nobody's way."""
    assert found(run=RUN) is None
    leaving = {**OURS, "metadata": {**OURS["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert taken(decision_on(), leaving, migration(), RUN) is None


def test_equal_and_different_are_told_apart() -> None:
    """What green has beside ours is no difference; a value is never told."""
    equal = found()
    assert equal is not None
    assert (equal.policy, equal.paths, equal.uid) == ("stop", (), "u")
    other = taken(decision_on(), {**OURS, "data": {"a": "secret", "b": "2"}}, migration(), RUN)
    assert other is not None
    assert other.paths == ("data.a",)
    assert "secret" not in str(other)
    more = taken(decision_on(), {**OURS, "data": {**OURS["data"], "c": "secret"}}, migration(), RUN)
    assert more is not None
    assert (more.paths, more.beside, more.as_json()["equal"]) == ((), ("data.c",), False)
    assert more.how == "has beside it data.c"


@pytest.mark.parametrize(
    ("file", "policy"),
    [
        (migration(), "stop"),
        (migration({"onConflict": "skip"}), "skip"),
        (ruled("adopt"), "adopt"),
        (ruled("adopt", name="other"), "stop"),
        (ruled("adopt", labels={"team": "shop"}), "adopt"),
        (ruled("skip", hold=True), "skip"),
    ],
)
def test_the_first_rule_that_says_it_wins(file: Migration, policy: str) -> None:
    """Else the file's own word counts; a rule that says nothing else leaves the form to the rules behind it."""
    one = found(file)
    assert one is not None
    assert one.policy == policy


def test_a_rule_on_conflicts_alone_decides_no_form() -> None:
    """The object is replayed by the rule that it would have been replayed by."""
    (plain,) = decided(inventory(OURS), migration()).all
    (with_rule,) = decided(inventory(OURS), ruled("skip")).all
    assert (with_rule.form, with_rule.rule) == (plain.form, plain.rule)
    assert plain.form is Form.REPLAYED


def test_what_cannot_be_adopted_stops() -> None:
    """Another run's object, and one that is made only at the cutover."""
    file = migration({"onConflict": "adopt"})
    strange = found(file, run="other")
    assert strange is not None
    assert (strange.policy, "run other" in strange.why) == ("stop", True)
    held = {"rules": [{"kind": "ConfigMap", "hold": True, "reason": "last"}]}
    (late,) = decide(OURS, workloads=held).deferred
    assert late.ref in may_meet(decide(OURS, workloads=held))
    one = taken(late, OURS, file, RUN)
    assert one is not None
    assert (one.policy, "at the cutover" in one.why) == ("stop", True)


def test_each_has_its_verdict() -> None:
    """Skipped and adopted pass, stopped and what the server would refuse fail with the way on."""
    ref = decision_on().ref
    cases = [Taken(ref._replace(name=p), p, "file") for p in ("stop", "skip", "adopt")]
    refused = {ref._replace(name="theirs"): "conflict with kubectl"}
    judged = list(verdicts([*cases, Taken(ref._replace(name="theirs"), "adopt", "file")], refused))
    assert [v.result for v in judged] == [Result.FAIL, Result.PASS, Result.PASS, Result.FAIL]
    assert "onConflict: skip" in judged[0].remedy
    assert "conflict with kubectl" in judged[3].evidence


def test_what_was_recorded_is_settled() -> None:
    """The skipped one is green's own and is named; the others stay as decided; nothing recorded changes nothing."""
    decisions = decide(OURS, deployment("cart"))
    ref = decision_on().ref
    facts = as_facts([Taken(ref, "skip", "operator.1: theirs"), Taken(ref._replace(name="x"), "adopt", "")])
    after = settled(decisions, facts)
    skipped = after.of(ref)
    assert skipped is not None
    assert (skipped.form, skipped.rule, skipped.evidence) == (
        Form.SKIPPED,
        "green.stands",
        "operator.1: theirs",
    )
    assert len(after.written) == len(decisions.written) - 1
    assert adopted(facts) == {ref._replace(name="x")}
    assert "ConfigMap shop/c" in own(after)[0].evidence
    assert (own(decisions), settled(decisions, {})) == ((), decisions)


def test_nobody_is_told_to_take_a_namespace_of_green_away() -> None:
    """All that lives in it would go; it can be adopted."""
    ref = Ref("", "Namespace", "", "monitoring")
    (judged,) = verdicts([Taken(ref, "stop", "file", ("metadata.labels.team",))], {})
    assert judged.result is Result.FAIL
    assert "Take it away" not in judged.remedy
    assert "kind: Namespace, namespace: *, name: monitoring, onConflict: adopt" in judged.remedy


def test_a_rule_brings_the_labels_of_a_namespace_that_stays() -> None:
    """As POLICY-008 advises: a namespace that the file excludes is replayed by its rule, and adopted where green has it."""
    rule = {"kind": "Namespace", "namespace": "*", "name": "ops", "replay": True, "onConflict": "adopt"}
    file = migration({"exclude": ["ops"], "rules": [{**rule, "reason": "its labels"}]})
    space = obj("Namespace", "ops", labels={"team": "ops"})
    (decision,) = decided(inventory(space), file).all
    there = obj("Namespace", "ops", uid="u")
    met = taken(decision, there, file, RUN)
    assert decision.form is Form.REPLAYED
    assert met is not None
    assert (met.policy, met.paths) == ("adopt", ("metadata.labels",))
