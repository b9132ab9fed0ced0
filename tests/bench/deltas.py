"""A delta of a big cluster: what one more run takes once a few objects of blue have changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import yaml

from migrate.doors.cluster import Cluster, Verb, Write
from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, name_of, namespace_of
from migrate.simulation.world import World
from tests.bench.blue import Size, make
from tests.bench.contestants import CONTESTANTS, OURS, Course
from tests.bench.measured import Row, Took, spread, took
from tests.bench.races import ROOT, loaded_blue, migration
from tests.bench.rehearsals import file
from tests.lab.assets import locate
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import LabUnavailable
from tests.lab.pairs import GREEN

CHANGED, NEW, GONE = 40, 30, 30

TURNS = 3

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)

IDLE = 0.1
"""CPU seconds a second of a control plane that has nothing left to do."""

BUDGET = "under 10 s at 31000 objects and 100 changes"


def measure(folder: Path, *, objects: int) -> Iterator[Row]:
    """Replay a simulated blue, a tenth of it pods, and a real one without pods; change both, and run once more."""
    yield from _simulated(folder / "world", objects)
    try:
        assets = locate()
    except LabUnavailable as reason:
        yield Row("delta of a real blue", "not measured", str(reason))
        return
    home = folder / "real"
    home.mkdir()
    with loaded_blue(assets, "mixed", objects, pods=0) as blue, ControlPlane(GREEN, assets) as green:
        written = home / "migration.yaml"
        written.write_text(yaml.safe_dump(migration(blue, green.kubeconfig)))
        replay = CONTESTANTS[OURS](Course(written, green.kubeconfig, home, home))
        yield _row(
            "replay: real blue",
            objects,
            took(replay, ROOT, home / "replayed"),
            "not the delta: what came before it",
        )
        ended, verbs = [], list[str]()
        for turn in range(TURNS):
            with connect(blue.setup_kubeconfig, None, Side.BLUE) as door:
                _change(door, turn)
            _rest(blue, green)
            asked = len(green.writes())
            ended.append(took(replay, ROOT, home / f"said-{turn}"))
            verbs = [str(event["verb"]) for event in green.writes()[asked:]]
        ended.sort(key=lambda t: (t.code == 0, t.wall))  # one that failed is told before any figure
        shown = ended[0] if ended[0].code else ended[TURNS // 2]
        yield _row("delta: real blue", objects, shown, BUDGET)
        yield Row("  wall", f"{spread([t.wall for t in ended], '.1f')} s")
        told = ", ".join(f"{verbs.count(verb)} {verb}" for verb in sorted(set(verbs)))
        yield Row("  requests to green", str(len(verbs)), told)


def _rest(*planes: ControlPlane) -> None:
    """Wait until they are: a delta is of another day, and what controllers still make of 31000 new objects no part of it."""
    for plane in planes:
        plane.wait_until("rest", partial(_idle, plane), within=300)


def _idle(plane: ControlPlane) -> bool:
    return _busy(plane) < IDLE


def _busy(plane: ControlPlane) -> float:
    """CPU seconds that the programs of a control plane use in one second, over two."""
    before, over = _used(plane), 2.0
    time.sleep(over)
    return (_used(plane) - before) / over


def _used(plane: ControlPlane) -> float:
    ticks = 0
    for pid in plane.pids():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # utime and stime, proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def _simulated(home: Path, objects: int) -> Iterator[Row]:
    state = home / ".cnimigrate" / "bench"
    state.mkdir(parents=True)
    (home / "migration.yaml").write_text(file(gates="auto"))
    made = make(state / "world.db", Size(objects // 10, objects))
    yield _row("replay: simulated blue", made, _run(home, "replay"), "not the delta: what came before it")
    with World.open(state / "world.db") as world:
        _change(world.cluster(Side.BLUE), 0)
    yield _row("delta: simulated blue", made, _run(home, "replay"), BUDGET)
    yield _row("  nothing to bring over", made, _run(home, "replay"), "what asking alone takes")


def _run(home: Path, until: str) -> Took:
    return took(
        [sys.executable, "-m", "migrate.cli.app", "run", "--yes", "--until", until], home, home / "said"
    )


def _row(what: str, objects: int, ended: Took, beside: str) -> Row:
    what = f"{what} of {objects} objects"
    if ended.code != 0:
        return Row(what, f"ended with {ended.code}", beside)
    return Row(what, f"{ended.wall:.1f} s ({ended.cpu:.1f} s CPU), {ended.peak:.0f} MB", beside)


def _change(blue: Cluster, turn: int) -> None:
    """Change some ConfigMaps, make some, delete some."""
    found = [obj for page in blue.pages(CONFIG_MAPS) for obj in page if _movable(obj)]
    data = {"data": {"changed": f"since {turn}"}}
    writes: list[Write] = [_write(Verb.PATCH, obj, data) for obj in found[:CHANGED]]
    writes += [_write(Verb.DELETE, obj) for obj in found[CHANGED : CHANGED + GONE]]
    for obj in found[:NEW]:
        name = f"{name_of(obj)}-new-{turn}"
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace_of(obj)},
            **data,
        }
        writes.append(Write(Verb.CREATE, CONFIG_MAPS, name, namespace_of(obj), body))
    for answer in _answers(blue, writes):
        if isinstance(answer, Exception):
            raise answer


def _answers(blue: Cluster, writes: Sequence[Write]) -> Sequence[object]:
    return list(blue.send_many(writes))


def _movable(obj: Object) -> bool:
    return not namespace_of(obj).startswith("kube-") and name_of(obj) != "kube-root-ca.crt"


def _write(verb: Verb, obj: Object, body: Object | None = None) -> Write:
    return Write(verb, CONFIG_MAPS, name_of(obj), namespace_of(obj), body)
