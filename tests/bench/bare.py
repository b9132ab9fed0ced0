"""The barest clients there are in Python: prepared bodies, POSTed over kept TLS connections, nothing looked at but the
status. They share no code with the door under test."""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import yaml

THREADS = 32

Post = tuple[str, bytes]
"""A collection's path, and the body for it."""


class Client:
    """One kept connection to an API server, as the user of a kubeconfig that the lab wrote."""

    def __init__(self, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        url = urlsplit(cluster["server"])
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        tls = ssl.create_default_context(cadata=ca)
        self._connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=60, context=tls)
        self._headers = {
            "Authorization": f"Bearer {document['users'][0]['user']['token']}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def post(self, post: Post) -> None:
        """Send one body; AssertionError for any answer but 201."""
        self._connection.request("POST", post[0], post[1], self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status == 201, said[:500]


def send(kubeconfig: Path, stages: Iterable[Sequence[Post]], threads: int = THREADS) -> None:
    """POST everything, a stage after the other, inside a stage by so many threads with a connection each."""
    clients = [Client(kubeconfig) for _ in range(threads)]
    for stage in stages:
        left, failures = iter(list(stage)), list[BaseException]()
        workers = [threading.Thread(target=_drain, args=(c, left, failures)) for c in clients]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            raise failures[0]


def _drain(client: Client, left: Iterator[Post], failures: list[BaseException]) -> None:
    try:
        for post in left:  # a list's iterator gives each item to one thread
            client.post(post)
    except (AssertionError, OSError, http.client.HTTPException) as error:
        failures.append(error)


def read(file: Path) -> list[list[Post]]:
    """Read stages as `write` wrote them."""
    stages: list[list[Post]] = [[]]
    for line in file.read_bytes().splitlines():
        if not line:
            stages.append([])
            continue
        path, _, body = line.partition(b"\t")
        stages[-1].append((path.decode(), body))
    return stages


def write(file: Path, stages: Iterable[Sequence[Post]]) -> None:
    """Write stages: a line a body, an empty line between two stages."""
    parts = [b"\n".join(path.encode() + b"\t" + body for path, body in stage) for stage in stages]
    file.write_bytes(b"\n\n".join(parts) + b"\n")
