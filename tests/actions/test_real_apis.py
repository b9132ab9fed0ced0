"""The wait for aggregated APIs against a real API server, and a server behind it that answers or does not."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.actions.wait import Wait
from migrate.cli.wiring import SystemClock
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.engine.events import quiet
from migrate.engine.signals import Stop
from migrate.engine.step import Scene
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.action import Outcome, OutcomeState
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, Resource
from migrate.model.progress import Progress
from migrate.steps.apis import answering
from tests.engine.doubles import PaperLock
from tests.lab.control_plane import ControlPlane
from tests.lab.ports import Ports

APIS = Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)


@pytest.fixture
def green(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[KubeCluster]:
    """The real green."""
    with connect(blue_and_green[1].kubeconfig, None, Side.GREEN) as cluster:
        yield cluster


def made(green: KubeCluster, resource: Resource, name: str, namespace: str, spec: Any) -> None:
    version = f"{resource.group}/{resource.version}" if resource.group else resource.version
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    body: Object = {"apiVersion": version, "kind": resource.kind, "metadata": metadata, "spec": spec}
    green.write(Write(Verb.CREATE, resource, name, namespace, body))


def waited(green: KubeCluster, name: str, deadline: float) -> Outcome:
    """Wait as the replay does where objects of the API come next."""
    ref = Ref(APIS.group, APIS.kind, "", name)
    scene = cast("Scene", SimpleNamespace(progress=Progress()))
    doors = cast("Doors", SimpleNamespace(clock=SystemClock(), cluster=lambda _side: green))
    handler = Wait(doors, CONDITIONS, quiet, Stop(), PaperLock())
    (outcome,) = handler.act([answering(scene, [ref], deadline, [ref])])
    return outcome


@contextmanager
def answered(port: int, certificate: Path, group: str) -> Iterator[None]:
    """A server of the API, as small as the aggregator takes one: it names one kind."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            order = {
                "name": "orders",
                "singularName": "order",
                "namespaced": True,
                "kind": "Order",
                "verbs": ["list"],
            }
            listed = {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{group}/v1",
                "resources": [order],
            }
            there = self.path.partition("?")[0] == f"/apis/{group}/v1"
            body = json.dumps(listed if there else {}).encode()
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.lab
def test_a_real_server_says_why_and_that_its_backend_answers(
    blue_and_green: tuple[ControlPlane, ControlPlane], green: KubeCluster
) -> None:
    """Nobody listens: the wait ends with the aggregator's own words. Somebody does: it passes, its kinds discovered."""
    word = uuid4().hex[:8]
    group, ports = f"o{word}.example.com", Ports()
    port = ports.take()
    name, backend = f"v1.{group}", f"orders-{word}"
    # the aggregator resolves such a Service to its name, so that a server of this machine can stand behind it
    made(green, SERVICES, backend, "default", {"type": "ExternalName", "externalName": "localhost"})
    service = {"namespace": "default", "name": backend, "port": port}
    promise = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
    made(green, APIS, name, "", {**promise, "insecureSkipTLSVerify": True, "service": service})
    try:
        outcome = waited(green, name, deadline=8)
        assert outcome.state is OutcomeState.FAILED
        assert "FailedDiscoveryCheck (failing or missing response from https://localhost" in outcome.evidence
        assert "connection refused" in outcome.evidence
        assert f"kind: APIService, name: {name}, skip: true" in outcome.verdicts[0].remedy
        with answered(port, blue_and_green[1].certificate, group):
            outcome = waited(green, name, deadline=120)
            assert outcome.verdicts[0].evidence == f"APIService {name} is Passed (all checks passed)"
            assert (group, "Order") in {(r.group, r.kind) for r in green.resources()}
    finally:
        green.write(Write(Verb.DELETE, APIS, name))
        green.write(Write(Verb.DELETE, SERVICES, backend, "default"))
        ports.close()
