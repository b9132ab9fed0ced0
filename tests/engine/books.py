"""Journals for tests, and what to write into them."""

from __future__ import annotations

from pathlib import Path

from migrate.engine import journal as journals
from migrate.model.entry import Draft, EntryKind
from tests.engine.doubles import HandClock


def remark(text: str = "hello") -> Draft:
    """An entry that says something."""
    return Draft(EntryKind.REMARK, {"what": text})


def filled(path: Path, count: int = 5) -> None:
    """A closed journal with some entries."""
    with journals.create(path, HandClock()) as made:
        for number in range(count):
            made.append([remark(f"number {number}")])
