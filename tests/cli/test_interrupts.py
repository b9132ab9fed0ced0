"""Ctrl-C, SIGTERM, a lost terminal, a closed pipe, SIGKILL: a run stops where it is safe, and goes on from there."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from migrate.model.ids import Side
from tests.cli.moving import Place, demo, end, signals_at_once, slow, wait_for


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A slow ramp, with everything before it done."""
    place = slow(tmp_path_factory.mktemp("slow") / "it")
    ended = place.run("run", "--until", "verify")
    assert ended.code == 0, ended.all
    return place


@pytest.fixture
def place(ready: Place, tmp_path: Path) -> Place:
    """A copy of it."""
    return ready.copy(tmp_path / "it")


def sound(place: Place) -> None:
    """Nothing is in doubt, and no weight was set twice."""
    weights = {k: n for k, n in place.effects().items() if k.startswith("set route")}
    assert set(weights.values()) == {1}, weights
    assert not place.progress().in_doubt()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_at_the_next_border(place: Place, number: signal.Signals) -> None:
    """Exit 130, nothing in doubt, the runner has left in order, and the same command goes on from there."""
    running = place.start("run", "-o", "json")
    wait_for(running, "watching")
    running.send_signal(number)
    ended = end(running)
    assert ended.code == 130
    assert f"stopped at a safe border ({number.name}); nothing is half done" in ended.err
    assert "Run the same command to go on." in ended.err
    assert number.name in ended.out  # the event that it was heard
    assert place.progress().runners[-1].data["event"] == "left"
    assert not place.progress().in_doubt()
    before = len(place.entries())
    again = place.start("run", "-o", "json")
    wait_for(again, "watching")
    again.send_signal(signal.SIGINT)
    assert end(again).code == 130
    assert len(place.entries()) > before
    sound(place)


def test_a_second_signal_stops_at_once_in_the_middle_of_an_act(place: Place) -> None:
    """An intent is open, so the outcome is unknown (33); the next run looks at it first, then goes on."""
    running = place.start("run", "-o", "json")
    wait_for(running, "watching")
    signals_at_once(running, signal.SIGINT, signal.SIGTERM)
    ended = end(running)
    assert ended.code == 33
    assert "stopped at once (SIGTERM) in the middle of an act" in ended.err
    assert "it looks before it acts again" in ended.err
    assert len(place.progress().in_doubt()) == 1
    assert "in doubt watch shop at" in place.run("status").out
    again = place.start("run", "-o", "json")
    assert wait_for(again, "settling")["inDoubt"] == 1
    wait_for(again, "watching")
    again.send_signal(signal.SIGINT)
    assert end(again).code == 130
    sound(place)


def test_a_second_signal_at_a_gate_leaves_nothing_open(tmp_path: Path) -> None:
    """Waiting at a gate is no act: nothing is half done, exit 130."""
    place = slow(tmp_path / "it")
    place.edit(("before-cutover: auto", "before-cutover: approval"))
    running = place.start("run", "--wait", "-o", "json")
    wait_for(running, "gate-closed")
    signals_at_once(running, signal.SIGINT, signal.SIGTERM)
    ended = end(running)
    assert ended.code == 130
    assert "nothing is half done" in ended.err
    assert not place.progress().in_doubt()


def test_a_lost_terminal_stops_the_run_at_a_border(place: Place) -> None:
    """The terminal's end is SIGHUP, and nobody can be told any more: exit 130 all the same, and the run goes on later."""
    running, master = on_terminal(place, "run")
    seen = b""
    while b"ramp routes" not in seen:
        seen += os.read(master, 4096)
    os.close(master)
    assert running.wait(60) == 130
    assert place.progress().runners[-1].data["event"] == "left"
    assert not place.progress().in_doubt()
    again = place.start("run", "-o", "json")
    wait_for(again, "watching")
    again.send_signal(signal.SIGTERM)
    assert end(again).code == 130
    sound(place)


def test_under_nohup_a_lost_terminal_is_nothing(place: Place) -> None:
    """Whoever ignores SIGHUP wants the run to go on."""
    argv = ["nohup", *Place.argv("run", "-o", "json")]
    argv[3] = argv[3].replace("signal.signal(1, signal.SIG_DFL);", "")  # the program's own start, untouched
    running = subprocess.Popen(
        argv,
        cwd=place.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(running, "watching")
    running.send_signal(signal.SIGHUP)
    wait_for(running, "batch-ended")
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    ended = end(running)
    assert ended.code == 130
    assert "(SIGTERM)" in ended.err


def test_a_closed_pipe_does_not_stop_a_run(tmp_path: Path) -> None:
    """`run | head`: nobody reads any more, the move goes on to where it would have stopped, with its own exit code."""
    place = demo(tmp_path / "it")
    running = place.start("run", "-o", "json")
    wait_for(running, "step-began")
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    with running.stderr as stderr:
        said = stderr.read()
    assert running.wait(60) == 20
    assert "all/before-cutover needs an approval" in said
    assert "Traceback" not in said
    assert not place.progress().in_doubt()


def test_a_closed_stderr_does_not_stop_a_run(tmp_path: Path) -> None:
    """The lines beside the results may be lost, the run is not."""
    place = demo(tmp_path / "it")
    reading, writing = os.pipe()
    running = place.start("run", stderr=writing)
    os.close(writing)
    os.close(reading)
    assert end(running).code == 20
    assert not place.progress().in_doubt()


@pytest.mark.parametrize("words", [("export",), ("status", "-o", "json"), ("schema", "x.yaml")])
def test_a_pipe_that_closes_early_is_no_error(ready: Place, words: tuple[str, ...]) -> None:
    """`cnimigrate export | head -1` ends quietly."""
    argv = [w for w in Place.argv(*words) if w != "x.yaml"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(argv, cwd=ready.folder, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_a_killed_run_is_said_to_be_unwatched_and_goes_on(place: Place) -> None:
    """SIGKILL leaves an open intent and a Lease; status says so, and the next run takes both up."""
    running = place.start("run", "-o", "json")
    wait_for(running, "watching")
    running.kill()
    end(running)
    said = place.run("status").out
    assert "UNWATCHED since" in said
    assert "with acts in doubt" in said
    again = place.start("run", "-o", "json")
    assert wait_for(again, "settling")
    wait_for(again, "watching")
    again.send_signal(signal.SIGINT)
    assert end(again).code == 130
    sound(place)


def test_two_runs_at_once(place: Place) -> None:
    """The second is told who runs it, since when and from where (40), and harms nothing; approve and amend know, too."""
    running = place.start("run", "-o", "json")
    wait_for(running, "watching")
    second = place.run("run")
    assert second.code == 40
    assert f"process {running.pid}" in second.err
    assert "this migration is being run by " in second.err
    assert "cnimigrate status --watch" in second.err
    for words in (("rollback",), ("amend", "--yes"), ("unlock", "--reason", "x")):
        assert place.run(*words).code == 40, words
    assert place.run("resolve", "x", "--as", "done", "--reason", "y").code == 40
    assert f"(process {running.pid})" in place.run("status").out
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert end(running).code == 130


def test_an_abort_beside_a_living_run_fences_it(place: Place) -> None:
    """The traffic is back on blue, the runner learns of it at its next write (41) and does nothing more."""
    running = place.start("run", "-o", "json")
    wait_for(running, "watching")
    aborted = place.run("abort")
    assert aborted.code == 0, aborted.all
    assert "shop: 0 % on green" in aborted.out
    ended = end(running)
    assert ended.code == 41
    assert "another runner took this migration over" in ended.err
    assert place.green() == 0
    assert "shop 0 % on green" in place.run("status").out


def test_a_signal_outside_a_run(place: Place) -> None:
    """Whoever only looks is stopped with exit 130 and a sentence, not with a traceback."""
    running = place.start("status", "--watch")
    assert running.stdout is not None
    assert running.stdout.readline().startswith("demo  ")
    running.send_signal(signal.SIGTERM)
    ended = end(running)
    assert ended.code == 130
    assert "interrupted; no act was under way" in ended.err


def test_a_terminal_shows_signs_and_no_color_shows_none(tmp_path: Path) -> None:
    """On a UTF-8 terminal marks and one renewed line; with NO_COLOR, on a dumb one or in another encoding, plain ASCII lines."""
    shown = {}
    for name, env in (
        ("fancy", {"PYTHONIOENCODING": "utf-8"}),
        ("no color", {"NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}),
        ("dumb", {"TERM": "dumb", "PYTHONIOENCODING": "utf-8"}),
        ("latin", {"PYTHONIOENCODING": "iso-8859-1"}),
        ("ascii", {"PYTHONIOENCODING": "ascii"}),
    ):
        place = demo(tmp_path / name)
        running, master = on_terminal(place, "run", env=env)
        shown[name] = read_all(master)
        assert running.wait(60) == 20
        os.close(master)
    assert "✓".encode() in shown["fancy"]
    assert "⏸ all/before-cutover".encode() in shown["fancy"]
    assert b"\x1b[2K" in shown["fancy"]
    for name in ("no color", "dumb", "latin", "ascii"):
        assert shown[name].isascii(), name
        assert b"\x1b" not in shown[name], name
        assert b"|| all/before-cutover needs an approval" in shown[name], name


def test_off_a_terminal_every_line_is_ascii_and_says_something(tmp_path: Path) -> None:
    """One fact a line with its time, no escape codes, no empty fact."""
    ended = demo(tmp_path / "it").run("run")
    assert ended.all.isascii()
    assert "\x1b" not in ended.all
    facts = [line for line in ended.err.splitlines() if line.startswith("2026-")]
    assert len(facts) > 20
    assert all(len(line.split(maxsplit=3)) >= 3 and not line.endswith(" ") for line in facts)


def on_terminal(
    place: Place, *words: str, env: dict[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the program on a terminal of its own, which its session controls; returns the other end, too."""
    master, slave = pty.openpty()
    running = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *Place.argv(*words)],
        cwd=place.folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", **(env or {})},
    )
    os.close(slave)
    return running, master


def read_all(master: int) -> bytes:
    """Everything that is shown until the program leaves; a terminal's end reads as EIO."""
    seen = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            return seen
        if not part:
            return seen
        seen += part


def test_blue_goes_away_in_the_middle(place: Place) -> None:
    """The Lease in blue cannot be renewed: exit 32 with what does not answer; back again, the run goes on."""
    running = place.start("run", "-o", "json")
    wait_for(running, "watching")
    with place.world() as world:
        world.failures.cut_api(Side.BLUE)
    ended = end(running)
    assert ended.code == 32, ended.err
    assert "blue (dc1-old): no answer from the API server" in ended.err
    assert "it looks before it acts again" in ended.err
    with place.world() as world:
        world.failures.forgive()
    again = place.start("run", "-o", "json")
    wait_for(again, "watching")
    again.send_signal(signal.SIGINT)
    assert end(again).code == 130
    sound(place)
