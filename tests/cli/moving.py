"""Moves through real processes on simulated worlds: what a user types, sees, presses and breaks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from migrate.cli.wiring import SystemClock
from migrate.engine import journal as journals
from migrate.model.entry import Entry
from migrate.model.progress import Progress
from migrate.simulation.world import World

PLANS = Path(__file__).resolve().parents[2] / "plans"

HEARD = "signal.signal(2, signal.default_int_handler); signal.signal(1, signal.SIG_DFL);"
"""A test that itself was started in the background inherits ignored signals, and would pass them on."""

ARGV = (sys.executable, "-c", f"import signal; {HEARD} from migrate.cli.app import main; main()")
"""The program, as its script starts it."""

DONE = "done: demo has moved"


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Both streams."""
        return self.out + self.err


@dataclass(frozen=True)
class Place:
    """A folder with `demo.yaml` in it, and the program as its user runs it there."""

    folder: Path

    @property
    def file(self) -> Path:
        """The migration file."""
        return self.folder / "demo.yaml"

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.folder / ".cnimigrate" / "demo"

    def run(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> Ended:
        """Run the program to its end; the file is named for it unless `words` do."""
        done = subprocess.run(
            self.argv(*words),
            cwd=self.folder,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start the program and leave it running, its events on a pipe."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            self.argv(*words),
            cwd=self.folder,
            env=environment(None),
            stdin=subprocess.DEVNULL,
            text=True,
            **options,
        )

    @staticmethod
    def argv(*words: str) -> list[str]:
        """The command line."""
        named = "-f" in words or any(w.endswith(".yaml") for w in words)
        return [*ARGV, *words, *([] if named else ["-f", "demo.yaml"])]

    def edit(self, *changes: tuple[str, str]) -> None:
        """Change the migration file; what is to be replaced must be in it once."""
        text = self.file.read_text()
        for old, new in changes:
            assert text.count(old) == 1, (old, text.count(old))
            text = text.replace(old, new)
        self.file.write_text(text)

    def entries(self) -> list[Entry]:
        """The journal, read and checked."""
        with journals.open_(self.state / "journal.db", SystemClock()) as journal:
            return list(journal.entries())

    def progress(self) -> Progress:
        """What the journal adds up to."""
        return Progress(self.entries())

    @contextmanager
    def world(self) -> Iterator[World]:
        """The simulated clusters and balancer, while nobody runs."""
        with World.open(self.state / "world.db") as world:
            yield world

    def green(self) -> int:
        """The share of the demo's route that green has, as the simulated balancer says."""
        with self.world() as world:
            return int(world.store.rows("SELECT green FROM routes WHERE name = 'shop'")[0][0])

    def effects(self) -> dict[str, int]:
        """What was changed in the world, and how often; the Lease is renewed as often as time asks for."""
        with self.world() as world:
            return {k: n for k, n in world.effects().items() if "leases" not in k}

    def copy(self, to: Path) -> Place:
        """The same place once more: the state directory may be copied while nobody runs."""
        shutil.copytree(self.folder, to)
        return Place(to)


def environment(changes: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment without what would steer the program."""
    kept = {k: v for k, v in os.environ.items() if k not in {"CNIMIGRATE_FILE", "NO_COLOR"}}
    return {**kept, **(changes or {})}


def demo(folder: Path, **changes: Any) -> Place:
    """The demonstration with short pauses, and only before-cutover closed; `changes` replace keys of `cutover`."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = yaml.safe_load((PLANS / "demo.yaml").read_text(encoding="utf-8"))
    content["cutover"] |= {
        "ramp": [1, 25, 100],
        "pause": "1m",
        "minSamples": 300,
        "abort": {"errorRate": "1%", "latencyP99": "1.5x"},
        **changes,
    }
    content["gates"] = dict.fromkeys(
        ("before-replay", "before-start", "before-full", "before-writers"), "auto"
    )
    content["gates"]["before-cutover"] = "approval"
    content["soak"] = "10m"
    (folder / "demo.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return Place(folder)


def slow(folder: Path) -> Place:
    """The demonstration with a ramp that takes many seconds of a processor: something to interrupt."""
    place = demo(folder, ramp=[*range(1, 100), 100], pause="15m")
    place.edit(("before-cutover: approval", "before-cutover: auto"))
    return place


def at_gate(place: Place) -> Place:
    """Run up to the closed gate before the cutover."""
    ended = place.run("run")
    assert ended.code == 20, ended.all
    return place


def wait_for(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """Read the events of `run -o json` up to the first of a kind."""
    assert process.stdout is not None
    for line in process.stdout:
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"no {event}: {process.stderr.read() if process.stderr else ''}")


def end(process: subprocess.Popen[str], timeout: float = 60) -> Ended:
    """Wait for the end of a started process."""
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out or "", err or "")


def signals_at_once(process: subprocess.Popen[str], *numbers: signal.Signals) -> None:
    """Send signals so that the process meets all of them together: it stands still meanwhile."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: _state(process.pid) == "T")
    for number in numbers:
        process.send_signal(number)
    process.send_signal(signal.SIGCONT)


def until(holds: Any, within: float = 20.0) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + within
    while not holds():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
