"""Handlers against real API servers: rights that are missing, and what lingers while somebody wants to stop."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.actions.delete import Delete, delete
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.actions.snapshot import CONTENTS, Snapshot, snapshot
from migrate.actions.wait import Wait, wait
from migrate.cli.wiring import SystemClock
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.engine.events import quiet
from migrate.engine.signals import Stop
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model import marks
from migrate.model.action import OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, Resource
from migrate.model.verdict import Result
from tests.actions.conftest import RUN
from tests.engine.doubles import PaperLock
from tests.lab.control_plane import ControlPlane

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
SETS = Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)


@pytest.fixture
def green(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[KubeCluster]:
    """The real green."""
    with connect(blue_and_green[1].kubeconfig, None, Side.GREEN) as cluster:
        yield cluster


def test_a_snapshot_by_a_user_of_few_rights(
    blue_and_green: tuple[ControlPlane, ControlPlane], tmp_path: Path
) -> None:
    """What the server lets the user list is in files; every other kind is named with the server's words."""
    name = f"few-{uuid4().hex[:8]}"
    rules = [{"apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": ["list"]}]
    few = blue_and_green[0].kubeconfig_with_rules(name, rules)
    with connect(few, None, Side.BLUE) as blue:
        (outcome,) = Snapshot(blue, tmp_path).act([snapshot(None)])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    contents = json.loads((tmp_path / "snapshot" / CONTENTS).read_text())
    read = {kind for kind, entry in contents.items() if "sha256" in entry}
    assert read == {"namespaces", "configmaps"}
    unread = {kind: entry["unread"] for kind, entry in contents.items() if "unread" in entry}
    assert list(unread) == outcome.facts["unread"]
    assert "secrets" in unread
    assert "deployments.apps" in outcome.evidence
    assert f'User "system:serviceaccount:kube-system:{name}" cannot list' in unread["deployments.apps"]


def test_a_signal_while_a_namespace_is_emptied(green: KubeCluster) -> None:
    """The handler returns at its next look, well before the deadline; asked again once it may go, it is gone."""
    name = f"going-{uuid4().hex[:8]}"
    held: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": name, "finalizers": ["example.com/hold"]},
    }
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    green.write(Write(Verb.CREATE, NAMESPACES, name, body=namespace))
    green.write(Write(Verb.CREATE, CONFIG_MAPS, "held", name, held))
    clock = SystemClock()
    stop = Stop(lambda _: clock.wake())
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: green))
    reach = Reach(Directory(doors), Bodies(), RUN)
    action = delete(Side.GREEN, Ref("", "Namespace", "", name), ours=False)
    handler = Delete(reach, clock, stop)
    threading.Timer(1.0, stop.receive, [15]).start()
    began = time.monotonic()
    (outcome,) = handler.act([action])
    assert outcome.state is OutcomeState.ABSENT, outcome.evidence
    assert time.monotonic() - began < action.deadline / 2
    assert handler.observe(action).state is State.PARTIAL
    green.write(Write(Verb.PATCH, CONFIG_MAPS, "held", name, {"metadata": {"finalizers": None}}))
    (outcome,) = Delete(reach, SystemClock(), Stop()).act([action])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert handler.observe(action).state is State.DONE


def test_what_goes_already_is_asked_again_only_to_go_after_its_pods(
    green: KubeCluster, blue_and_green: tuple[ControlPlane, ControlPlane]
) -> None:
    """A finalizer holds a Deployment that others deleted in the background: one delete more, and its ReplicaSet goes first.

    A ConfigMap that is held likewise is waited for, and nothing is sent.
    """
    name = f"going-{uuid4().hex[:8]}"
    green.write(Write(Verb.CREATE, NAMESPACES, name, body={"metadata": {"name": name}}))
    ours = {"namespace": name, "annotations": {marks.RUN: RUN}, "finalizers": ["example.com/hold"]}
    labels = {"app": "db"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    made: tuple[tuple[Resource, str, Object], ...] = (
        (CONFIG_MAPS, "held", {}),
        (DEPLOYMENTS, "db", {"spec": spec}),
    )
    for resource, each, more in made:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": each, **ours}}
        green.write(Write(Verb.CREATE, resource, each, name, {**body, **more}))
    end = time.monotonic() + 30
    while not _sets(green, name):
        assert time.monotonic() < end, "the controller makes no ReplicaSet"
        time.sleep(0.2)
    for resource, each, _ in made:
        green.write(Write(Verb.DELETE, resource, each, name))
    assert _sets(green, name)
    before = len(_deletes(blue_and_green[1], name))
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: green))
    handler = Delete(Reach(Directory(doors), Bodies(), RUN), SystemClock(), Stop())
    refs = [Ref(resource.group, resource.kind, name, each) for resource, each, _ in made]
    try:
        outcomes = handler.act([replace(delete(Side.GREEN, ref, ours=True), deadline=10.0) for ref in refs])
        assert [o.state for o in outcomes] == [OutcomeState.FAILED] * 2
        assert ["finalizers example.com/hold" in o.evidence for o in outcomes] == [True] * 2
        assert _sets(green, name) == []
        assert _deletes(blue_and_green[1], name)[before:] == ["deployments"]
    finally:
        for resource, each, _ in made:
            green.write(Write(Verb.PATCH, resource, each, name, {"metadata": {"finalizers": None}}))
        green.write(Write(Verb.DELETE, NAMESPACES, name))


def _sets(green: KubeCluster, namespace: str) -> list[Object]:
    return [obj for page in green.pages(SETS, namespace=namespace) for obj in page]


def _deletes(plane: ControlPlane, namespace: str) -> list[str]:
    """The resources of which the program has asked to delete one there, by the audit log."""
    refs = (event["objectRef"] for event in plane.writes() if event["verb"] == "delete")
    return [ref["resource"] for ref in refs if ref.get("namespace") == namespace]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
def test_a_workload_whose_pods_a_quota_refuses_says_so(kind: str, green: KubeCluster) -> None:
    """Each controller tells it in its own way; the server's words come out, and in the end it has failed."""
    name = f"full-{uuid4().hex[:8]}"
    labels = {"app": "db"}
    pod = {"containers": [{"name": "main", "image": "registry.example/db:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    replicas = {} if kind == "DaemonSet" else {"replicas": 2}
    workload: Object = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "db", "namespace": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **replicas},
    }
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    quota: Object = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": name},
        "spec": {"hard": {"pods": "0"}},
    }
    green.write(Write(Verb.CREATE, NAMESPACES, name, body=namespace))
    green.write(Write(Verb.CREATE, QUOTAS, "none", name, quota))
    apps = Resource("apps", "v1", f"{kind.lower()}s", kind, namespaced=True)
    green.write(Write(Verb.CREATE, apps, "db", name, workload))
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: green, clock=SystemClock()))
    handler = Wait(doors, CONDITIONS, quiet, Stop(), PaperLock())
    refs = [Ref("apps", kind, name, "db").as_json()]
    began = time.monotonic()
    (outcome,) = handler.act(
        [wait("workloads-ready", "it", 240.0, side="green", refs=refs, failureEnds=True)]
    )
    assert outcome.state is OutcomeState.FAILED
    assert "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0" in outcome.evidence
    assert "Error creating" not in outcome.evidence
    assert [v.result for v in outcome.verdicts] == [Result.FAIL]
    assert time.monotonic() - began < 200
    green.write(Write(Verb.DELETE, NAMESPACES, name))
