"""Ways to an API server that lead through something else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from migrate.errors import Unreachable, UsageError
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import FaultyServer, Reply, closed_port, in_turn
from tests.kube.kinds import CONFIG_MAPS, create
from tests.kube.test_credentials import certificate, server_side

FOUND = Reply(200, {"kind": "ConfigMap"})


class Tunnel:
    """A proxy that understands CONNECT and leads every name to one port, or refuses."""

    def __init__(self, port: int, answer: str = "200 Connection established") -> None:
        self.asked: list[str] = []
        self._target, self._answer = port, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://me:hunter2@127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            self.asked.append(client.recv(65536).split(b"\r\n")[0].decode())
            if not self._answer:
                return
            client.sendall(f"HTTP/1.1 {self._answer}\r\n\r\n".encode())
            if not self._answer.startswith("200"):
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                there = threading.Thread(target=_copy, args=(client, server), daemon=True)
                there.start()
                _copy(server, client)
                there.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[FaultyServer]:
    """A server over TLS, whose certificate is in `tls.crt`."""
    with FaultyServer(in_turn(FOUND), tls=server_side(*certificate(tmp_path))) as server:
        yield server


def test_https_is_tunnelled(secure: FaultyServer, door: Open, tmp_path: Path) -> None:
    """proxy-url leads through CONNECT; tls-server-name says whose certificate is expected."""
    with closing(Tunnel(secure.port)) as tunnel:
        cluster = door(
            "https://api.example.com:6443",
            **{
                "proxy-url": tunnel.url,
                "certificate-authority": str(tmp_path / "tls.crt"),
                "tls-server-name": "127.0.0.1",
            },
        )
        assert cluster.get(CONFIG_MAPS, "a", "shop") == {"kind": "ConfigMap"}
        assert [line.rpartition(" ")[0] for line in tunnel.asked] == ["CONNECT api.example.com:6443"]
        cluster.close()


def test_http_goes_by_the_whole_url(serve: Serve, door: Open) -> None:
    """A proxy of plain HTTP is given the server's URL in the request line."""
    proxy = serve(in_turn(FOUND))
    cluster = door("http://api.example.com:8080/prefix", **{"proxy-url": proxy.url})
    assert cluster.get(CONFIG_MAPS, "a", "shop")
    assert proxy.received[0].path == "/prefix/api/v1/namespaces/shop/configmaps/a"
    assert proxy.received[0].headers["Host"] == "api.example.com:8080"


def test_a_proxy_that_refuses_sent_nothing(secure: FaultyServer, door: Open, tmp_path: Path) -> None:
    """The write is not in doubt, and the message has the proxy's reason and not its password."""
    with closing(Tunnel(secure.port, "407 Proxy Authentication Required")) as tunnel:
        cluster = door(secure.url, patience=0.0, **{"proxy-url": tunnel.url})
        with pytest.raises(Unreachable, match=r"cannot be reached \(.*407") as caught:
            cluster.write(create())
    assert "hunter2" not in str(caught.value)
    assert cluster.requests() == 0


def test_a_proxy_that_drops_the_connection_sent_nothing(
    secure: FaultyServer, door: Open, tmp_path: Path
) -> None:
    """One that restarts in the middle of CONNECT leaves no write in doubt."""
    with closing(Tunnel(secure.port, "")) as tunnel:
        cluster = door(secure.url, patience=0.0, **{"proxy-url": tunnel.url})
        with pytest.raises(Unreachable, match="cannot be reached") as caught:
            cluster.write(create())
    assert "not known" not in str(caught.value)
    assert cluster.requests() == 0


def test_a_proxy_that_says_nothing_is_given_up(secure: FaultyServer, door: Open) -> None:
    """A CONNECT that nobody answers ends like a connection that nobody takes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        cluster = door(secure.url, timeout=0.3, patience=0.0, **{"proxy-url": proxy})
        with pytest.raises(Unreachable, match="cannot be reached"):
            cluster.write(create())
    assert cluster.requests() == 0


@pytest.mark.skipif(find_spec("aiohttp_socks") is not None, reason="aiohttp-socks is installed")
def test_a_socks_proxy_says_what_it_needs(door: Open) -> None:
    """aiohttp-socks is not among our dependencies: who needs it is told so."""
    with pytest.raises(UsageError) as caught:
        door("https://api.example.com:6443", **{"proxy-url": "socks5://127.0.0.1:1080"})
    assert "aiohttp-socks" in caught.value.remedy


def test_a_proxy_that_is_not_there_is_named_as_the_cause(door: Open) -> None:
    """A dead proxy is not mistaken for a dead cluster."""
    dead = f"http://127.0.0.1:{closed_port()}"
    cluster = door("https://api.example.com:6443", patience=0.0, **{"proxy-url": dead})
    with pytest.raises(Unreachable, match=r"by the proxy: Connection refused"):
        cluster.write(create())
