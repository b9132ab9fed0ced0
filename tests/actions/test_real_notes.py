"""Notes of what was put to rest on real API servers, whose controllers copy them; and the way back by hand."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest

from migrate.actions.directory import Directory
from migrate.actions.patch import Patch, patch
from migrate.actions.reach import Reach
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.action import Action, OutcomeState
from migrate.model.ids import Side
from migrate.model.marks import PRIOR
from migrate.model.objects import Object, Ref, Resource, annotations_of, dig
from migrate.runbook.kubectl import noted
from tests.actions.conftest import RUN
from tests.lab.control_plane import ControlPlane

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
SETS = Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)
WITHIN = 30.0


@pytest.fixture
def blue(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[KubeCluster]:
    """The real blue."""
    with connect(blue_and_green[0].kubeconfig, None, Side.BLUE) as cluster:
        yield cluster


def copies(blue: KubeCluster, ref: Ref) -> list[str]:
    """The notes on the ReplicaSets of a Deployment that has the namespace's only pods of its name."""
    sets = (obj for page in blue.pages(SETS, namespace=ref.namespace) for obj in page)
    found = (
        annotations_of(obj).get(PRIOR, "") for obj in sets if obj["metadata"]["name"].startswith(ref.name)
    )
    return [note for note in found if note]


def done(blue: KubeCluster, action: Action) -> Action:
    """Prepare and do one patch."""
    doors = cast("Doors", SimpleNamespace(blue=blue, cluster=lambda _side: blue))
    handler = Patch(Reach(Directory(doors), Bodies(), RUN))
    (prepared,) = handler.prepare([action])
    (outcome,) = handler.act([prepared])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    return prepared


def rested(blue: KubeCluster, ref: Ref) -> Action:
    """A Deployment that was put to rest with its note, and whose controller has copied that."""
    prepared = done(blue, patch(Side.BLUE, ref, {"spec": {"replicas": 0}}, why="rest", note=True))
    end = time.monotonic() + WITHIN
    while not copies(blue, ref):
        assert time.monotonic() < end, "the controller copies no annotation"
        time.sleep(0.2)
    return prepared


def read(blue: KubeCluster, ref: Ref) -> Object:
    found = blue.get(DEPLOYMENTS, ref.name, ref.namespace)
    assert found is not None
    return found


@pytest.mark.lab
def test_a_note_goes_with_the_way_back_and_serves_without_the_tool(
    blue_and_green: tuple[ControlPlane, ControlPlane], blue: KubeCluster
) -> None:
    """No ReplicaSet keeps a copy; the printed commands, typed, bring blue back as it was."""
    ref = Ref("apps", "Deployment", "default", f"noted-{uuid4().hex[:8]}")
    labels = {"app": ref.name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": ref.name, "namespace": ref.namespace}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    blue.write(Write(Verb.CREATE, DEPLOYMENTS, ref.name, ref.namespace, body))
    try:
        inverse = rested(blue, ref).inverse
        assert inverse is not None
        done(blue, inverse)
        time.sleep(2)  # so long a controller that still knew the note could have copied it once more
        assert copies(blue, ref) == []
        assert dig(read(blue, ref), "spec", "replicas") == 2
        assert PRIOR not in annotations_of(read(blue, ref))

        rested(blue, ref)
        asked = noted(f"kubectl --kubeconfig {blue_and_green[0].kubeconfig}")
        told = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout
        (typed,) = (line for line in told.splitlines() if ref.name in line)
        subprocess.run(["bash", "-c", typed], check=True, capture_output=True)
        assert dig(read(blue, ref), "spec", "replicas") == 2
        assert PRIOR not in annotations_of(read(blue, ref))
    finally:
        blue.write(Write(Verb.DELETE, DEPLOYMENTS, ref.name, ref.namespace))
