"""Small moves that were not begun, and one that was carried out."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.project import Project
from tests.scenario.moves import (
    copied,
    run,
    seeded,
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was not begun."""
    return seeded(tmp_path_factory.mktemp("invariants") / "fresh")


@pytest.fixture
def project(fresh: Project, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return copied(fresh, tmp_path / "move")


@pytest.fixture(scope="module")
def finished(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A move that was carried out whole; read it, or copy it."""
    project = copied(fresh, tmp_path_factory.mktemp("finished") / "move")
    assert run(project)
    return project
