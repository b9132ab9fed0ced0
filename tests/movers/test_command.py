"""A program that copies: what it is told, and what becomes of one that says nonsense, nothing, or no end."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from migrate.doors.mover import Amount, Pass
from migrate.errors import DoorError, Refused, Transient, Unreachable
from migrate.model.ids import RunId
from migrate.model.migration import MoverSpec
from migrate.model.objects import Ref
from migrate.movers.command import CommandMover
from migrate.movers.left_behind import LeftBehind
from migrate.processes import born
from tests.movers.reaching import asked, ends

TASK = Pass(RunId("run-1"), "final", Ref("", "PersistentVolumeClaim", "shop", "data"), 2)
DONE = '{"done": true, "source": {"bytes": 9, "files": 1}, "target": {"bytes": 9, "files": 1}}'


def saying(folder: Path, script: str) -> CommandMover:
    """A mover whose program is a shell script."""
    program = folder / "copy.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    argv = (str(program), "--token-file", "never-to-be-seen")
    return CommandMover(MoverSpec(command=argv), ends(asked(list(argv)), folder))


def test_the_program_is_told_by_its_input(tmp_path: Path) -> None:
    """Which pass of which claim, and by which kubeconfig and context either end is reached."""
    mover = saying(tmp_path, f"cat > {tmp_path}/asked.json\necho '{DONE}'")
    assert mover.copy(TASK, 20, lambda _: True).target == Amount(9, 1)
    assert json.loads((tmp_path / "asked.json").read_text()) == {
        "version": 1,
        "do": "copy",
        "pass": "run-1-final-2",
        "phase": "final",
        "source": {"kubeconfig": "/blue.yaml", "context": "admin@blue", "namespace": "shop", "claim": "data"},
        "target": {
            "kubeconfig": f"{tmp_path}/green.yaml",
            "context": None,
            "namespace": "shop",
            "claim": "data",
        },
    }


def sampled(sample: object) -> str:
    """An answer with a sample of blue's end, and none of green's."""
    end = {"bytes": 9, "files": 1}
    return json.dumps({"done": True, "source": end | {"sample": sample}, "target": end})


def test_a_sample_is_taken_from_both_ends(tmp_path: Path) -> None:
    """In whatever case the program writes it."""
    copied = saying(tmp_path, f"echo '{sampled({'a': 'AB' * 32})}'").copy(TASK, 20, lambda _: True)
    assert (copied.source_sample, copied.target_sample) == ({"a": "ab" * 32}, {})


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo oh dear >&2; exit 3", "ended with exit code 3: oh dear"),
        ("true", "did not say `done`"),
        ("echo moin", "a line that is no JSON: b'moin"),
        ("echo '[]'", "no JSON object"),
        ("echo '{\"done\": true}'", "where bytes and files are wanted"),
        ('echo \'{"done": true, "source": {"bytes": -1, "files": 0}}\'', "where bytes and files are wanted"),
        (f"echo '{sampled(3)}'", "where an object such as"),
        (f"echo '{sampled({'a': 'short'})}'", "where an object such as"),
        ("echo '{\"done\": false}'", "says that the copying is not done"),
        (f"echo '{DONE}'; exit 1", "ended with exit code 1"),
    ],
)
def test_no_success_is_taken_from_less_than_the_whole_answer(tmp_path: Path, script: str, said: str) -> None:
    """An exit code alone proves nothing, nor does an answer of a program that then failed."""
    with pytest.raises(Refused) as caught:
        saying(tmp_path, script).copy(TASK, 20, lambda _: True)
    assert said in str(caught.value)
    assert "never-to-be-seen" not in str(caught.value)


def test_a_program_that_cannot_be_started_is_refused(tmp_path: Path) -> None:
    """Before anything is copied."""
    mover = saying(tmp_path, "true")
    (tmp_path / "copy.sh").unlink()
    with pytest.raises(Refused, match="cannot be started"):
        mover.copy(TASK, 20, lambda _: True)


@pytest.mark.parametrize(
    ("deadline", "going", "kind"), [(5, True, Unreachable), (60, False, Transient)], ids=["late", "stopped"]
)
def test_a_program_is_ended_with_all_its_children(
    tmp_path: Path, deadline: float, *, going: bool, kind: type[DoorError]
) -> None:
    """By its deadline, or because somebody stops the run: nothing of it goes on copying."""
    mover = saying(tmp_path, f"sleep 100 & echo $! > {tmp_path}/child; wait")
    began = time.monotonic()
    with pytest.raises(kind):
        mover.copy(TASK, deadline, lambda _: going)
    assert time.monotonic() - began < 80
    assert_gone(int((tmp_path / "child").read_text()))


def test_a_program_that_a_dead_run_left_is_ended_before_another_begins(tmp_path: Path) -> None:
    """Two at a time would write to one volume; and the first might go on while green's writer is at work."""
    mover = saying(tmp_path, f"echo '{DONE}'")
    left = subprocess.Popen(["sleep", "100"], start_new_session=True)
    LeftBehind(tmp_path / "notes").note(TASK.claim, left.pid)
    assert mover.copy(TASK, 20, lambda _: True).target == Amount(9, 1)
    assert left.wait(10) != 0


def test_letting_go_ends_a_program_that_a_dead_run_left(tmp_path: Path) -> None:
    """On the way back: it would go on writing to green, or to what green's successor makes of the volume."""
    mover = saying(tmp_path, "true")
    left = subprocess.Popen(["sleep", "100"], start_new_session=True)
    LeftBehind(tmp_path / "notes").note(TASK.claim, left.pid)
    mover.let_go(TASK, 20, lambda _: True)
    assert left.wait(10) != 0


def test_a_namesake_of_a_process_is_left_alone(tmp_path: Path) -> None:
    """Numbers of processes are given out again: with the time of its birth it is another one."""
    left = subprocess.Popen(["sleep", "100"], start_new_session=True)
    try:
        notes = LeftBehind(tmp_path / "notes")
        notes.note(TASK.claim, left.pid)
        (note,) = (tmp_path / "notes").iterdir()
        note.write_text(json.dumps({"pid": left.pid, "born": "1"}))
        notes.end(TASK.claim)
        assert left.poll() is None
    finally:
        left.kill()
        left.wait()


def assert_gone(pid: int) -> None:
    """A process is gone, or a zombie that nobody waits for."""
    for _ in range(300):
        if not born(pid):
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} lives on")
