"""Every rule has a case: an object of blue goes in, a decision and an object for green come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.model.decision import Decision
from migrate.model.inventory import inventory_of
from migrate.model.objects import Ref, Resource, ref_of
from migrate.replay import Decisions
from migrate.replay.forms import FORMS
from migrate.replay.rules import SKIPS
from tests.replay.builders import decided, inventory, migration, resource_of

CASES = Path(__file__).parent.parent / "cases" / "replay"
FILES = sorted(CASES.glob("*.yaml"))


def played(case: dict[str, Any]) -> Decisions:
    """Decide of the case's cluster."""
    around = case.get("around", ())
    pairs = [(resource_of(o), o) for o in around]
    pairs.append((resource_of(case["object"], case.get("verbs", ())), case["object"]))
    return decided(
        inventory_of(pairs),
        migration((case.get("migration") or {}).get("workloads")),
        residue=frozenset(Ref.of_json(value) for value in case.get("residue", ())),
        green=[served(text) for text in case["green"]] if "green" in case else None,
        green_rbac=inventory(*case["greenRBAC"]) if "greenRBAC" in case else None,
    )


def served(text: str) -> Resource:
    """A resource of green, from "apps/v1/Deployment" or "v1/ConfigMap"."""
    api, _, kind = text.rpartition("/")
    group, _, version = api.rpartition("/")
    return Resource(group, version, f"{kind.lower()}s", kind, True)


def shown(decision: Decision) -> dict[str, Any]:
    """The parts of a decision that a case states in full."""
    found: dict[str, Any] = {"form": decision.form.value, "rule": decision.rule, "wave": decision.wave}
    if decision.workload_class:
        found["class"] = decision.workload_class
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_object_is_decided_as_its_case_says(path: Path) -> None:
    """The object of a case gets the form, rule, wave, class, target and hold that the case states."""
    case = yaml.safe_load(path.read_text())
    decisions = played(case)
    decision = decisions.of(ref_of(case["object"]))
    assert decision is not None
    assert shown(decision) == case["decision"]
    assert case.get("evidence", "") in decision.evidence
    assert decision.reason == case.get("reason", decision.reason)
    assert decision.target == case.get("target")
    assert decision.status == case.get("status")
    assert (decision.ref in decisions.startable) is case.get("startable", False)
    hold = decision.hold
    found = hold and {
        "release": hold.release,
        "prior": hold.prior,
        "absent": list(hold.absent),
        "rest_blue": hold.rest_blue,
    }
    assert found == case.get("hold")


def test_every_rule_has_a_case() -> None:
    """A rule without a case file, and a case file without a rule, are both found out."""
    rules = {str(rule.id) for rule in (*SKIPS, *FORMS)} | {"operator.1"}
    names = {path.stem for path in FILES}
    assert rules - names == set()
    stems = {name.partition("+")[0] for name in names}  # "<rule>+<what>" is a further case of a rule
    assert stems - rules == set()


def test_rule_ids_are_unique() -> None:
    """Two rules never share an id, because the Plan, the log and the report cite it."""
    ids = [rule.id for rule in (*SKIPS, *FORMS)]
    assert len(ids) == len(set(ids))
