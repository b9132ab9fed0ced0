"""Our replay beside other clients: the same objects, a fresh API server each time, cold or warmed up."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import yaml

from migrate import assess, replay
from migrate.doors.reading import read_inventory
from migrate.kube.connect import connect
from migrate.model.ids import RunId, Side
from migrate.model.objects import Object, metadata_of
from migrate.planning import migration_file
from migrate.replay.edits import replaced
from tests.bench import bare, sets
from tests.bench.contestants import CONTESTANTS, KUBECTL, OURS, THREADED, Course, ready_argv
from tests.bench.measured import Row, Took, spread, took
from tests.lab.assets import Assets, locate
from tests.lab.components import WRITE_VERBS, Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import LabUnavailable
from tests.lab.pairs import BLUE, GREEN

ROOT = Path(__file__).resolve().parents[2]
PODS_A_NODE = 100
WARM_UP = 500
MIXED_MOST = 5000
"""Objects of the mixed set at most, however many Secrets are asked for."""

AIMS = {"bare": 0.8, "kubectl": 2.0, "requests": 1.05, "memory": 400}
STATES = ("cold", "warm")


@dataclass(frozen=True, slots=True)
class Asked:
    """What one contestant asked of the API server, by its audit log; `seconds` from its first write to the last answer."""

    seconds: float
    writes: int
    lists: int
    gets: int


@dataclass(frozen=True, slots=True)
class Lap:
    """One contestant's turn: how many objects, what it asked, what its process took, seconds to Ready (ours alone)."""

    objects: int
    asked: Asked
    took: Took
    released: Mapping[str, Any] | None = None

    @property
    def rate(self) -> float:
        """Objects a second that the server accepted."""
        return self.objects / self.asked.seconds

    @property
    def requests(self) -> float:
        """Requests an object, lists and discovery left out: those are counted apart."""
        return (self.asked.writes + self.asked.gets) / self.objects


def measure(folder: Path, *, count: int, repeats: int) -> Iterator[Row]:
    """Race on both sets; each turn begins with the next contestant."""
    try:
        assets = locate()
    except LabUnavailable as reason:
        yield Row("replay beside other clients", "not measured", str(reason))
        return
    for name, size in (("secrets", count), ("mixed", min(count, MIXED_MOST))):
        home = folder / name
        home.mkdir()
        with loaded_blue(assets, name, size) as blue:
            laps = _race(assets, blue, home, name, size, repeats)
        for state in STATES:
            yield from _rows(name, state, {who: laps[who, state] for who in CONTESTANTS})


@contextmanager
def loaded_blue(assets: Assets, name: str, size: int, *, pods: int | None = None) -> Iterator[ControlPlane]:
    """A blue with Weave's DaemonSet and a set of objects, its pods running; with `pods=0` its Deployments rest."""
    with ControlPlane(_sized(BLUE, _pods(name, size) if pods is None else pods), assets) as blue:
        resting = [_at_rest(o) if pods == 0 else o for o in sets.SETS[name](size)]
        _load(blue, [sets.weave(), *resting])
        blue.wait_until("blue's Deployments Ready", lambda: _rolled_out(blue), within=300)
        yield blue


def _at_rest(obj: Object) -> Object:
    return replaced(obj, ("spec", "replicas"), 0) if obj["kind"] == "Deployment" else obj


def _pods(name: str, size: int) -> int:
    return sets.applications(size) if name == "mixed" else 0


def _sized(spec: Spec, pods: int) -> Spec:
    return replace(spec, nodes=1 + pods // PODS_A_NODE, reads_audited=True)


def _load(plane: ControlPlane, objects: Sequence[Object]) -> None:
    """Write objects as set-up does: unmeasured, and exempt from priority and fairness."""
    with connect(plane.setup_kubeconfig, None, Side.BLUE) as door:
        served = {r.kind: r for r in reversed(door.resources())}
    posts = [
        (
            served[o["kind"]].collection(metadata_of(o).get("namespace", "")),
            orjson.dumps(o),
            o["kind"] == "Namespace",
        )
        for o in objects
    ]
    stages = [[(path, body) for path, body, first in posts if first is early] for early in (True, False)]
    bare.send(plane.setup_kubeconfig, stages)


def _rolled_out(plane: ControlPlane) -> bool:
    found = plane.api.get("/apis/apps/v1/deployments")["items"]
    return all(d["status"].get("readyReplicas", 0) >= d["spec"]["replicas"] for d in found)


def _race(
    assets: Assets, blue: ControlPlane, home: Path, name: str, size: int, repeats: int
) -> dict[tuple[str, str], list[Lap]]:
    laps: dict[tuple[str, str], list[Lap]] = {(who, state): [] for who in CONTESTANTS for state in STATES}
    names = list(CONTESTANTS)
    course = _prepared(blue, home)
    for turn in range(repeats):
        order = names[turn % len(names) :] + names[: turn % len(names)]
        for who in order:
            for state in STATES:
                folder = home / f"{turn}-{state}-{names.index(who)}"
                folder.mkdir()
                with ControlPlane(_sized(GREEN, _pods(name, size)), assets) as green:
                    if state == "warm":
                        _load(green, list(sets.SETS[name](WARM_UP, "warm-up")))
                    laps[who, state].append(_lap(who, blue, green, folder, course))
    return laps


def _lap(who: str, blue: ControlPlane, green: ControlPlane, folder: Path, course: Course) -> Lap:
    course = replace(course, green=green.kubeconfig, migration=folder / "migration.yaml")
    course.migration.write_text(yaml.safe_dump(migration(blue, green.kubeconfig)))
    objects = sum(map(len, bare.read(course.bodies)))
    before = len(green.writes())
    ended = _done(CONTESTANTS[who](course), folder / "said")
    asked = _asked(green.writes()[before:])
    assert asked.writes >= objects, f"{who} wrote {asked.writes} times for {objects} objects"
    released = None
    if who == OURS:
        _done(ready_argv(course), folder / "released")
        released = json.loads((folder / "released").read_text().splitlines()[-1])
    return Lap(objects, asked, ended, released)


def _done(argv: Sequence[str], log: Path) -> Took:
    ended = took(argv, ROOT, log)
    assert ended.code == 0, f"{' '.join(argv)} ended with {ended.code}: {log.read_text()[-2000:]}"
    return ended


def _asked(events: Sequence[Mapping[str, Any]]) -> Asked:
    writes = [e for e in events if e["verb"] in WRITE_VERBS]
    began = min(_time(e["requestReceivedTimestamp"]) for e in writes)
    ended = max(_time(e["stageTimestamp"]) for e in writes)
    # a get of no object is discovery, a version or a health check
    gets = [e for e in events if e["verb"] == "get" and (e.get("objectRef") or {}).get("name")]
    others = len(events) - len(writes) - len(gets)
    return Asked((ended - began).total_seconds(), len(writes), others, len(gets))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def migration(blue: ControlPlane, green: Path) -> dict[str, Any]:
    """A migration file from a loaded blue to the green of a kubeconfig."""
    lab = {"name": "lab-*", "skip": True, "reason": "the lab's own users, on both clusters"}
    return {
        "apiVersion": "cnimigrate/v1",
        "kind": "Migration",
        "metadata": {"name": "race"},
        "blue": {"kubeconfig": str(blue.kubeconfig)},
        "green": {
            "provisioner": {"kind": "existing", "kubeconfig": str(green)},
            "network": {"podCIDR": GREEN.pod_cidr, "serviceCIDR": GREEN.service_cidr},
        },
        "workloads": {"rules": [{"kind": kind, **lab} for kind in ("ClusterRole", "ClusterRoleBinding")]},
        "cutover": {"kind": "manual", "routes": [{"name": "shop"}]},
        "gates": {"before-replay": "auto", "before-start": "auto"},
    }


def _prepared(blue: ControlPlane, home: Path) -> Course:
    """Write down what ours would write, in its dormant form and with marks: the others get the very same bytes."""
    file, bodies, listed = home / "migration.yaml", home / "bodies", home / "objects.json"
    file.write_text(yaml.safe_dump(migration(blue, home / "not-there-yet")))
    read = migration_file.read(file, exists=lambda _: True)
    with connect(blue.kubeconfig, None, Side.BLUE) as door:
        inventory, served = read_inventory(door), door.resources()
    decisions = replay.decide_all(
        inventory,
        read,
        residue=assess.residue(inventory),
        ranges=assess.own_ranges(inventory),
        green_resources=served,
    )
    by_kind = {(r.group, r.kind): r for r in reversed(served)}
    stages: list[list[bare.Post]] = [[], []]
    items = []
    for decision in decisions.written:
        if decision.rule in replay.MERGED_RULES or decision.target is None:
            continue  # green has one of its own, which ours leaves as it is
        body = replay.mark(decision.target, run=RunId("0" * 16), key=b"bench", source_uid="0" * 36)
        ref = decision.ref
        path = by_kind[ref.group, ref.kind].collection(ref.namespace)
        stages[ref.kind != "Namespace"].append((path, orjson.dumps(body)))
        items.append(body)
    bare.write(bodies, stages)
    listed.write_bytes(orjson.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return Course(file, Path(), bodies, listed)


def _rows(name: str, state: str, laps: Mapping[str, Sequence[Lap]]) -> Iterator[Row]:
    ours = laps[OURS]
    for who, driven in laps.items():
        what = f"{name}, {ours[0].objects} objects, {state}: {who}"
        beside = "; ".join(_against(laps, rival, aim) for rival, aim in RIVALS.items()) if who == OURS else ""
        yield Row(what, f"{spread([lap.rate for lap in driven], '.0f')} objects/s accepted", beside)
        lists = statistics.median(lap.asked.lists for lap in driven)
        aim = f", at most {AIMS['requests']}" if who == OURS else ""
        yield Row(
            "  requests an object",
            spread([lap.requests for lap in driven], ".3f"),
            f"lists and discovery apart: {lists:.0f}{aim}",
        )
        aim = f", under {AIMS['memory']}" if who == OURS else ""
        yield Row(
            "  largest memory, CPU",
            f"{spread([lap.took.peak for lap in driven], '.0f')} MB{aim}",
            f"{spread([lap.took.cpu for lap in driven], '.1f')} s CPU, {spread([lap.took.wall for lap in driven], '.1f')} s in all",
        )
    pods = [lap.released for lap in ours if lap.released and lap.released["released"]]
    if pods:
        yield Row(
            f"{name}, {state}: released until Ready",
            f"{spread([p['seconds'] for p in pods], '.1f')} s",
            f"{pods[0]['released']} Deployments of one pod, kwok; no part of the figures above",
        )


RIVALS = {THREADED: AIMS["bare"], KUBECTL: AIMS["kubectl"]}


def _against(laps: Mapping[str, Sequence[Lap]], rival: str, aim: float) -> str:
    ratio = statistics.median(a.rate / b.rate for a, b in zip(laps[OURS], laps[rival], strict=True))
    return f"{ratio:.2f} of {rival}, at least {aim:g}"
