"""What this run merged into green's own objects, and blue gives up since, goes from green; what others have there stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Resource, annotations_of
from tests.scenario.hands import patched
from tests.scenario.moves import FILE, Life, amended, progress_of, roll_back_to, run
from tests.scenario.test_conflicts import NAMESPACES, on

ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
PULLS = [{"name": "api-token"}]
VERIFIED = Life(until=Until(phase=Phase.VERIFY))


def on_blue(project: Project, change: Mapping[str, Any]) -> None:
    """Change the default ServiceAccount of blue's shop."""
    patched(project, Side.BLUE, ACCOUNTS, "shop/default", change)


def of_green(project: Project) -> Object:
    """The default ServiceAccount of green's shop."""
    return on(project, Side.GREEN, ACCOUNTS, "shop/default") or {}


@pytest.fixture
def merged(project: Project) -> Project:
    """A verified move whose default ServiceAccount got pull secrets and two annotations."""
    on_blue(project, {"imagePullSecrets": PULLS, "metadata": {"annotations": {"gone": "1", "kept": "1"}}})
    run(project, VERIFIED)
    green = of_green(project)
    assert (green["imagePullSecrets"], annotations_of(green)) == (PULLS, {"gone": "1", "kept": "1"})
    return project


def given_up(project: Project) -> None:
    """Blue gives up the pull secrets and one of the annotations."""
    on_blue(project, {"imagePullSecrets": None, "metadata": {"annotations": {"gone": None}}})


def test_what_blue_gives_up_goes_from_green(merged: Project) -> None:
    """Key by key, and once: the next pass has nothing to do; the way back knows what green had."""
    given_up(merged)
    patched(merged, Side.GREEN, ACCOUNTS, "shop/default", {"metadata": {"annotations": {"theirs": "1"}}})
    run(merged, VERIFIED)
    green = of_green(merged)
    assert "imagePullSecrets" not in green
    assert annotations_of(green) == {"kept": "1", "theirs": "1"}
    before = len(list(progress_of(merged).intents()))
    run(merged, VERIFIED)
    assert len(list(progress_of(merged).intents())) == before
    on_blue(merged, {"metadata": {"annotations": {"gone": "2", "kept": None}}})
    run(merged, VERIFIED)
    assert annotations_of(of_green(merged)) == {"gone": "2", "theirs": "1"}
    assert run(merged)


def test_what_others_changed_on_green_is_theirs(merged: Project) -> None:
    """A value that is not the one that was merged stays, and keeps no move back."""
    patched(merged, Side.GREEN, ACCOUNTS, "shop/default", {"metadata": {"annotations": {"gone": "theirs"}}})
    given_up(merged)
    run(merged, VERIFIED)
    assert annotations_of(of_green(merged))["gone"] == "theirs"
    assert run(merged)


def test_what_is_skipped_since_is_taken_back_whole(merged: Project) -> None:
    """Skipped by a rule, nothing that was merged stays on green."""
    rule = "{kind: ServiceAccount, namespace: shop, name: default, skip: true, reason: the platform's}"
    project = amended(merged, f"{FILE}  rules: [{rule}]\n")
    run(project, VERIFIED)
    green = of_green(project)
    assert ("imagePullSecrets" in green, annotations_of(green)) == (False, {})
    assert run(project)


def noted(project: Project, note: str | None) -> None:
    """Blue's default Namespace, which green has of its own, gets a note or loses it."""
    patched(project, Side.BLUE, NAMESPACES, "/default", {"metadata": {"annotations": {"note": note}}})
    run(project, VERIFIED)


@pytest.mark.parametrize("then", [[None], [None, "3"], ["2", None], ["2", None, "3"]])
def test_the_way_back_ends_at_what_green_had(project: Project, then: Sequence[str | None]) -> None:
    """However often blue changed its mind, the Namespace is annotated as blue has it, and then as green had it."""
    run(project, Life(until=Until(phase=Phase.BUILD)))
    for number, other in enumerate(("theirs", "1")):
        side = (Side.GREEN, Side.BLUE)[number]
        patched(project, side, NAMESPACES, "/default", {"metadata": {"annotations": {"note": other}}})
    run(project, VERIFIED)
    for note in then:
        noted(project, note)
        green = on(project, Side.GREEN, NAMESPACES, "default") or {}
        assert annotations_of(green)["note"] == (note or "theirs")
    roll_back_to(project, Phase.BUILD)
    green = on(project, Side.GREEN, NAMESPACES, "default") or {}
    assert annotations_of(green)["note"] == "theirs"
