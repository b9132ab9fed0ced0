"""The local lock: one runner at a time, and none left by a dead one."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrate.engine import lock
from migrate.errors import LockHeld, StateNotWritable

HOLDER = {"user": "ana", "host": "ops1", "pid": 4242, "since": "2026-01-05T09:00:00+00:00"}

HOLD = """
import json, sys, time
from pathlib import Path
from migrate.engine import lock
with lock.held(Path(sys.argv[1]), json.loads(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path), json.dumps(HOLDER)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    """The second runner is refused with exit 40 and told who, from where and since when."""
    with another_process(tmp_path / "lock"):
        assert lock.holder(tmp_path / "lock")
        with pytest.raises(LockHeld) as caught, lock.held(tmp_path / "lock", {}):
            pass
    assert caught.value.exit_code == 40
    assert "ana on ops1 (process 4242), since 2026-01-05T09:00:00+00:00" in caught.value.message


def test_a_holder_may_say_what_it_does(tmp_path: Path) -> None:
    """Whoever comes second is told what becomes of the migration meanwhile; of a holder that does not say, that it runs."""
    for words, told in (({}, "run"), ({"doing": "amended"}, "amended")):
        with (
            lock.held(tmp_path / "lock", {**HOLDER, **words}),
            pytest.raises(LockHeld, match=f"this migration is being {told} by ana on ops1"),
            lock.held(tmp_path / "lock", {}),
        ):
            pass


def test_who_holds_it_is_told_without_taking_it(tmp_path: Path) -> None:
    """Whoever looks on is told who holds the lock and what it does; nothing once it is free."""
    assert lock.holder(tmp_path / "lock") == ""
    with lock.held(tmp_path / "lock", {**HOLDER, "doing": "amended"}):
        told = lock.holder(tmp_path / "lock")
    assert told == "amended by ana on ops1 (process 4242), since 2026-01-05T09:00:00+00:00"
    assert lock.holder(tmp_path / "lock") == ""


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """After SIGKILL the next runner gets the lock at once, and is named as its holder."""
    with another_process(tmp_path / "lock") as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert not lock.holder(tmp_path / "lock")
        with lock.held(tmp_path / "lock", HOLDER):
            assert json.loads((tmp_path / "lock").read_bytes()) == HOLDER


def test_a_refused_second_leaves_the_first_in_place(tmp_path: Path) -> None:
    """Being refused neither takes the lock away nor overwrites the holder's words."""
    with lock.held(tmp_path / "lock", HOLDER):
        for _ in range(2):
            with pytest.raises(LockHeld, match="ana on ops1"), lock.held(tmp_path / "lock", {"user": "bob"}):
                pass
        assert lock.holder(tmp_path / "lock")


def test_the_lock_ends_with_its_block(tmp_path: Path) -> None:
    """Whether the block ends well or badly, the lock is free afterwards."""
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path / "lock", HOLDER):
        raise ZeroDivisionError
    assert not lock.holder(tmp_path / "lock")


def test_a_shorter_holder_leaves_no_rest_of_a_longer_one(tmp_path: Path) -> None:
    """The words of a former holder are gone."""
    for holder in (HOLDER, {"user": "b"}):
        with lock.held(tmp_path / "lock", holder):
            assert json.loads((tmp_path / "lock").read_bytes()) == holder


@pytest.mark.parametrize("words", [b"", b"{", b"[]", b"{}", b"null"])
def test_a_holder_without_words_is_still_a_holder(tmp_path: Path, words: bytes) -> None:
    """A lock whose file says nothing readable is refused all the same."""
    with another_process(tmp_path / "lock"):
        (tmp_path / "lock").write_bytes(words)
        with (
            pytest.raises(LockHeld, match="another process on this machine"),
            lock.held(tmp_path / "lock", {}),
        ):
            pass


def test_no_file_is_no_holder(tmp_path: Path) -> None:
    """Where nothing ever ran, nothing is held."""
    assert not lock.holder(tmp_path / "lock")


def test_the_lock_file_is_private(tmp_path: Path) -> None:
    """The lock file is 0600."""
    with lock.held(tmp_path / "lock", HOLDER):
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A lock file that cannot be opened stops the run before anything, with exit 30."""
    (tmp_path / "lock").mkdir()
    with (
        pytest.raises(StateNotWritable, match="cannot be opened") as caught,
        lock.held(tmp_path / "lock", {}),
    ):
        pass
    assert caught.value.exit_code == 30
