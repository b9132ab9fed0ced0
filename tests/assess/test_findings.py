"""What is found in the way of a move, case by case."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.assess import cluster_facts, codes, document, findings
from migrate.assess.families import families
from migrate.model.facts import ClusterFacts, Severity
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from tests.assess.cluster import CASES, inventory

FOLDER = CASES / "findings"
FILES = sorted(p for p in FOLDER.glob("*.yaml") if p.stem != "base")
DOCUMENT = Path(__file__).parents[2] / "docs" / "findings.md"
BLOCKERS = {
    "RANGE-001",
    "RANGE-002",
    "RANGE-003",
    "RANGE-004",
    "ADDR-001",
    "ADDR-002",
    "VERSION-001",
    "CLASS-001",
    "CLASS-002",
    "DATA-004",
    "RIGHT-001",
    "RIGHT-002",
    "IDENT-001",
    "CNI-004",
    "GITOPS-001",
}


@cache
def base() -> dict[str, Any]:
    """What every case starts from."""
    read: dict[str, Any] = yaml.safe_load((FOLDER / "base.yaml").read_text())
    return read


def merged(first: Any, second: Any) -> Any:
    """The first mapping with the second laid over it."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {k: merged(first.get(k), second[k]) if k in second else first[k] for k in {**first, **second}}
    return second


def side(name: str, case: dict[str, Any]) -> tuple[ClusterFacts, Inventory]:
    """One cluster of a case: the base's, without what the case drops, with what it adds.

    Green serves every kind that blue has, except what the case names as `unserved`.
    """
    own, start = case.get(name) or {}, base()[name]
    kept = [o for o in start["objects"] if o["metadata"]["name"] not in own.get("drop", ())]
    objects = [*kept, *own.get("objects", ())]
    serves: list[Any] = []
    if name == "green":
        blue = [*base()["blue"]["objects"], *(case.get("blue") or {}).get("objects", ())]
        serves = [o for o in blue if o["kind"] not in case.get("unserved", ())]
    version = own.get("version", start["version"])
    found = inventory(objects, version=version, serves=serves, unreadable=own.get("unreadable"))
    return cluster_facts(found, name=name, uid=own.get("uid", start["uid"])), found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_case_finds_exactly_what_it_says(path: Path) -> None:
    """Each file says what it shows, and names every code that is found and parts of its evidence and its remedy."""
    case: dict[str, Any] = yaml.safe_load(path.read_text())
    migration = Migration.model_validate(merged(base()["migration"], case.get("migration", {})))
    blue, blue_inventory = side("blue", case)
    green, green_inventory = (
        (None, None) if "green" in case and case["green"] is None else side("green", case)
    )
    found = findings(blue, green, migration, blue_inventory, green_inventory, case.get("rights", ()))
    assert {f.code: f.evidence for f in found if f.code not in case["find"]} == {}, case["says"]
    assert sorted(f.code for f in found) == sorted(case["find"]), case["says"]
    for finding in found:
        for part in case["find"][finding.code]:
            assert part in finding.evidence, finding
        assert case.get("remedy", {}).get(finding.code, "") in finding.remedy
        assert (finding.severity is Severity.BLOCKER) == (finding.code in BLOCKERS)


def test_every_code_has_a_case() -> None:
    """A code that no case finds could never be found at all."""
    shown = {code for path in FILES for code in yaml.safe_load(path.read_text())["find"]}
    assert shown == {code.code for code in codes()}


def test_findings_come_blockers_first_and_alike_each_time() -> None:
    """The order is by weight, then by code; nothing depends on chance."""
    case: dict[str, Any] = yaml.safe_load((FOLDER / "version-001.yaml").read_text())
    case["rights"] = ["blue: list secrets"]
    case["blue"] = {"objects": yaml.safe_load((FOLDER / "cni-002.yaml").read_text())["blue"]["objects"]}
    migration = Migration.model_validate(base()["migration"])
    blue, blue_inventory = side("blue", case)
    green, green_inventory = side("green", case)
    twice = [
        findings(blue, green, migration, blue_inventory, green_inventory, case["rights"]) for _ in range(2)
    ]
    assert [f.code for f in twice[0]] == ["RIGHT-001", "VERSION-001", "CNI-002", "VERSION-002"]
    assert twice[0] == twice[1]


def test_codes_are_unique_and_say_everything() -> None:
    """Each code has a title, an explanation, a consequence and a remedy, and belongs to one family."""
    known = codes()
    assert len({c.code for c in known}) == len(known)
    for code in known:
        assert all((code.title, code.about, code.consequence, code.remedy)), code.code
        assert code.about.endswith("."), code.code
        assert code.consequence.endswith("."), code.code
        assert not code.title.endswith("."), code.code
    for module, (own, _) in families().items():
        assert len({c.code.partition("-")[0] for c in own}) == 1, module


def test_the_document_is_fresh() -> None:
    """docs/findings.md is what document() writes; after a change: python -m migrate.assess > docs/findings.md."""
    assert DOCUMENT.read_text() == document()


def test_the_document_has_an_anchor_for_every_code() -> None:
    """`docs/findings.md#range-002` leads to its heading."""
    lines = document().splitlines()
    for code in codes():
        assert f"## {code.code}" in lines
        assert any(line.startswith(f"| [{code.code}](#{code.code.lower()}) |") for line in lines)
