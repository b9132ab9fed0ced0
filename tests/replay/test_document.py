"""docs/rules.md is rendered from the rules, and is fresh."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from migrate.replay import document
from migrate.replay.forms import FORMS
from migrate.replay.rules import SKIPS

RULES = Path(__file__).parent.parent.parent / "docs" / "rules.md"


def test_document_is_fresh() -> None:
    """docs/rules.md is what `document()` renders; write it again with `python -m migrate.replay`."""
    assert RULES.read_text() == document()


def test_document_names_every_rule() -> None:
    """Every rule is in the document with its id and form, in the order in which they are tried."""
    lines = [line for line in document().splitlines() if line.startswith("| `")]
    assert [line.split("|")[1].strip(" `") for line in lines] == [str(rule.id) for rule in (*SKIPS, *FORMS)]


def test_module_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m migrate.replay` prints the document, for docs/rules.md."""
    runpy.run_module("migrate.replay", run_name="__main__")
    assert capsys.readouterr().out == document()
