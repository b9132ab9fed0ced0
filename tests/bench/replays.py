"""Objects a second onto a real API server: the engine's batches with their journal, beside `kubectl apply`."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from migrate.actions.create import Create, create
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.cli.wiring import SystemClock
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.engine import journal as journals
from migrate.engine.acting import Acting
from migrate.engine.bodies import Bodies
from migrate.engine.events import quiet
from migrate.engine.signals import Stop
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.ids import BatchName, RunId, Side, StepId
from migrate.model.objects import Object, Resource, ref_of
from migrate.model.progress import Progress
from migrate.replay import mark
from tests.bench.measured import Row, spread, took
from tests.lab.assets import locate
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import LabUnavailable

BATCH = 200
RUN = RunId("bench")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


class _NoLease:
    """A shared lock that nobody else wants: renewing the real one is one request in a minute or two."""

    def acquire(self, epoch: int, head: str) -> None:
        """Take nothing."""

    def renew(self, needed: float, head: str) -> None:
        """Renew nothing."""

    def release(self) -> None:
        """Give nothing back."""


def objects(count: int, namespace: str) -> Iterator[dict[str, Any]]:
    """ConfigMaps, Secrets, Services and Deployments at rest, one in ten each of the latter two."""
    for number in range(count):
        metadata = {"name": f"bench-{number}", "namespace": namespace, "labels": {"app": f"bench-{number}"}}
        match number % 10:
            case 0:
                yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"clusterIP": "None", "selector": metadata["labels"], "ports": [{"port": 80}]}}  # fmt: skip
            case 1:
                pod = {"containers": [{"name": "main", "image": "registry.example/app:1"}]}
                yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 0, "selector": {"matchLabels": metadata["labels"]}, "template": {"metadata": {"labels": metadata["labels"]}, "spec": pod}}}  # fmt: skip
            case 2 | 3 | 4:
                yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": f"value {number} " * 40}}  # fmt: skip
            case _:
                yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": f"number: {number}\n" * 50}}  # fmt: skip


def measure(folder: Path, *, count: int, repeats: int) -> Iterator[Row]:
    """Replay and apply the same objects turn by turn, each time into a fresh namespace of one API server."""
    try:
        assets = locate()
    except LabUnavailable as reason:
        yield Row("replay onto a real API server", "not measured", str(reason))
        return
    with (
        ControlPlane(Spec("green", nodes=0), assets) as plane,
        connect(plane.kubeconfig, None, Side.GREEN) as door,
    ):
        ours, theirs, asked, audited = [], [], [], []
        for turn in range(repeats):
            before, seen = door.requests(), len(plane.writes())
            seconds = _replay(door, folder / f"journal-{turn}.db", _fresh(door, f"ours-{turn}", count))
            # the namespace and discovery are asked for once in a replay, not once an object: counted along all the same
            asked.append((door.requests() - before) / count)
            audited.append((len(plane.writes()) - seen - 1) / count)
            ours.append(count / seconds)
            theirs.append(count / _kubectl(plane, folder, _fresh(door, f"theirs-{turn}", count)))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    yield Row(f"replay: {count} objects, journalled", f"{spread(ours, '.0f')} objects/s", "at least 300")
    yield Row("replay: requests an object, as the door counts", spread(asked, ".3f"), "at most 1.1")
    yield Row("replay: writes an object, as the audit log counts", spread(audited, ".3f"))
    yield Row("kubectl apply --server-side, the same objects", f"{spread(theirs, '.0f')} objects/s", f"ours {ratio:.1f} times as fast (median of pairs)")  # fmt: skip


def _fresh(door: KubeCluster, namespace: str, count: int) -> Sequence[Object]:
    door.write(Write(Verb.CREATE, NAMESPACES, namespace, body={"metadata": {"name": namespace}}))
    return list(objects(count, namespace))


def _replay(door: KubeCluster, path: Path, wanted: Sequence[Object]) -> float:
    """Create objects as the replay does: mark, intents, creates, outcomes; seconds."""
    clock, bodies, stop = SystemClock(), Bodies(), Stop()
    doors = Doors(door, door, cast("Any", SimpleNamespace()), cast("Any", SimpleNamespace()), clock)
    handlers = {"create": Create(Reach(Directory(doors), bodies, RUN))}
    with journals.create(path, clock) as journal:
        acting = Acting(journal, Progress(), handlers, _NoLease(), stop, quiet)
        begin = time.perf_counter()
        for first in range(0, len(wanted), BATCH):
            marked = [
                mark(o, run=RUN, key=journal.key, source_uid="u") for o in wanted[first : first + BATCH]
            ]
            actions = [
                create(ref_of(o), key_hash="", rule="replay.whole", wave=5, command="") for o in marked
            ]
            bodies.offer({a.key: body for a, body in zip(actions, marked, strict=True)})
            outcomes = acting.do(BatchName("all"), StepId("replay.objects"), actions)
            assert all(outcome.stands for outcome in outcomes), outcomes
        return time.perf_counter() - begin


def _kubectl(plane: ControlPlane, folder: Path, wanted: Sequence[Object]) -> float:
    """Let kubectl apply the same objects from one file; seconds."""
    file = folder / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted}))
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    argv = [kubectl, "--kubeconfig", str(plane.kubeconfig), "apply", "--server-side", "-f", str(file)]
    ended = took(argv, folder, folder / "kubectl.log")
    assert ended.code == 0, (folder / "kubectl.log").read_text()[-500:]
    return ended.wall
