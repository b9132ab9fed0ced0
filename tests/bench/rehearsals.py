"""A whole rehearsal of a big blue, as its user runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.blue import Size, make
from tests.bench.measured import Row, took

PLAN = Path(__file__).resolve().parents[2] / "plans" / "demo.yaml"
BUDGET = "under 60 s and under 1000 MB at 10000 pods and 31000 objects"


def file(*, gates: str = "approval") -> str:
    """The demo's migration file under the bench's name; with other `gates` than approvals none waits for anybody."""
    text = PLAN.read_text().replace("name: demo", "name: bench", 1).replace("approval", gates)
    return text if gates == "approval" else text.replace("gates:", f"gates:\n  before-replay: {gates}", 1)


def measure(folder: Path, size: Size) -> Iterator[Row]:
    """Make the blue (not timed), rehearse its move in a process of its own, and say what that took."""
    home = folder / "rehearsal"
    state = home / ".cnimigrate" / "bench"
    state.mkdir(parents=True)
    (home / "migration.yaml").write_text(file())
    objects = make(state / "world.db", size)
    ended = took([sys.executable, "-m", "migrate.cli.app", "rehearse"], home, home / "said")
    if ended.code != 0:
        yield Row("rehearsal", f"ended with {ended.code}", (home / "said").read_text()[-300:])
        return
    what = f"rehearsal: {size.pods} pods, {objects} objects"
    yield Row(what, f"{ended.wall:.0f} s ({ended.cpu:.0f} s CPU)", BUDGET)
    yield Row("rehearsal: largest memory", f"{ended.peak:.0f} MB")
