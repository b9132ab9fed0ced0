"""`cnimigrate runbook`: what it renders from, where it writes, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from migrate.cli.app import main
from tests.runbook.conftest import ROOT

PLAN = str(ROOT / "plans/weave-to-calico.yaml")
BLUE = str(ROOT / "plans/weave-to-calico.blue.yaml")


def call(*argv: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in argv])
    code = left.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The demonstration's file, in a directory of its own."""
    return Path(shutil.copy(ROOT / "plans/demo.yaml", tmp_path))


def test_documents_are_written_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was written is fresh; one changed line, or one lost file, is told by name with exit 30."""
    rendering = ("runbook", PLAN, "--recorded", BLUE, "--dir", tmp_path)
    assert call(*rendering) == 0
    assert call(*rendering, "--check") == 0
    place = tmp_path / "weave-to-calico"
    runbook = place / "runbook.md"
    runbook.write_text(runbook.read_text().replace("weight 1'", "weight 2'", 1))
    (place / "backout.md").unlink()
    capsys.readouterr()
    assert call(*rendering, "--check") == 30
    assert f"stale in {place}: backout.md, runbook.md" in capsys.readouterr().err
    assert not (place / "backout.md").exists()


def test_a_rehearsal_on_a_recording_leaves_nothing_beside_the_plan(tmp_path: Path) -> None:
    """The plan's directory has no state afterwards: the stage stood elsewhere and is gone."""
    shutil.copy(PLAN, tmp_path)
    assert (
        call("runbook", tmp_path / "weave-to-calico.yaml", "--recorded", BLUE, "--dir", tmp_path / "o") == 0
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o", "weave-to-calico.yaml"]


def test_a_begun_run_is_told_from_its_journal(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done stands there, what was not is said to be unknown, and nothing simulated counts as measured."""
    assert call("run", demo) == 20
    before = (tmp_path / ".cnimigrate/demo/journal.db").read_bytes()
    capsys.readouterr()
    assert call("runbook", demo, "--dir", tmp_path / "o") == 0
    place = tmp_path / "o" / "demo"
    assert str(place / "runbook.md") in capsys.readouterr().out
    value = json.loads((place / "runbook.json").read_text())
    assert value["from"]["origin"] == "a run on simulated clusters"
    assert {step["duration"] for step in value["steps"]} == {"no measurement"}
    known = {step["step"] for step in value["steps"] if step["known"]}
    assert {"assess.sides", "build.calico"} <= known
    assert "cutover.writers" not in known
    gate = next(g for g in value["gates"] if g["gate"] == "all/before-replay")
    assert any(event.startswith("reached ") for event in gate["events"])
    text = (place / "runbook.md").read_text()
    assert "Not begun yet, and not rehearsed: the journal shows nothing of it." in text
    assert "knows nothing of a cutover yet" in (place / "without-the-tool.md").read_text()
    assert (tmp_path / ".cnimigrate/demo/journal.db").read_bytes() == before


def test_without_a_journal_it_says_what_to_do(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither rehearsed nor begun: exit 2, with the three ways out."""
    assert call("runbook", demo) == 2
    said = capsys.readouterr().err
    assert "neither been rehearsed nor begun" in said
    assert "--recorded FILE" in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("kind: Nonsense\napiVersion: example.org/v1\nmetadata: {name: x}\n", "is no recorded cluster"),
        ("a: [b", "is no recorded cluster"),
        ("just text", "is no recorded cluster"),
    ],
)
def test_a_recording_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, told: str
) -> None:
    """A missing file, YAML of something else, broken YAML: exit 2 with the file's name."""
    file = tmp_path / "blue.yaml"
    if text is not None:
        file.write_text(text)
    assert call("runbook", PLAN, "--recorded", file, "--dir", tmp_path / "o") == 2
    said = capsys.readouterr().err
    assert str(file) in said
    assert told in said
    assert not (tmp_path / "o").exists()


def test_templates_that_are_no_directory_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong --templates is told before anything is rehearsed."""
    assert call("runbook", PLAN, "--recorded", BLUE, "--templates", tmp_path / "none") == 2
    assert "is no directory" in capsys.readouterr().err
