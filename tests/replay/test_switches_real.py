"""A real API server keeps a switch where its definition names it, and drops it where we say that it would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, dig
from migrate.replay.definitions import takes
from migrate.replay.hold import switched
from tests.lab.control_plane import ControlPlane
from tests.replay.builders import obj

GROUP = "switches.example.net"
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
KEEP = {"x-kubernetes-preserve-unknown-fields": True}
NAMED = {"properties": {"suspend": {"type": "boolean"}}}
NESTED = {"properties": {"runPolicy": {"type": "object", **NAMED}}}
SUSPEND, POLICY = ("spec", "suspend"), ("spec", "runPolicy", "suspend")
NOTE = ("metadata", "annotations", "example.net/reconcile")
WAIT = 60.0


@pytest.fixture(scope="module")
def green(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[KubeCluster]:
    """The real green."""
    with connect(blue_and_green[1].kubeconfig, None, Side.GREEN) as cluster:
        yield cluster


def definition(kind: str, spec: dict[str, Any]) -> Object:
    """A cluster-scoped kind whose `spec` has this schema."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "properties": {"spec": {"type": "object", **spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    body = {"group": GROUP, "scope": "Cluster", "names": names, "versions": [version]}
    return obj("CustomResourceDefinition", f"{plural}.{GROUP}", api="apiextensions.k8s.io/v1", spec=body)


@pytest.mark.parametrize(
    ("kind", "spec", "path", "value", "kept"),
    [
        ("Named", NAMED, SUSPEND, True, True),
        ("Unnamed", {"properties": {"paused": {"type": "boolean"}}}, SUSPEND, True, False),
        ("Open", KEEP, SUSPEND, True, True),
        ("Nested", NESTED, POLICY, True, True),
        ("Shallow", {"properties": {"runPolicy": {"type": "object"}}}, POLICY, True, False),
        ("Noted", {}, NOTE, "disabled", True),
    ],
)
def test_the_server_keeps_a_switch_where_we_say_so(
    green: KubeCluster, kind: str, spec: dict[str, Any], path: tuple[str, ...], value: Any, kept: bool
) -> None:
    """What was sent with the switch set comes back with it, or without; and let go, it is as it was."""
    made = definition(kind, spec)
    green.write(Write(Verb.CREATE, DEFINITIONS, made["metadata"]["name"], body=made))
    try:
        assert takes(made, "v1", path) is kept
        resource = served(green, kind)
        asleep, hold = switched(obj(kind, "a", api=f"{GROUP}/v1", spec={}), path, value)
        green.write(Write(Verb.CREATE, resource, "a", body=asleep))
        assert dig(green.get(resource, "a") or {}, *path) == (value if kept else None)
        green.write(Write(Verb.PATCH, resource, "a", body=hold.release))
        assert dig(green.get(resource, "a") or {}, *path) is None
    finally:
        green.write(Write(Verb.DELETE, DEFINITIONS, made["metadata"]["name"]))


def served(green: KubeCluster, kind: str) -> Resource:
    """The kind, once the server serves it."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        found = next((r for r in green.resources() if (r.group, r.kind) == (GROUP, kind)), None)
        if found is not None:
            return found
        time.sleep(0.2)
    pytest.fail(f"{kind} was not served within {WAIT:.0f} s")
