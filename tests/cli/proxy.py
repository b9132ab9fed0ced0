"""A proxy in front of a real API server that loses, delays, refuses or rewrites what a test chooses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

from tests.kube.faulty import Behaviour, Drop, FaultyServer, Hang, Received, Reply, kubeconfig

Meddle = Callable[[Received, Callable[[], Reply]], "Reply | Drop | Hang"]
"""Decides on one request; the second argument asks the real server."""


@contextmanager
def proxy(behind: Path, meddle: Meddle) -> Iterator[FaultyServer]:
    """Serve a real API server, reached by the kubeconfig `behind`, through `meddle`."""
    with TemporaryDirectory() as folder, FaultyServer(_forward(behind, meddle, Path(folder))) as server:
        yield server


def by(path: Path, server: FaultyServer) -> Path:
    """Write a kubeconfig that leads to the proxy."""
    return kubeconfig(path, server.url)


def _forward(behind: Path, meddle: Meddle, folder: Path) -> Behaviour:
    document: dict[str, Any] = yaml.safe_load(behind.read_text(encoding="utf-8"))
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    (folder / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    pool = urllib3.PoolManager(ca_certs=str(folder / "ca.crt"), maxsize=16)

    def ask(received: Received) -> Reply:
        url = f"{cluster['server']}{received.path}?{urlencode(received.query)}"
        kept = {k: v for k, v in received.headers.items() if k in {"Accept", "Content-Type"}}
        answer = pool.request(
            received.method,
            url,
            headers={**kept, "Authorization": f"Bearer {user['token']}"},
            body=json.dumps(received.body).encode() if received.body is not None else None,
            retries=False,
        )
        return Reply(answer.status, answer.json())

    return lambda received: meddle(received, lambda: ask(received))
