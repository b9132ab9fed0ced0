"""A journal of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.engine import journal as journals
from migrate.engine.journal import Journal
from tests.engine.doubles import HandClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal lies."""
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """A fresh journal."""
    with journals.create(path, HandClock()) as made:
        yield made
