"""The journal and its disk: full, read-only, and how often it is synced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from migrate.engine import journal as journals
from migrate.errors import (
    FailedMidway,
    StateNotWritable,
)
from tests.engine.books import filled, remark
from tests.engine.doubles import HandClock, Stage, put, stage
from tests.engine.mounts import mounted, needs_root
from tests.engine.plans import ONE_STEP


@needs_root
def test_a_read_only_mount_is_refused(tmp_path: Path) -> None:
    """On a read-only mount the run ends before its first act: exit 30."""
    with mounted(tmp_path / "disk", "size=2m") as disk:
        filled(disk / "journal.db")
        disk.read_only()
        with pytest.raises(StateNotWritable) as caught:
            journals.open_(disk / "journal.db", HandClock())
        assert caught.value.exit_code == 30
        disk.writable()
        with journals.open_(disk / "journal.db", HandClock()) as again:
            assert len(list(again.entries())) == 5


@needs_root
def test_creating_on_a_read_only_mount_is_refused(tmp_path: Path) -> None:
    """A journal cannot be begun on a read-only mount: exit 30, not a traceback."""
    with mounted(tmp_path / "disk", "size=2m") as disk:
        disk.read_only()
        with pytest.raises(StateNotWritable):
            journals.create(disk / "journal.db", HandClock())


@needs_root
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """When the disk fills up after acts, the run fails in the middle (32); what was committed stands and goes on."""
    with mounted(tmp_path / "disk", "size=512k") as disk:
        path = disk / "journal.db"
        with stage(path, ONE_STEP, {"one": [[put("a")]]}) as first:
            first.run()
            full = disk / "ballast"
            fill(full)
            with pytest.raises(FailedMidway) as caught:
                write_on(first)
            assert caught.value.exit_code == 32
            assert "cannot be written" in caught.value.message
            known = first.journal.head()[0]
        full.unlink()
        with stage(path, ONE_STEP, {"one": [[put("a")]]}, shelf=first.shelf) as again:
            assert again.progress.last is not None
            assert again.progress.last.seq >= known
            assert again.run()
        assert first.shelf.effects == ["a=1"]


@needs_root
def test_a_full_disk_before_the_first_act_stops(tmp_path: Path) -> None:
    """When the disk is full before anything was done, the run stops with exit 30."""
    with mounted(tmp_path / "disk", "size=512k") as disk:
        path = disk / "journal.db"
        with stage(path, ONE_STEP, {}) as first:
            fill(disk / "ballast")
            with pytest.raises(StateNotWritable) as caught:
                write_on(first)
        assert caught.value.exit_code == 30


def write_on(opened: Stage) -> None:
    """Write more than a full disk has room for."""
    for _ in range(200):
        opened.acting.write([remark("x" * 2000)])


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return


COMMITTER = """
import sys
from pathlib import Path
from migrate.engine import journal
from migrate.model.entry import Draft, EntryKind
from tests.engine.doubles import HandClock
opened = journal.open_(Path(sys.argv[1]), HandClock())
for number in range(int(sys.argv[2])):
    opened.append([Draft(EntryKind.REMARK, {"number": n}) for n in range(10)])
"""


@pytest.mark.skipif(which("strace") is None, reason="strace is not installed")
def test_a_commit_is_synced_once(path: Path, tmp_path: Path) -> None:
    """Twenty commits of ten entries each cost twenty syncs more than none, whatever opening and closing cost."""
    filled(path, 1)
    assert syncs(path, tmp_path, 30) - syncs(path, tmp_path, 10) == 20


def syncs(path: Path, tmp_path: Path, commits: int) -> int:
    """How many fsync and fdatasync calls a process makes that commits so often."""
    trace = tmp_path / f"trace-{commits}"
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-c", COMMITTER, str(path), str(commits)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    return sum("sync(" in line for line in trace.read_text().splitlines())
