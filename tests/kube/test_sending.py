"""How a request leaves: in how many seconds, how often, and what of its answer is taken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.errors import Unreachable
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import Drop, Reply, in_turn
from tests.kube.kinds import CONFIG_MAPS, create

LONG = Write(Verb.CREATE, CONFIG_MAPS, "a", "shop", body={"data": {"a": "x" * 16_000_000}})
"""Longer than what the buffers of two sockets take."""

PAUSE = threading.Event()
"""Never set: waiting for it takes real time."""


@contextmanager
def listening(serve_one: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection, one after the other, what it is told."""
    kept: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                kept.append(listener.accept()[0])
                serve_one(kept[-1])

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()
        thread.join()


def test_who_stops_reading_is_given_up(door: Open) -> None:
    """A server that takes nothing more of a long request leaves the write in doubt, and the door closes all the same."""
    with listening(lambda _: None) as url:
        cluster = door(url, timeout=0.3)
        with pytest.raises(
            Unreachable, match="stopped taking the request; whether it took effect is not known"
        ):
            cluster.write(LONG)
        assert cluster.requests() == 1
        cluster.close()


def test_who_reads_slowly_is_waited_for(door: Open) -> None:
    """What is limited is how long nothing is taken, not how long the whole takes."""

    def slowly(connection: socket.socket) -> None:
        taken = 0
        while taken < 16_000_000:
            PAUSE.wait(0.02)
            taken += len(connection.recv(1 << 19))
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")

    with listening(slowly) as url:
        assert door(url, timeout=0.3).write(LONG) == {}


def test_a_lost_read_is_repeated_by_the_door_alone(serve: Serve, door: Open, naps: list[float]) -> None:
    """Each repeat is one that was waited for and counted; the library under the door sends nothing by itself."""
    server = serve(in_turn(Reply(200, {}), Drop(), Drop(), Reply(200, {})))
    cluster = door(server.url)
    cluster.get(CONFIG_MAPS, "a", "shop")
    cluster.get(CONFIG_MAPS, "a", "shop")
    assert cluster.requests() == len(server.received) == 4
    assert len(naps) == 2


def test_however_many_warnings_are_heard(serve: Serve, door: Open) -> None:
    """An object with hundreds of unknown fields was accepted: its answer is no lost one, and each warning is kept."""
    said = "\n".join(f'299 - "unknown field {number}"' for number in range(300))
    cluster = door(serve(in_turn(Reply(201, {"kind": "ConfigMap"}, {"Warning": said}))).url)
    cluster.write(create())
    assert len(cluster.warnings(CONFIG_MAPS, "a", "shop")) == 300


def test_an_answer_changes_nothing_of_the_next_request(serve: Serve, door: Open) -> None:
    """A balancer's cookie is not kept, and no encoding is asked for that only a list is worth."""
    numbers = count()
    server = serve(lambda _: Reply(200, {"kind": "ConfigMap"}, {"Set-Cookie": f"to={next(numbers)}; Path=/"}))
    cluster = door(server.url)
    for _ in range(2):
        cluster.get(CONFIG_MAPS, "a", "shop")
    assert [{"Cookie", "Accept-Encoding"} & set(received.headers) for received in server.received] == [
        set(),
        set(),
    ]
