"""An entry that is to hold a workload and names none stops the replay; what else meets nothing is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.steps.start_serving import StartServing
from tests.scenario.hands import DEPLOYMENTS
from tests.scenario.moves import FILE, Life, amended, opened, run, seeded, world_of

MISSPELT = "  hold: [{kind: deployment, namespace: shop, name: web}]\n"
HELD = "  hold: [{kind: Deployment, namespace: shop, name: web}]\n"
RULE = "  rules: [{kind: Deployment, namespace: shop, name: wep, hold: true, reason: it writes}]\n"
UNMET = "  rules: [{kind: Deployment, namespace: shop, name: gone, skip: true, reason: old}]\n"
BEFORE_START = Life(until=Until(phase=Phase.REPLAY))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            MISSPELT,
            r"workloads.hold, entry 1: blue has no deployment shop/web: did you mean kind Deployment\?",
        ),
        (RULE, r"operator.1: blue has no Deployment shop/wep: did you mean Deployment shop/web\?"),
    ],
    ids=["hold", "rule"],
)
def test_what_was_to_be_held_is_not_started_for_a_slip(tmp_path: Path, more: str, words: str) -> None:
    """Exit 30 with what was meant, before anything is written; mended, the move goes on."""
    project = seeded(tmp_path / "move", FILE + more)
    with pytest.raises(CheckFailed, match=words) as caught:
        run(project, BEFORE_START)
    assert "cnimigrate amend" in caught.value.remedy
    with world_of(project) as world:
        assert world.cluster(Side.GREEN).get(DEPLOYMENTS, "web", "shop") is None
    project = amended(project, FILE + HELD)
    assert not run(project, BEFORE_START)


def test_what_else_meets_nothing_is_told_where_workloads_start(tmp_path: Path) -> None:
    """It stops nothing: what it names is not there to be left out."""
    project = seeded(tmp_path / "move", FILE + UNMET)
    assert not run(project, BEFORE_START)
    with opened(project) as move:
        words = StartServing().gate_words(move.scene)
    assert "  operator.1: blue has no Deployment shop/gone" in words
