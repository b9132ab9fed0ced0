"""A client for setting up control planes: JSON in, JSON out, over one kept connection.

It shares no code with the door under test and verifies the server's certificate. It asks again only where the server says
that it has done nothing because a new kind's storage is being made ready.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from tests.lab.errors import ApiError, ApiUnreachable

IDLE = 45.0
"""Seconds after which a kept connection is not used again: an API server closes one that is idle for 90 s."""

READYING = "storage is (re)initializing"
"""What a server answers with 429, any request, while it makes the storage of a new or changed definition ready."""

PATIENCE = 30.0
"""Seconds for which such an answer is not yet an error."""

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Api:
    """Talk to one API server as one user; safe to share between threads, which then take turns."""

    def __init__(self, port: int, ca: str, token: str, timeout: float = 30.0) -> None:
        self.port = port
        self.token = token
        self.timeout = timeout
        self._tls = ssl.create_default_context(cadata=ca)
        self._lock = threading.Lock()
        self._connection: http.client.HTTPSConnection | None = None
        self._used = 0.0

    @classmethod
    def from_kubeconfig(cls, path: Path, timeout: float = 30.0) -> Self:
        """Talk as the user of a kubeconfig that users.write_kubeconfig wrote; close it at the end."""
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster = document["clusters"][0]["cluster"]
        port = urlsplit(cluster["server"]).port
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(port, ca, document["users"][0]["user"]["token"], timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, path: str) -> Any:
        """Read a path, as in `/api/v1/nodes`; ApiError carries any status of 400 and above."""
        return self.request("GET", path)

    def create(self, path: str, body: Any) -> Any:
        """Post an object to a collection's path; 409 where it exists already."""
        return self.request("POST", path, body)

    def replace(self, path: str, body: Any) -> Any:
        """Put an object in the place of another."""
        return self.request("PUT", path, body)

    def delete(self, path: str) -> Any:
        """Delete an object; it may stand for a while where it has finalizers or owners."""
        return self.request("DELETE", path)

    def patch(self, path: str, body: Any, kind: str = "merge") -> Any:
        """Patch an object by a merge, a strategic merge, or apply (add `?fieldManager=` to the path then)."""
        return self.request("PATCH", path, body, PATCH_TYPES[kind])

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        """Send one request and return the decoded body; ApiUnreachable leaves open whether it was done."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body), content
        deadline = time.monotonic() + PATIENCE
        status, text = self._answered(method, path, data, headers)
        while status == 429 and READYING in text and time.monotonic() < deadline:
            time.sleep(0.2)
            status, text = self._answered(method, path, data, headers)
        answer = _decoded(text)
        if status >= 400:
            raise ApiError(method, path, status, answer)
        return answer

    def close(self) -> None:
        """Close the kept connection; the next request opens another."""
        with self._lock:
            self._drop()

    def _answered(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> tuple[int, str]:
        with self._lock:
            try:
                try:
                    return self._exchange(method, path, data, headers)
                except http.client.RemoteDisconnected:
                    if method != "GET":
                        raise
                    self._drop()  # a kept connection that the server has closed meanwhile
                    return self._exchange(method, path, data, headers)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise ApiUnreachable(f"{method} {path}: {error!r}") from error

    def _exchange(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> tuple[int, str]:
        if time.monotonic() - self._used > IDLE:
            self._drop()
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=self.timeout, context=self._tls
            )
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        self._used = time.monotonic()
        return response.status, text

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # /readyz and its like answer in plain words
        return text
