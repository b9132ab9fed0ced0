"""The runtime socket when it is not what one hopes for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrate.cutovers.runtime_api import RuntimeSocket
from migrate.errors import Refused, Unreachable


@contextmanager
def answering(answer: Callable[[bytes], bytes | None]) -> Iterator[RuntimeSocket]:
    """A socket that answers each command by a function; None keeps silent."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                reply = answer(connection.recv(65536))
                if reply is not None:
                    connection.sendall(reply)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield RuntimeSocket(f"127.0.0.1:{server.getsockname()[1]}", timeout=0.3)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in kept:
            connection.close()


def test_a_missing_socket_is_refused_with_what_to_look_at(tmp_path: Path) -> None:
    """Nothing was sent, so nothing is in doubt."""
    with pytest.raises(Refused, match=r"no runtime socket at .*stats socket.*Nothing was sent"):
        RuntimeSocket(str(tmp_path / "admin.sock")).ask("show info")


def test_a_socket_that_nobody_listens_to_is_refused(tmp_path: Path) -> None:
    """A path that was left behind, and a closed port, are told apart from a lost answer."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
        with pytest.raises(Refused, match="Connection refused"):
            RuntimeSocket(path).ask("show info")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Refused, match="Connection refused"):
        RuntimeSocket(f"127.0.0.1:{port}").ask("show info")


def test_silence_after_a_command_leaves_its_outcome_in_doubt() -> None:
    """The command went out and no answer came: it may have taken effect."""
    with (
        answering(lambda _: None) as api,
        pytest.raises(Unreachable, match="whether it took effect is not known"),
    ):
        api.set_weight("shop", "g1", "5")


def test_a_connection_closed_without_a_byte_is_no_success() -> None:
    """Success is an empty line; no byte at all is a process that went away."""
    with answering(lambda _: b"") as api, pytest.raises(Unreachable, match="without an answer"):
        api.set_weight("shop", "g1", "5")


def test_an_empty_line_is_success() -> None:
    """As HAProxy answers a weight that it took."""
    with answering(lambda _: b"\n") as api:
        api.set_weight("shop", "g1", "5")


def test_words_in_answer_to_a_set_are_a_refusal() -> None:
    """The socket has no status codes: any text is an error."""
    with (
        answering(lambda _: b"No such server.\n\n") as api,
        pytest.raises(Refused, match="No such server") as caught,
    ):
        api.set_weight("shop", "g9", "5")
    assert caught.value.reason == "No such server."


@pytest.mark.parametrize("read", [RuntimeSocket.process, RuntimeSocket.states])
def test_something_else_behind_the_socket_is_refused(read: Callable[[RuntimeSocket], object]) -> None:
    """What does not answer as HAProxy does is not taken for it."""
    with answering(lambda _: b"+PONG\r\n") as api, pytest.raises(Refused):
        read(api)


def test_a_process_that_does_not_tell_its_start_is_known_by_its_id() -> None:
    """Versions before Start_time_sec still have an epoch."""
    with answering(lambda _: b"Name: HAProxy\nVersion: 2.2.1\nPid: 42\n\n") as api:
        assert api.process().epoch == "42"
