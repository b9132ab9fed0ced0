"""A volume that moves between real API servers: what holds it back, and how the real controllers bind it on green."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from migrate import replay
from migrate.actions.conditions import CONDITIONS
from migrate.actions.retain import POLICY
from migrate.actions.wait import Wait, wait
from migrate.cli.wiring import SystemClock
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.engine.events import quiet
from migrate.engine.signals import Stop
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.action import Outcome, OutcomeState
from migrate.model.facts import OwnRanges
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, Resource, dig
from migrate.replay import kinds
from migrate.replay.handover import handovers
from tests.engine.doubles import PaperLock
from tests.lab.control_plane import ControlPlane
from tests.replay.builders import migration

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)
ATTACHMENTS = Resource("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", namespaced=False)


@pytest.fixture
def doors(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[Doors]:
    """The real clusters."""
    blue, green = blue_and_green
    with (
        connect(blue.kubeconfig, None, Side.BLUE) as here,
        connect(green.kubeconfig, None, Side.GREEN) as there,
    ):
        clusters = {Side.BLUE: here, Side.GREEN: there}
        found = SimpleNamespace(blue=here, green=there, cluster=clusters.__getitem__, clock=SystemClock())
        yield cast("Doors", found)


def made(resource: Resource, name: str, namespace: str = "", **body: Any) -> Write:
    """The creation of an object."""
    version = f"{resource.group}/{resource.version}" if resource.group else resource.version
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    whole: Object = {"apiVersion": version, "kind": resource.kind, "metadata": metadata, **body}
    return Write(Verb.CREATE, resource, name, namespace, whole)


@contextmanager
def a_bound_claim(cluster: Any, space: str) -> Iterator[None]:
    """A claim on blue with a volume of a CSI driver that nobody plays."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "2Gi"},
        "claimRef": {"namespace": space, "name": "data"},
        "csi": {"driver": "csi.example.com", "volumeHandle": space},
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": "",
    }
    asked = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "",
        "volumeName": space,
    }
    cluster.write(made(NAMESPACES, space))
    cluster.write(made(VOLUMES, space, spec=spec))
    cluster.write(made(CLAIMS, "data", space, spec=asked))
    yield
    cluster.write(Write(Verb.DELETE, NAMESPACES, space))


def waited(doors: Doors, condition: str, side: Side, claims: Sequence[Any], deadline: float) -> Outcome:
    """Wait for a condition on a side."""
    handler = Wait(doors, CONDITIONS, quiet, Stop(lambda _: None), PaperLock())
    return handler.look(wait(condition, "the volume", deadline, side=side.value, claims=claims))


def test_a_volume_changes_hands_between_real_servers(doors: Doors) -> None:
    """An attachment, and a policy that would delete it, hold it back; green's controllers bind it to its very claim."""
    space = f"hand-{uuid4().hex[:8]}"
    blue, green = cast("KubeCluster", doors.blue), cast("KubeCluster", doors.green)
    with a_bound_claim(blue, space):
        claim = Ref(*kinds.CLAIM, space, "data")
        pair = {"claim": claim.as_json(), "volume": Ref(*kinds.PERSISTENT_VOLUME, "", space).as_json()}
        assert waited(doors, "volumes-bound", Side.BLUE, [pair], 30).state is OutcomeState.DONE

        source = {"persistentVolumeName": space}
        by_hand = {"attacher": "other.example.com", "nodeName": "nowhere", "source": source}
        blue.write(made(ATTACHMENTS, space, spec=by_hand))
        held = waited(doors, "volumes-free", Side.BLUE, [pair], 1)
        assert held.state is OutcomeState.FAILED
        assert f"is still attached to node nowhere ({space})" in held.evidence
        blue.write(Write(Verb.DELETE, ATTACHMENTS, space))
        held = waited(doors, "volumes-free", Side.BLUE, [pair], 1)
        assert "has the policy Delete: it would go with its claim" in held.evidence
        blue.write(Write(Verb.PATCH, VOLUMES, space, body=POLICY))
        assert waited(doors, "volumes-free", Side.BLUE, [pair], 5).state is OutcomeState.DONE

        said = [{"namespace": space, "as": "reattach", "reason": "one storage for both"}]
        file = migration({"volumes": said})
        read = read_inventory(
            blue, only=[kinds.NAMESPACE, kinds.PERSISTENT_VOLUME, kinds.CLAIM, ("", "Node")]
        )
        decisions = replay.decide_all(
            read, file, residue=frozenset(), ranges=OwnRanges(), green_resources=green.resources()
        )
        (handover,) = handovers(read, decisions, file)
        green.write(made(NAMESPACES, space))
        for ref, resource in ((handover.volume, VOLUMES), (handover.claim, CLAIMS)):
            decision = decisions.of(ref)
            assert decision is not None
            green.write(Write(Verb.CREATE, resource, ref.name, ref.namespace, decision.target))
        bound = waited(doors, "volumes-bound", Side.GREEN, [pair], 30)
        assert bound.state is OutcomeState.DONE, bound.evidence
        volume = green.get(VOLUMES, space)
        there = green.get(CLAIMS, "data", space)
        assert dig(volume, "spec", "claimRef", "uid") == dig(there, "metadata", "uid")
        assert dig(volume, "spec", "persistentVolumeReclaimPolicy") == "Retain"

        green.write(Write(Verb.DELETE, NAMESPACES, space))
        green.write(Write(Verb.DELETE, VOLUMES, space))
        assert waited(doors, "volumes-free", Side.GREEN, [pair], 30).state is OutcomeState.DONE
        assert dig(blue.get(CLAIMS, "data", space), "status", "phase") == "Bound"
