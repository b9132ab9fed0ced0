"""`cnimigrate plan` of a big blue, as its user types it: on a real API server, and on the simulated one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.bench.blue import Size, make
from tests.bench.measured import Row, took
from tests.bench.races import loaded_blue, migration
from tests.bench.rehearsals import PLAN
from tests.lab.assets import locate
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import LabUnavailable
from tests.lab.pairs import GREEN

BUDGET = "under 20 s at 50000 objects"
COMMANDS = {"plan": ["plan"], "plan --objects -o json": ["plan", "--objects", "-o", "json"]}


def measure(folder: Path, *, objects: int) -> Iterator[Row]:
    """Plan a simulated blue, a fifth of it pods; then a real one without pods, where the lab is built."""
    home = folder / "world"
    state = home / ".cnimigrate" / "bench"
    state.mkdir(parents=True)
    (home / "migration.yaml").write_text(PLAN.read_text().replace("name: demo", "name: bench", 1))
    made = make(state / "world.db", Size(objects // 5, objects))
    yield from _planned(home, "simulated", made)
    try:
        assets = locate()
    except LabUnavailable as reason:
        yield Row("plan of a real blue", "not measured", str(reason))
        return
    home = folder / "real"
    home.mkdir()
    with loaded_blue(assets, "mixed", objects, pods=0) as blue, ControlPlane(GREEN, assets) as green:
        (home / "migration.yaml").write_text(yaml.safe_dump(migration(blue, green.kubeconfig)))
        yield from _planned(home, "real", objects)


def _planned(home: Path, where: str, objects: int) -> Iterator[Row]:
    for name, words in COMMANDS.items():
        said = home / "said"
        ended = took([sys.executable, "-m", "migrate.cli.app", *words], home, said)
        what = f"{name}: {where} blue of {objects} objects"
        if ended.code != 0:
            yield Row(what, f"ended with {ended.code}", said.read_text()[-300:])
            continue
        if "json" in words:
            listed = len(json.loads(said.read_text())["decisions"])
            what = f"{what} ({listed} listed)"
        yield Row(what, f"{ended.wall:.1f} s ({ended.cpu:.1f} s CPU), {ended.peak:.0f} MB", BUDGET)
