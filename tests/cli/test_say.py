"""What is said cannot move a terminal, whatever a cluster's objects are called."""

from __future__ import annotations

import json

import pytest

from migrate.cli import say, screen
from migrate.engine.events import Event

HOSTILE = "r\x1b]0;owned\x07\x1b[2J\x9b31m\u202etxt"
SEEN = "r?]0;owned??[2J?31m?txt"


def test_no_name_moves_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """Escapes, C1 controls and turned writing are shown as what they are: nothing to be read."""
    say.line(f"Role {HOSTILE}\n  → next\tcolumn")
    say.error(f"Role {HOSTILE}")
    screen._Terminal(would=False)(Event("waiting", f"for Role {HOSTILE}"))
    out, err = capfd.readouterr()
    assert out == f"Role {SEEN}\n  -> next\tcolumn\n"
    assert f"x Role {SEEN}\n" in err
    assert f"for Role {SEEN}" in err


def test_json_says_the_very_name_and_moves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Programs read back the name as it is; letters of other scripts stay letters."""
    value = {"name": HOSTILE, "label": "日本 é\n"}
    say.document(value, "json")
    say.record(value)
    out, _ = capfd.readouterr()
    document, record = out[: out.rindex("{")], out[out.rindex("{") :]
    assert json.loads(document) == {"schemaVersion": 1, **value}
    assert json.loads(record) == value
    assert out.replace("\n", "").isprintable()
