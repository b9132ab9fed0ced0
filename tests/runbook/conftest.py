"""One rehearsal on a recorded blue for all tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.commands.runbook import rehearsed_on
from migrate.cli.project import load
from migrate.runbook import Source, book, render

ROOT = Path(__file__).parents[2]


def rehearsed(plan: str, recording: Path | None = None) -> Source:
    """The source of a plan that ships, rehearsed afresh on its recorded blue or on another recording."""
    project = load(str(ROOT / f"plans/{plan}.yaml"), None, None, lenient=True)
    return rehearsed_on(project, recording or ROOT / f"plans/{plan}.blue.yaml")


@pytest.fixture(scope="session")
def weave() -> Source:
    """The Weave plan, rehearsed once."""
    return rehearsed("weave-to-calico")


@pytest.fixture(scope="session")
def texts(weave: Source) -> dict[str, str]:
    """The documents of the Weave plan."""
    return render(weave)


@pytest.fixture(scope="session")
def whole(weave: Source) -> dict[str, Any]:
    """The book of the Weave plan."""
    return book(weave)
