"""A mutating webhook of a real server, asked by a dry run: what it injects is in the answer, and no pod is made."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from migrate.errors import Invalid
from migrate.model.objects import Object, ref_of
from migrate.replay import canary
from tests.contract.conftest import Bench
from tests.contract.objects import deployment

HERE = "127.0.0.1"
PROXY = {"name": "proxy", "image": "example/proxy:1"}


class Injector(BaseHTTPRequestHandler):
    """Answers every AdmissionReview with a container more."""

    def do_POST(self) -> None:
        """Add the proxy to the pod under review."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = json.dumps([{"op": "add", "path": "/spec/containers/-", "value": PROXY}]).encode()
        answer = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch"}
        told = {**answer, "patch": base64.b64encode(patch).decode()}
        said = json.dumps(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": told}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def injector(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A webhook's program on this machine: what its configuration says of where it is."""
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer((HERE, 0), Injector)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = pem.read_text(encoding="ascii")
    public = text[text.index("-----BEGIN CERTIFICATE") :].encode()
    try:
        yield {
            "url": f"https://{HERE}:{server.server_address[1]}/",
            "caBundle": base64.b64encode(public).decode(),
        }
    finally:
        server.shutdown()
        server.server_close()


def certificate(folder: Path) -> Path:
    """A self-signed certificate with its key for this machine's own address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HERE)])
    now = dt.datetime.now(dt.UTC)
    named = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HERE))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(named, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path = folder / "webhook.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def webhook(namespace: str, where: dict[str, Any]) -> dict[str, Any]:
    """A configuration that asks for the pods of one namespace."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "inject.example.com",
        "clientConfig": where,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [hook],
    }


def tried(bench: Bench, workload: Object) -> Object:
    """What the server makes of a workload's canary, as soon as it knows its namespace's ServiceAccount."""
    pod = canary.canary(workload)
    assert pod is not None

    def answer() -> Object | None:
        try:
            return bench.create(pod, dry_run=True)
        except Invalid as error:
            if "serviceaccount" in str(error):
                return None
            raise

    found = bench.until("ServiceAccount", answer)
    assert bench.get(pod) is None
    return found


def test_a_canary_is_taken_as_its_workload_s_controller_would_send_it(bench: Bench, namespace: str) -> None:
    """On either side of the door: owned by the workload, with the template's containers, and it does not stand."""
    made = bench.create(deployment(namespace))
    answer = tried(bench, made)
    assert answer["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert [c["name"] for c in answer["spec"]["containers"]] == ["main"]


@pytest.mark.lab
def test_what_a_real_webhook_injects_is_in_the_answer(real_bench: Bench, injector: dict[str, Any]) -> None:
    """The container is there by name and image; without the webhook the same canary fails by name."""
    namespace = real_bench.namespace()
    made = real_bench.create(deployment(namespace))
    pod = canary.canary(made)
    assert pod is not None
    there = {"proxy": "example/proxy:1"}
    bare = canary.taken(ref_of(made), pod, tried(real_bench, made), there, ())
    assert bare.evidence == "proxy: injected into its pod on blue and not on green"
    hook = real_bench.create(webhook(namespace, injector))
    try:

        def injected() -> Object | None:
            answer = tried(real_bench, made)
            return answer if len(answer["spec"]["containers"]) > 1 else None

        answer = real_bench.until("an injected container", injected)
    finally:
        real_bench.delete(hook)
    said = canary.taken(ref_of(made), pod, answer, there, ())
    assert said.passed
    assert said.evidence == "taken by green's server; injected: proxy (example/proxy:1)"
