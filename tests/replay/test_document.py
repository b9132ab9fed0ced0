"""docs/rules.md is rendered from the rules, and is fresh."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from migrate.replay import document
from migrate.replay.flags import FLAGS
from migrate.replay.forms import FORMS
from migrate.replay.insiders import INSIDERS
from migrate.replay.outsiders import OUTSIDERS
from migrate.replay.rules import SKIPS
from migrate.replay.rules.standing import STANDING
from migrate.replay.sanitising import EDITS

RULES = Path(__file__).parent.parent.parent / "docs" / "rules.md"


def test_document_is_fresh() -> None:
    """docs/rules.md is what `document()` renders; write it again with `python -m migrate.replay`."""
    assert RULES.read_text() == document()


def test_document_names_every_rule() -> None:
    """Every rule, edit, flag and known controller is in the document, in the order in which they are tried or made."""
    lines = [line for line in document().splitlines() if line.startswith("| `")]
    ids = (
        [rule.id for rule in (*SKIPS, *FORMS)],
        [edit.id for edit in EDITS],
        [flag.id for flag in FLAGS],
        [rule.id for rule in STANDING],
        [one.id for one in OUTSIDERS],
        [one.id for one in INSIDERS],
    )
    assert [line.split("|")[1].strip(" `") for line in lines] == [str(one) for some in ids for one in some]


def test_module_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m migrate.replay` prints the document, for docs/rules.md."""
    runpy.run_module("migrate.replay", run_name="__main__")
    assert capsys.readouterr().out == document()
