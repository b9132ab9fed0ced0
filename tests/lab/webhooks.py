"""A webhook's program on this machine: a real API server asks it over TLS, and its answer is the test's."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = "127.0.0.1"

Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""From the request of an AdmissionReview to what its response says beside the uid."""


@contextmanager
def answering(folder: Path, answer: Answer) -> Iterator[dict[str, Any]]:
    """Run such a program; what a configuration says of where it is. Its key lies in the folder."""
    pem = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer((HERE, 0), _handler(answer))
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


def _handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Program(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            response = {"uid": request["uid"], **answer(request)}
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
            said = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    return Program


def _certificate(folder: Path) -> Path:
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
