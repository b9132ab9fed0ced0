"""The comparison of green with blue lies in a file, whole and private, and whoever approves is told where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from migrate.replay.causes import COMPLETED
from migrate.steps.begin_cutover import BeginCutover
from tests.scenario.blue import CANARY_SPELLINGS
from tests.scenario.hands import CONFIG_MAPS, once_done, patched
from tests.scenario.moves import Life, opened, run

SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
VERIFIED = Life(until=Until(phase=Phase.VERIFY))


def file_of(project: Project, name: str = "parity") -> Path:
    """Where the evidence lies."""
    return project.state / "evidence" / f"{name}.json"


def read(project: Project, name: str = "parity") -> dict[str, Any]:
    """The evidence."""
    document: dict[str, Any] = json.loads(file_of(project, name).read_text())
    return document


def by_hand(found: dict[str, Any]) -> dict[str, list[str]]:
    """The paths that differ, by object, without what green's own server completed."""
    paths = {
        d["object"]: [p["path"] for p in d["paths"] if p.get("cause") != COMPLETED]
        for d in found["differences"]
    }
    return {name: some for name, some in paths.items() if some}


def test_a_verified_green_is_written_down_and_named_at_the_gate(project: Project) -> None:
    """All objects are counted, by kind too; nobody else may read the file; it holds no Secret's value."""
    run(project, VERIFIED)
    found = read(project)
    assert found["objects"]["compared"] == sum(kind["compared"] for kind in found["kinds"].values()) > 10
    assert found["objects"]["equal"] == found["objects"]["compared"]
    assert (found["migration"], by_hand(found)) == (project.migration.name, {})
    assert {v["result"] for v in found["verdicts"]} == {"pass"}
    assert file_of(project).stat().st_mode & 0o777 == 0o600
    with opened(project) as begun:
        words = "\n".join(BeginCutover().gate_words(begun.scene))
    total = found["objects"]["compared"]
    completed = found["objects"]["completed"]
    said = f"{total} of {total} objects equal, {completed} of these completed by green"
    assert f"green as verified: {said}; evidence: {file_of(project)}" in words
    assert run(project)
    assert read(project, "parity-before-cutover")["objects"]["equal"] == total


def test_what_differs_is_in_the_file_although_it_ends_the_run(project: Project) -> None:
    """Each difference has its object, its path and its cause, and no value: not of a Secret, nor of anything else."""

    def spoil() -> None:
        patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"queue": "mended"}})
        patched(project, Side.GREEN, SECRETS, "shop/api-token", {"data": {"token": "c3BvaWx0"}})

    with pytest.raises(CheckFailed):
        run(project, Life(tell=once_done("start.serving", spoil), until=Until(phase=Phase.VERIFY)))
    found = read(project)
    assert found["objects"]["differing"] == 2
    assert by_hand(found) == {
        "ConfigMap back/worker": ["data.queue"],
        "Secret shop/api-token": ["data.token"],
    }
    assert found["kinds"]["Secret"]["compared"] - found["kinds"]["Secret"]["equal"] == 1
    assert sum(count for why, count in found["causes"].items() if why != COMPLETED) == 2
    text = file_of(project).read_text()
    assert not any(value in text for value in ("mended", "c3BvaWx0", *CANARY_SPELLINGS))


def test_a_place_that_cannot_be_written_stops_before_the_judgement(project: Project) -> None:
    """The file is named, with what to do; once it can be written the move goes on."""
    project.state.mkdir(exist_ok=True)
    blocker = project.state / "evidence"
    blocker.write_text("in the way")
    with pytest.raises(CheckFailed, match=r"parity\.json cannot be written") as caught:
        run(project, VERIFIED)
    assert "run the same command" in caught.value.remedy
    blocker.unlink()
    run(project, VERIFIED)
    assert read(project)["objects"]["differing"] == 0
