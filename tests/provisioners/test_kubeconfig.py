"""Whether anything answers where a kubeconfig points, over real TLS."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from migrate.provisioners.kubeconfig import KubeconfigError, endpoint, version
from tests.certificates import public, self_signed


class Server(BaseHTTPRequestHandler):
    """Answers /version, and remembers who asked with what."""

    seen: list[str | None] = []  # noqa: RUF012  # shared by all requests on purpose

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        body = {"/version": b'{"gitVersion": "v1.35.4"}', "/odd/version": b"[]"}.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"{}")

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return self_signed(tmp_path, "api.green.test")


@pytest.fixture
def server(pem: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def write(folder: Path, **cluster: object) -> Path:
    config = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
        "current-context": "x",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def encoded(pem: Path) -> str:
    return base64.b64encode(public(pem).encode()).decode()


def test_the_servers_name_may_be_another_than_its_address(tmp_path: Path, server: str, pem: Path) -> None:
    """tls-server-name is what the certificate is checked for; no credential is sent."""
    Server.seen.clear()
    named = {"certificate-authority-data": encoded(pem), "tls-server-name": "api.green.test"}
    assert version(endpoint(write(tmp_path, server=server, **named))) == "v1.35.4"
    assert Server.seen == [None]


def test_another_name_is_refused(tmp_path: Path, server: str, pem: Path) -> None:
    """The chain alone is not enough: the name in the certificate is checked."""
    for more in ({}, {"tls-server-name": "api.blue.test"}):
        target = endpoint(
            write(tmp_path, server=server, **{"certificate-authority-data": encoded(pem)}, **more)
        )
        with pytest.raises(KubeconfigError, match="CERTIFICATE_VERIFY_FAILED"):
            version(target)


def test_another_authority_is_refused(tmp_path: Path, server: str) -> None:
    """A kubeconfig of an earlier cluster at the same address does not pass for this one."""
    other = self_signed(tmp_path, "other.test")
    named = {"certificate-authority-data": encoded(other), "tls-server-name": "api.green.test"}
    with pytest.raises(KubeconfigError, match="CERTIFICATE_VERIFY_FAILED"):
        version(endpoint(write(tmp_path, server=server, **named)))
    with pytest.raises(KubeconfigError, match="CERTIFICATE_VERIFY_FAILED"):
        version(endpoint(write(tmp_path, server=server)))


def test_an_authority_may_be_a_file_beside_the_kubeconfig(tmp_path: Path, server: str, pem: Path) -> None:
    """A relative path is read from the kubeconfig's folder."""
    (tmp_path / "ca.crt").write_text(public(pem), encoding="ascii")
    named = {"certificate-authority": "ca.crt", "tls-server-name": "api.green.test"}
    assert version(endpoint(write(tmp_path, server=server, **named))) == "v1.35.4"


def test_insecure_is_as_insecure_as_it_says(tmp_path: Path, server: str) -> None:
    """insecure-skip-tls-verify asks for no check at all."""
    assert (
        version(endpoint(write(tmp_path, server=server, **{"insecure-skip-tls-verify": True}))) == "v1.35.4"
    )


@pytest.mark.parametrize(("path", "found"), [("/odd", ""), ("/none", "")])
def test_an_answer_without_a_version_is_an_answer(tmp_path: Path, server: str, path: str, found: str) -> None:
    """A 404, or JSON of another shape, still comes from a server."""
    target = endpoint(write(tmp_path, server=f"{server}{path}", **{"insecure-skip-tls-verify": True}))
    assert version(target) == found


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({"certificate-authority-data": "%%%"}, "is no PEM text"),
        ({"certificate-authority-data": base64.b64encode(b"no certificate").decode()}, "is no certificate"),
    ],
)
def test_a_broken_authority_is_named(tmp_path: Path, cluster: dict[str, str], words: str) -> None:
    """What is wrong is the certificate, and not the network."""
    with pytest.raises(KubeconfigError, match=words):
        version(endpoint(write(tmp_path, server="https://192.0.2.1", **cluster)))


def test_a_proxy_is_asked_where_the_kubeconfig_names_one(tmp_path: Path) -> None:
    """proxy-url carries the request: nothing listens there, and that is the error."""
    path = write(tmp_path, server="http://192.0.2.1", **{"proxy-url": "http://127.0.0.1:1"})
    with pytest.raises(KubeconfigError, match="refused"):
        version(endpoint(path), timeout=5)
    assert json.dumps(endpoint(path).proxy) == '"http://127.0.0.1:1"'
