"""Every rule has a case: an object of blue goes in, a decision and an object for green come out."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.model.decision import Decision
from migrate.model.ids import RunId
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, Resource, annotations_of, group_of, kind_of, ref_of
from migrate.replay import Decisions, conflicts, merged, sanitise
from migrate.replay.flags import FLAGS, Flag, tellers
from migrate.replay.forms import FORMS
from migrate.replay.insiders import INSIDERS, Insider
from migrate.replay.outsiders import OUTSIDERS, Outsider
from migrate.replay.rules import SKIPS
from migrate.replay.rules.standing import STANDING
from migrate.replay.sanitise import changes, edited, setting_of
from migrate.replay.sanitising import EDITS, Edit, Setting
from migrate.replay.sanitising.edit import edit, note
from tests.replay.builders import decided, inventory, migration, resource_of

CASES = Path(__file__).parent.parent / "cases" / "replay"
FILES = sorted(CASES.glob("*.yaml"))
EDIT_FILES = sorted(CASES.glob("edit.*.yaml"))
RUN = RunId("7f3a")
CONTROLLERS: tuple[Outsider | Insider, ...] = (*OUTSIDERS, *INSIDERS)
IDS = [
    *(str(rule.id) for rule in (*SKIPS, *FORMS, *STANDING)),
    *(str(one.id) for one in EDITS),
    *(str(one.id) for one in FLAGS),
    *(str(one.id) for one in CONTROLLERS),
]


def played(case: dict[str, Any]) -> Decisions:
    """Decide of the case's cluster."""
    around = case.get("around", ())
    pairs = [(resource_of(o), o) for o in around]
    pairs.append((resource_of(case["object"], case.get("verbs", ())), object_of(case)))
    decisions = decided(
        inventory_of(pairs),
        file_of(case),
        residue=frozenset(Ref.of_json(value) for value in case.get("residue", ())),
        green=[served(text) for text in case["green"]] if "green" in case else None,
        green_rbac=inventory(*case["greenRBAC"]) if "greenRBAC" in case else None,
    )
    return standing(decisions, inventory(*case["onGreen"]), file_of(case)) if "onGreen" in case else decisions


def object_of(case: dict[str, Any]) -> Object:
    """The case's object, with annotations of as many bytes as it says are `long`."""
    notes = {key: "x" * size for key, size in case.get("long", {}).items()}
    found: Object = merged(case["object"], {"metadata": {"annotations": notes}} if notes else {})
    return found


def file_of(case: dict[str, Any]) -> Migration:
    """The case's migration file."""
    return migration((case.get("migration") or {}).get("workloads"))


def standing(decisions: Decisions, green: Inventory, file: Migration) -> Decisions:
    """The decisions against what stands on green."""
    decisions = conflicts.provided(decisions, green, RUN)
    met = ((d, green.find(ref)) for ref, d in conflicts.may_meet(decisions).items())
    found = [taken for d, o in met if o is not None and (taken := conflicts.taken(d, o, file, RUN))]
    return conflicts.settled(decisions, conflicts.as_facts(found))


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
    assert decision.evidence == case.get("evidenceIs", decision.evidence)
    assert decision.reason == case.get("reason", decision.reason)
    assert decision.turn == case.get("turn", decision.turn)
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


@pytest.mark.parametrize("path", EDIT_FILES, ids=lambda path: path.stem)
def test_edits_are_made_as_their_case_says(path: Path) -> None:
    """Of an edit's case exactly the stated edits change anything; its own is among them, unless the case has another end."""
    case = yaml.safe_load(path.read_text())
    found = list(edited(object_of(case), setting_of(file_of(case))))
    assert found == case["edits"]
    assert path.stem in found or "+" in path.stem


@pytest.mark.parametrize("one", EDITS, ids=lambda one: one.id)
def test_an_edit_is_made_because_it_is_in_the_table(one: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its row an edit is not made: the table is what runs, and no list beside it."""
    case = yaml.safe_load((CASES / f"{one.id}.yaml").read_text())
    rest = tuple(other for other in EDITS if other is not one)
    with_it = sanitise(object_of(case), setting_of(file_of(case)))
    with monkeypatch.context() as patch:
        patch.setattr(import_module("migrate.replay.sanitise"), "EDITS", rest)
        changes.cache_clear()
        without_it = sanitise(object_of(case), setting_of(file_of(case)))
    changes.cache_clear()
    assert with_it != without_it


def test_edits_are_made_in_the_order_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an edit writes, a later one that drops annotations sees; an earlier one does not."""

    def noting(target: Object, _setting: Setting) -> Object:
        found: Object = merged(target, {"metadata": {"annotations": {"a": "1", "b": "1", "c": "1"}}})
        return found

    table = (
        note("early", "", "", keys="a$"),
        edit("noting", "", "", change=noting),
        note("late", "", "", keys="b$"),
        note("last", "", "", keys="c$"),
    )
    source = {"apiVersion": "example.net/v1", "kind": "Shop", "metadata": {"name": "s"}}
    with monkeypatch.context() as patch:
        patch.setattr(import_module("migrate.replay.sanitise"), "EDITS", table)
        changes.cache_clear()
        made = sanitise(source)
        told = list(edited(source))
    changes.cache_clear()
    assert annotations_of(made) == {"a": "1"}
    assert told == ["edit.noting", "edit.late", "edit.last"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_written_is_what_the_edits_make_one_by_one(path: Path) -> None:
    """Making neighbours at once changes nothing of what the table says."""
    case = yaml.safe_load(path.read_text())
    obj, setting = object_of(case), setting_of(file_of(case))
    kind = group_of(obj), kind_of(obj)
    made = obj
    for one in EDITS:
        if one.kinds is None or kind in one.kinds:
            made = one.at(kind)(made, setting)
    assert sanitise(obj, setting) == made


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.id)
def test_a_flag_is_told_because_it_is_in_the_table(flag: Flag, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its row a flag is not told, and the evidence of its case is gone."""
    case = yaml.safe_load((CASES / f"{flag.id}.yaml").read_text())
    with monkeypatch.context() as patch:
        patch.setattr("migrate.replay.flags.FLAGS", tuple(other for other in FLAGS if other is not flag))
        tellers.cache_clear()
        decision = played(case).of(ref_of(case["object"]))
    tellers.cache_clear()
    assert decision is not None
    assert case["evidence"] not in decision.evidence


@pytest.mark.parametrize("one", CONTROLLERS, ids=lambda one: one.id)
def test_a_controller_is_known_because_it_is_in_its_table(
    one: Outsider | Insider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its row nothing of what it does is told, and the class of its case is another."""
    case = yaml.safe_load((CASES / f"{one.id}.yaml").read_text())
    tables: tuple[tuple[str, tuple[Outsider | Insider, ...]], ...] = (
        ("outsiders.OUTSIDERS", OUTSIDERS),
        ("insiders.INSIDERS", INSIDERS),
    )
    for name, table in tables:
        rest = tuple(other for other in table if other is not one)
        monkeypatch.setattr(f"migrate.replay.{name}", rest)
    decision = played(case).of(ref_of(case["object"]))
    assert decision is not None
    assert case["evidence"] == one.what
    assert one.what not in decision.evidence
    assert decision.workload_class != case["decision"]["class"]


def test_every_rule_has_a_case() -> None:
    """A rule, an edit, a flag or a known controller without a case file, and a case without any of them, are found out."""
    rules = {*IDS, "operator.1"}
    names = {path.stem for path in FILES}
    assert rules - names == set()
    stems = {name.partition("+")[0] for name in names}  # "<rule>+<what>" is a further case of a rule
    assert stems - rules == set()


def test_rule_ids_are_unique() -> None:
    """Two rules, edits, flags or controllers never share an id, because the Plan, the log and the report cite it."""
    assert len(IDS) == len(set(IDS))
