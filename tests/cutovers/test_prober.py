"""The open-loop prober, against real backends."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.cutovers.prober import Prober, Reply, Report, Target, names_an_address, percentile, probe, send
from migrate.errors import Refused
from tests.backends import Backends
from tests.certificates import self_signed
from tests.cutovers.haproxy_fixture import wait_until


@contextmanager
def listening(answer: bytes | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A raw listener: it answers every connection with `answer` and closes, or never says anything where it is None."""
    asked: list[bytes] = []
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                if answer is not None:
                    asked.append(connection.recv(65536))
                    connection.sendall(answer)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in kept:
            connection.close()


def test_good_replies_are_counted_by_the_cluster_that_gave_them(backends: Backends) -> None:
    """Every request that was due is sent once, and the marker says who answered."""
    before = backends.asked("b1")
    report = probe(backends.url("b1"), count=50, rate=200)
    assert (report.sent, report.failed, dict(report.clusters)) == (50, 0, {"blue": 50})
    assert backends.asked("b1") - before == 50
    sample = report.sample()
    assert 0 < sample.p50 <= sample.p99
    assert sample.errors == ()


@pytest.mark.parametrize(
    ("failure", "word"),
    [("500", "status 500"), ("404", "status 404"), ("reset", "reset"), ("short", "cut off")],
)
def test_every_kind_of_failure_is_counted_and_named(backends: Backends, failure: str, word: str) -> None:
    """A status of 400 and above, a cut connection and a cut body are failures, each by its name."""
    backends.behave("b2", failure=failure)
    try:
        sample = send(backends.url("b2"), count=10, rate=200)
    finally:
        backends.behave("b2")
    assert (sample.sent, sample.failed) == (10, 10)
    assert len(sample.errors) == 1
    assert sample.errors[0].startswith("10 x ")
    assert word in sample.errors[0]


def test_a_failure_is_not_retried(backends: Backends) -> None:
    """Half of the requests fail, and the backend has been asked exactly as often as requests were due."""
    backends.behave("b2", failure="reset", part=0.5)
    before = backends.asked("b2")
    try:
        sample = send(backends.url("b2"), count=60, rate=300)
    finally:
        asked = backends.asked("b2") - before
        backends.behave("b2")
    assert asked == sample.sent == 60
    assert 10 <= sample.failed <= 50


def test_a_refused_connection_is_a_failure(backends: Backends) -> None:
    """Nothing listens: every request fails, and none of them hangs."""
    backends.behave("g2", up=False)
    try:
        sample = send(backends.url("g2"), count=10, rate=100)
    finally:
        backends.behave("g2")
    assert (sample.failed, sample.errors) == (10, ("10 x connection refused",))


def test_a_slow_backend_does_not_slow_the_schedule(backends: Backends) -> None:
    """Sixty requests at 100/s to a backend that takes half a second are not sent one after the other."""
    backends.behave("g1", latency=0.5)
    began = time.monotonic()
    try:
        sample = send(backends.url("g1"), count=60, rate=100, timeout=25)
    finally:
        backends.behave("g1")
    assert sample.failed == 0
    assert sample.p50 >= 0.5
    assert time.monotonic() - began < 25  # one after the other they would take 30 s


def test_silence_ends_in_a_timeout() -> None:
    """A listener that never answers costs each request its timeout, counted from when it was due."""
    with listening() as (url, _):
        sample = send(url, count=5, rate=50, timeout=2)
    assert (sample.sent, sample.failed) == (5, 5)
    assert sample.errors == ("5 x timeout",)
    assert sample.p50 >= 2


def test_requests_that_found_no_free_thread_are_failures_and_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With two threads held by a silent target, what was due meanwhile is counted as failed, not left out."""
    monkeypatch.setattr("migrate.cutovers.prober.THREADS", 2)
    with listening() as (url, _):
        sample = send(url, count=40, rate=100, timeout=0.2)
    assert (sample.sent, sample.failed) == (40, 40)
    assert sample.p99 >= 0.2


def test_what_was_due_before_the_stop_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping a prober whose target hangs does not hide the requests that waited."""
    monkeypatch.setattr("migrate.cutovers.prober.THREADS", 2)
    with listening() as (url, _), Prober(url, rate=100, timeout=0.4) as prober:
        time.sleep(0.35)
        report = prober.stop()
    assert report.sent >= 25
    assert report.failed == report.sent


def test_a_prober_can_be_asked_while_it_runs(backends: Backends) -> None:
    """The report grows while requests are under way, and is whole after the stop."""
    with Prober(backends.url("b1"), rate=200) as prober:
        wait_until(lambda: prober.report().sent > 0, "a first reply")
        first = prober.report()
        wait_until(lambda: prober.report().sent > first.sent, "one more reply")
    last = prober.report()
    assert first.sent < last.sent
    assert last.failed == 0
    assert last.longest_gap < 0.1


def test_keep_alive_asks_many_times_over_few_connections(backends: Backends) -> None:
    """Every request is answered on connections that last."""
    report = probe(backends.url("b1"), count=40, rate=200, keep_alive=True)
    assert (report.failed, report.clusters["blue"]) == (0, 40)


def test_a_body_tells_the_cluster_where_no_header_does() -> None:
    """A reply whose body is nothing but the name of a side counts for that side."""
    with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ngreen\n") as (url, _):
        assert probe(url, count=3, rate=50).clusters == {"green": 3}


def test_the_host_header_can_be_another_than_the_address() -> None:
    """A direct probe of an address names the service, as clients do."""
    with listening(b"HTTP/1.1 204 Nothing\r\nConnection: close\r\n\r\n") as (url, asked):
        assert send(url, count=1, rate=10, host="shop.example.org").failed == 0
    assert b"Host: shop.example.org\r\n" in asked[0]


def test_a_server_that_speaks_no_http_is_a_failure() -> None:
    """Garbage is named, not raised."""
    with listening(b"220 mail.example.org ESMTP\r\n") as (url, _):
        sample = send(url, count=2, rate=50)
    assert sample.failed == 2


def test_tls_that_fails_is_a_failure(backends: Backends) -> None:
    """A handshake with a server that speaks no TLS fails the request."""
    sample = send(backends.url("b1").replace("http:", "https:"), count=2, rate=50, timeout=0.5)
    assert sample.failed == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, signed by itself, for shop.example.org; its key stands in the same file."""
    return self_signed(tmp_path_factory.mktemp("tls"), "shop.example.org")


@contextmanager
def listening_tls(certificate: Path) -> Iterator[tuple[str, list[str | None]]]:
    """A server that speaks TLS; the names that clients asked for are collected."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: asked.append(name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.send_header("X-Cluster", "green")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that does not accept the certificate is what some of these tests want

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join(5)


def test_tls_asks_an_address_for_the_service_by_name(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A direct probe of an address checks the certificate of the service, and sends its name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with listening_tls(certificate) as (url, asked):
        report = probe(url, count=3, rate=50, host="shop.example.org")
    assert (report.failed, report.clusters) == (0, {"green": 3})
    assert set(asked) == {"shop.example.org"}


def test_a_certificate_that_is_not_accepted_fails_every_request(certificate: Path) -> None:
    """The check is on, and the reason is named."""
    with listening_tls(certificate) as (url, _):
        sample = send(url, count=2, rate=50, host="shop.example.org")
    assert sample.failed == 2
    assert "certificate not accepted" in sample.errors[0]


@pytest.mark.parametrize("url", ["", "shop", "ftp://shop/", "http://", "http://shop:99999/", "http://[::1/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """A mistake in the file is said before anything is sent."""
    with pytest.raises(Refused, match="no URL to probe"):
        Prober(url, rate=1)


def test_a_url_is_taken_apart() -> None:
    """Port and path have their defaults, the query stays, the name for TLS has no port."""
    target = Target.of("https://10.0.0.1/a?b=c", "shop.example.org:8443")
    assert (target.address, target.port, target.path) == ("10.0.0.1", 443, "/a?b=c")
    assert (target.host, target.server_name) == ("shop.example.org:8443", "shop.example.org")
    assert Target.of("http://shop").path == "/"
    assert names_an_address("http://[::1]:80/")
    assert not names_an_address("http://shop.example.org/")


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_nearest_rank(values: list[float], rank: int) -> None:
    """At least that part of the values is at or below it, and it is one of them."""
    ordered = sorted(values)
    found = percentile(ordered, rank)
    at_or_below = sum(1 for value in ordered if value <= found)
    assert found in ordered
    assert at_or_below * 100 >= rank * len(ordered)
    assert sum(1 for value in ordered if value < found) * 100 < rank * len(ordered)


def test_only_a_few_kinds_of_failure_are_named() -> None:
    """A sample names the most frequent kinds with their counts, and counts them all."""
    replies = [Reply(0.0, 0.1, failure=f"status {500 + kind}") for kind in range(9) for _ in range(kind + 1)]
    sample = Report(replies).sample()
    assert sample.failed == 45
    assert sample.errors[0] == "9 x status 508"
    assert len(sample.errors) == 5


def test_nothing_sent_is_an_empty_sample() -> None:
    """No replies give zeros and no percentile."""
    assert Report([]).sample().sent == 0
    assert Report([]).longest_gap == 0.0
