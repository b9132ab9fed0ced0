"""Real clusters for whole moves: blue with a CNI's published manifests and a real application, green with nothing.

On this lab kwok answers for kubelets: nodes and pods turn Ready, no pod answers a request. The balancer's servers
are two stand-ins a side, and Calico's own objects come from the stand-in that is written against the cluster door.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from migrate.calico.documents import documents
from migrate.doors.cluster import Verb, Write
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, kind_of, name_of, namespace_of
from migrate.simulation.calico import StandIn
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane

CANARY = "canary-7f1c9e-value"
"""A Secret's value that must appear in no output, log, journal, document or error."""

CNIS = {
    "weave": "manifests/weave-v2.8.1/weave-daemonset-k8s-1.11.yaml",
    "flannel": "manifests/flannel-v0.28.9/kube-flannel.yml",
    "canal": "manifests/canal-v3.32.1/canal.yaml",
}
SHOP = "manifests/workloads/online-boutique"
CALICO = "manifests/calico-v3.32.1/calico-vxlan.yaml"
SERVICE_RANGES = {"blue": "10.96.0.0/16", "green": "10.112.0.0/16"}


@dataclass
class Move:
    """One move: its folder, its two clusters, its balancer, and the program as its user runs it."""

    folder: Path
    blue: ControlPlane
    green: ControlPlane
    balancer: Balancer
    stack: ExitStack = field(default_factory=ExitStack)

    def run(self, *words: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return subprocess.run(
            self.argv(*words), cwd=self.folder, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the program and leave it running."""
        return subprocess.Popen(
            self.argv(*words), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    @staticmethod
    def argv(*words: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "migrate.cli.app", *words]

    def written(self) -> str:
        """Everything that the program has left in its folder, for a search of the canary."""
        files = (p for p in self.folder.rglob("*") if p.is_file())
        return "\n".join(p.read_bytes().decode("utf-8", "replace") for p in files)


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
        "metadata": {"name": "real"},
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
            "minSamples": 50,
            "abort": {"errorRate": "10%", "latencyP99": "20x"},
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
