"""What changed on blue since the replay, as a person sees and orders it: plan --delta, run, status, amend."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.model.ids import Side
from migrate.simulation.world import World
from tests.cli.conftest import Cli
from tests.scenario.hands import CONFIG_MAPS, ROLES


@pytest.fixture
def replayed(cli: Cli, quick: Path) -> Path:
    """The demonstration, verified and before its cutover."""
    assert cli("run", quick, "--until", "verify").code == 0
    return quick


def change(file: Path) -> None:
    """Something new, something else, something gone on blue."""
    with World.open(file.parent / ".cnimigrate" / "demo" / "world.db") as world:
        blue = world.cluster(Side.BLUE)
        old = next(o for page in blue.pages(CONFIG_MAPS, namespace="shop") for o in page)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "shop"}}
        blue.write(Write(Verb.CREATE, CONFIG_MAPS, "new", "shop", body))
        more = {"data": {"more": "1"}}
        blue.write(Write(Verb.PATCH, CONFIG_MAPS, old["metadata"]["name"], "shop", more))
        role = next(o for page in blue.pages(ROLES) for o in page if o["metadata"]["namespace"] == "shop")
        blue.write(Write(Verb.DELETE, ROLES, role["metadata"]["name"], "shop"))


def test_before_the_replay_there_is_no_delta(cli: Cli, quick: Path) -> None:
    """Nothing was begun, nothing was replayed, or another question was asked with it: exit 2, with the way on."""
    assert cli("plan", quick, "--delta").code == 2
    assert cli("run", quick, "--until", "prepare").code == 0
    early = cli("plan", quick, "--delta")
    assert early.code == 2
    assert "nothing was replayed yet" in early.err
    assert cli("plan", quick, "--delta", "--objects").code == 2


def test_a_delta_is_shown_and_then_brought_over(cli: Cli, replayed: Path) -> None:
    """Each object with what happened to it; the run says as many, and status when; then there is nothing left."""
    assert "delta since the replay: nothing" in cli("plan", replayed, "--delta", "--exit-code").out
    change(replayed)
    said = cli("plan", replayed, "--delta", "--exit-code")
    assert said.code == 10
    assert all(words in said.out for words in ("1 to create", "1 to change", "1 to delete"))
    document = cli("plan", replayed, "--delta", "-o", "json").document
    assert document["counts"] == {"create": 1, "change": 1, "delete": 1}
    assert document["followed"] is True
    assert {(c["act"], c["kind"], c["what"]) for c in document["changes"]} == {
        ("create", "ConfigMap", "new on blue"),
        ("change", "ConfigMap", "changed on blue"),
        ("delete", "Role", "gone from blue"),
    }
    assert all(c["wave"] for c in document["changes"] if c["act"] == "create")
    ran = cli("run", replayed, "--until", "verify")
    assert "delta: 1 created, 1 changed, 1 deleted" in ran.err
    status = cli("status", replayed, "-o", "json").document["delta"]
    assert (status["created"], status["changed"], status["deleted"]) == (1, 1, 1)
    assert status["ended"]
    assert "delta    1 created, 1 changed, 1 deleted, " in cli("status", replayed).out
    assert cli("plan", replayed, "--delta", "--exit-code").code == 0


def test_the_file_may_change_until_the_cutover_begins(cli: Cli, replayed: Path) -> None:
    """A rule more: amend takes it, the delta shows it, the next run deletes what moves no longer; after that it is late."""
    text = replayed.read_text()
    rule = "{kind: ConfigMap, namespace: shop, name: '*', skip: true, reason: made by hand on green}"
    replayed.write_text(_with_rule(text, rule))
    assert cli("amend", replayed, "--yes").code == 0
    found = cli("plan", replayed, "--delta", "-o", "json").document["changes"]
    gone = [c for c in found if c["act"] == "delete"]
    assert gone
    assert {c["what"] for c in gone} == {"moves no longer: made by hand on green"}
    assert cli("run", replayed).code == 0
    replayed.write_text(text)
    late = cli("amend", replayed, "--yes")
    assert late.code == 30
    assert "settled once the cutover has begun" in late.err
    assert "rollback --to verify" in late.err


def _with_rule(text: str, rule: str) -> str:
    assert text.count("  rules:\n") == 1
    return text.replace("  rules:\n", f"  rules:\n    - {rule}\n")
