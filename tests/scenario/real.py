"""Real clusters for whole moves: blue with a CNI's published manifests and a real application, green with nothing.

On this lab kwok answers for kubelets: nodes and pods turn Ready, no pod answers a request. The balancer's servers
are two stand-ins a side, and Calico's own objects come from the stand-in that is written against the cluster door.
"""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.calico.documents import documents
from migrate.doors.cluster import Verb, Write
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, kind_of, name_of, namespace_of
from migrate.simulation.calico import StandIn
from tests.cutovers.haproxy_fixture import Balancer, running
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory

CANARY = "canary-7f1c9e-value"
"""A Secret's value that must appear in no output, log, journal, document or error."""

SPELLINGS = (CANARY, base64.b64encode(CANARY.encode()).decode())

CNIS = {
    "weave": "manifests/weave-v2.8.1/weave-daemonset-k8s-1.11.yaml",
    "flannel": "manifests/flannel-v0.28.9/kube-flannel.yml",
    "canal": "manifests/canal-v3.32.1/canal.yaml",
}
SHOP = "manifests/workloads/online-boutique"
CALICO = "manifests/calico-v3.32.1/calico-vxlan.yaml"
BLUE = Spec("blue", pod_cidr="10.32.0.0/16", service_cidr="10.96.0.0/16")
GREEN = Spec("green", pod_cidr="10.48.0.0/16", service_cidr="10.112.0.0/16", node_cidr="198.19.0.0/16")


@dataclass
class Ended:
    """How a command ended: its exit code, and everything that it said."""

    code: int
    said: str


class Alive:
    """A command that runs; what it says goes to a file, because a full pipe would hold it up."""

    def __init__(self, argv: Sequence[str], folder: Path, log: Path) -> None:
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(argv, cwd=folder, stdout=file, stderr=subprocess.STDOUT)

    def end(self, timeout: float = 120) -> Ended:
        """Wait for its end; a command that does not end is killed, and fails the test with what it said."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"did not end within {timeout:g} s: {self.process.args!r}\n{self.said()[-4000:]}")
        return Ended(code, self.said())

    def kill(self) -> None:
        """SIGKILL, by its own process id."""
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        """What it has said so far."""
        return self.log.read_text()


@dataclass
class Move:
    """One move: its folder, its two clusters, its balancer, and the program as its user runs it."""

    folder: Path
    blue: ControlPlane
    green: ControlPlane
    balancer: Balancer
    name: str = "real"
    commands: int = 0

    def start(self, *words: str) -> Alive:
        """Start the program and leave it running."""
        self.commands += 1
        log = self.folder / f"said-{self.commands:02}-{words[0]}.log"
        return Alive([sys.executable, "-m", "migrate.cli.app", *words], self.folder, log)

    def run(self, *words: str, timeout: float = 120) -> Ended:
        """Run the program to its end."""
        return self.start(*words).end(timeout)

    def must(self, *words: str, code: int = 0) -> str:
        """Run the program, insist on its exit code, and return what it said."""
        ended = self.run(*words)
        assert ended.code == code, f"{words} ended with {ended.code}, not {code}:\n{ended.said[-5000:]}"
        return ended.said

    def go(self, *words: str, code: int = 0) -> str:
        """Carry the move on; the rehearsal is a scenario of its own."""
        begun = self.journal.exists()
        reason = () if begun else ("--no-rehearsal", "rehearsed by a test of its own")
        return self.must("run", "--yes", *reason, *words, code=code)

    def until(self, *words: str, within: float = 120.0) -> None:
        """Run the program again and again until it ends well."""
        deadline = time.monotonic() + within
        while (ended := self.run(*words)).code:
            assert time.monotonic() < deadline, f"{words} never ended well:\n{ended.said[-4000:]}"
            time.sleep(0.5)

    def going(self) -> Alive:
        """The same, left running."""
        reason = () if self.journal.exists() else ("--no-rehearsal", "rehearsed by a test of its own")
        return self.start("run", "--yes", *reason)

    def wait_for(self, runner: Alive, point: Point, within: float = 90.0) -> None:
        """Wait until the journal holds so many intents of a step; fails where the runner ends before."""
        deadline = time.monotonic() + within
        while self.intents(point) < point.count:
            if runner.process.poll() is not None or time.monotonic() > deadline:
                runner.kill()
                pytest.fail(f"the run never came to {point}:\n{runner.said()[-4000:]}")
            time.sleep(0.005)

    def kill_at(self, point: Point) -> None:
        """Run until a point, and SIGKILL the runner there."""
        runner = self.going()
        self.wait_for(runner, point)
        runner.kill()

    @property
    def journal(self) -> Path:
        """Where its journal lies."""
        return self.folder / ".cnimigrate" / self.name / "journal.db"

    def intents(self, point: Point) -> int:
        """How many intents of a step the journal holds, read without the code under test."""
        try:
            with closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=5)) as db:
                (found,) = db.execute(
                    "SELECT COUNT(*) FROM entry WHERE kind = 'intent' AND step = ? AND key LIKE ?",
                    (point.step, f"{point.key}%"),
                ).fetchone()
                return int(found)
        except sqlite3.OperationalError:  # not there yet, or not yet with its tables
            return 0

    def green_share(self) -> int:
        """Percent of the traffic that the balancer gives green, from its own socket."""
        rows = [line.split() for line in self.balancer.ask("show servers state shop").splitlines()[2:]]
        weights = {row[3]: int(row[7]) for row in rows}
        green = weights["g1"] + weights["g2"]
        return round(100 * green / (green + weights["b1"] + weights["b2"]))

    def written(self) -> str:
        """Everything that the program has said and left in its folder, for a search of the canary."""
        files = (p for p in self.folder.rglob("*") if p.is_file())
        return "\n".join(p.read_bytes().decode("utf-8", "replace") for p in files)


@dataclass(frozen=True)
class Point:
    """A point of a run: the step whose `count`th intent (with a key that begins so) was written."""

    step: str
    key: str = ""
    count: int = 1


@contextmanager
def door(plane: ControlPlane, side: Side) -> Iterator[KubeCluster]:
    """The real door to one of the clusters, as the person who prepares it."""
    with connect(plane.setup_kubeconfig, None, side) as cluster:
        yield cluster


def put(cluster: KubeCluster, objects: Sequence[Object], namespace: str = "") -> None:
    """Write objects as a person with kubectl would; definitions first, then what they define."""
    crds = [o for o in objects if kind_of(o) == "CustomResourceDefinition"]
    spaces = [o for o in objects if kind_of(o) == "Namespace"]
    rest = [o for o in objects if o not in crds and o not in spaces]
    for group in (crds, spaces, rest):
        if not group:
            continue
        served = {(r.group, r.kind): r for r in reversed(cluster.resources())}
        for result in cluster.write_many([_write(o, served, namespace) for o in group]):
            if isinstance(result, Exception):
                raise result


def _write(obj: Object, served: dict[tuple[str, str], Resource], namespace: str) -> Write:
    group = str(obj["apiVersion"]).rpartition("/")[0]
    resource = served[group, kind_of(obj)]
    space = (namespace_of(obj) or namespace or "default") if resource.namespaced else ""
    body: dict[str, Any] = {**obj, "metadata": {**obj["metadata"], **({"namespace": space} if space else {})}}
    return Write(Verb.APPLY, resource, name_of(obj), space, body, force=True)


def prepare_blue(plane: ControlPlane, data: Path, cni: str, extra: Sequence[Object] = ()) -> None:
    """Give blue its CNI, the application with its policies, and a few objects that the application lacks."""
    with door(plane, Side.BLUE) as cluster:
        put(cluster, documents((data / CNIS[cni]).read_text()))
        put(cluster, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}])
        for name in ("kubernetes-manifests.yaml", "network-policies.yaml"):
            put(cluster, documents((data / SHOP / name).read_text()), "shop")
        put(cluster, [*beside(), *extra], "shop")
        settled = {(r.group, r.kind): r for r in cluster.resources()}[("apps", "Deployment")]

    def rolled_out() -> bool:
        with door(plane, Side.BLUE) as looking:
            found = [o for page in looking.pages(settled, namespace="shop") for o in page]
        return bool(found) and all(
            o["status"].get("readyReplicas", 0) >= o["spec"]["replicas"] for o in found
        )

    plane.wait_until("the application is Ready on blue", rolled_out, 60)


def beside() -> list[Object]:
    """What the application lacks: a Secret, a CronJob, a worker that must not run twice."""
    labels = {"app": "ledger"}
    container = {"name": "main", "image": "registry.example/ledger:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api"}, "stringData": {"token": CANARY}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "ledger"},
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": template,
            },
        },
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "report"},
            "spec": {"schedule": "0 3 * * *", "jobTemplate": job},
        },
    ]


def migration(move: Move, data: Path, **changes: Any) -> dict[str, Any]:
    """The migration file of a move, with short pauses; `changes` replace top-level keys."""
    cutover = move.balancer.cutover(keep=True).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    cutover["routes"][0]["services"] = ["shop/frontend"]
    return {
        "apiVersion": "cnimigrate/v1",
        "kind": "Migration",
        "metadata": {"name": move.name},
        "blue": {"kubeconfig": str(move.blue.kubeconfig)},
        "green": {
            "provisioner": {"kind": "existing", "kubeconfig": str(move.green.kubeconfig)},
            "network": {"podCIDR": move.green.spec.pod_cidr, "serviceCIDR": move.green.spec.service_cidr},
            "calico": {"install": {"kind": "manifest", "from": str(data / CALICO)}},
        },
        "workloads": {"rules": [rule("ClusterRole"), rule("ClusterRoleBinding")]},
        "cutover": {
            **cutover,
            "ramp": [5, 50, 100],
            "pause": "1s",
            # one look of this pause sends what is needed: a busy machine takes few looks
            "minSamples": 30,
            "probeRate": 240,
            "abort": {"errorRate": "10%", "latencyP99": "50x"},
        },
        "gates": {
            "before-start": "auto",
            "before-cutover": "auto",
            "before-full": "auto",
            "before-writers": "auto",
        },
        "soak": "2s",
        **changes,
    }


def rule(kind: str) -> dict[str, Any]:
    """Leave out the rights by which this lab's own users reach both clusters."""
    return {"kind": kind, "name": "lab-*", "skip": True, "reason": "the lab's own users, on both clusters"}


def write_file(move: Move, content: dict[str, Any]) -> None:
    """Write the migration file."""
    (move.folder / "migration.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


@contextmanager
def calico_plays(plane: ControlPlane) -> Iterator[StandIn]:
    """Let the stand-in make on green what a running Calico would."""
    with door(plane, Side.GREEN) as cluster, StandIn(cluster, 0.3) as playing:
        yield playing


@contextmanager
def ready(factory: ControlPlaneFactory, data: Path, folder: Path, cni: str = "weave") -> Iterator[Move]:
    """A move that was not begun: blue with its application, a fresh green, a balancer, and the migration file."""
    blue, green = factory(BLUE), factory(GREEN)
    prepare_blue(blue, data, cni)
    with running() as balancer, calico_plays(green):
        move = Move(folder, blue, green, balancer)
        write_file(move, migration(move, data))
        yield move
