"""A proxy in front of a real API server that loses, delays, refuses or rewrites what a test chooses."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from tests.kube.faulty import Behaviour, Drop, FaultyServer, Hang, Received, Reply, kubeconfig

Meddle = Callable[[Received, Callable[[], Reply]], "Reply | Drop | Hang"]
"""Decides on one request; the second argument asks the real server."""


@contextmanager
def proxy(behind: Path, meddle: Meddle) -> Iterator[FaultyServer]:
    """Serve a real API server, reached by the kubeconfig `behind`, through `meddle`."""
    with FaultyServer(_forward(behind, meddle)) as server:
        yield server


def by(path: Path, server: FaultyServer) -> Path:
    """Write a kubeconfig that leads to the proxy."""
    return kubeconfig(path, server.url)


def _forward(behind: Path, meddle: Meddle) -> Behaviour:
    document: dict[str, Any] = yaml.safe_load(behind.read_text(encoding="utf-8"))
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    server, tls = urlsplit(cluster["server"]).netloc, ssl.create_default_context(cadata=authority)

    def ask(received: Received) -> Reply:
        kept = {k: v for k, v in received.headers.items() if k in {"Accept", "Content-Type"}}
        # a connection each: one that is kept may have been closed by the server meanwhile
        with closing(HTTPSConnection(server, context=tls, timeout=30)) as connection:
            connection.request(
                received.method,
                f"{received.path}?{urlencode(received.query)}",
                json.dumps(received.body).encode() if received.body is not None else None,
                {**kept, "Authorization": f"Bearer {user['token']}"},
            )
            answer = connection.getresponse()
            return Reply(answer.status, json.loads(answer.read()))

    return lambda received: meddle(received, lambda: ask(received))
