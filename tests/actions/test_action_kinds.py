"""One table says of every kind of Action what it is; nothing that acts is missing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.actions.registry import handlers
from migrate.cli.looking import scene_of
from migrate.cli.screen import mood
from migrate.cli.wiring import wired
from migrate.engine.events import Event
from migrate.engine.signals import Stop
from migrate.model.action_kinds import KINDS, Delta, of_kind
from migrate.runbook.typed import typable
from tests.engine.doubles import PaperLock
from tests.scenario.moves import small_project


def test_its_rows_are_the_kinds_that_have_a_handler(tmp_path: Path) -> None:
    """A kind that is added to the one is added to the other; what can be typed is among them."""
    project = small_project(tmp_path / "move")
    with wired(project) as doors:
        handled = handlers(scene_of(project, doors), PaperLock(), Stop(), lambda _: None)
    assert set(KINDS) == set(handled)
    assert typable() <= set(KINDS)
    typed_by_themselves = {"retain"}  # their command is in the journal
    assert {name for name, kind in KINDS.items() if kind.writes} <= typable() | typed_by_themselves


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.delta is not None])
def test_what_changes_an_object_writes_and_is_said_of_objects(name: str) -> None:
    """A delta that names an act would be counted, and told in the mood of a rehearsal."""
    kind = of_kind(name)
    assert kind.writes
    assert kind.past
    ended = Event("batch-ended", "3 objects", fields={"kind": name})
    assert mood(ended, would=True) == "would: 3 objects"


def test_what_only_looks_is_told_as_it_was() -> None:
    """A wait, a watch and a record, and a kind of another release."""
    for name in ("wait", "watch", "record", "of-another-release"):
        assert mood(Event("batch-ended", "seen", fields={"kind": name}), would=True) == "seen"


def test_an_order_and_what_became_of_it_are_of_one_row() -> None:
    """What `plan --delta` would do is what `status` says was done."""
    assert {d.value: d.past for d in Delta} == {"create": "created", "change": "changed", "delete": "deleted"}
