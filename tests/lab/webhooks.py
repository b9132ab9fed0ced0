"""A webhook's program on this machine: a real API server asks it over TLS, and its answer is the test's."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.certificates import public, self_signed

HERE = "127.0.0.1"

Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""From the request of an AdmissionReview to what its response says beside the uid."""


@contextmanager
def answering(folder: Path, answer: Answer) -> Iterator[dict[str, Any]]:
    """Run such a program; what a configuration says of where it is. Its key lies in the folder."""
    pem = self_signed(folder, HERE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer((HERE, 0), _handler(answer))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {
            "url": f"https://{HERE}:{server.server_address[1]}/",
            "caBundle": base64.b64encode(public(pem).encode()).decode(),
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
