"""The demonstration: a whole move on simulated clusters, with its failures; `make demo` runs it.

Everything is done by the program that a user types, each time in a process of its own; this module only chooses what
to type, kills one of those processes, breaks the simulated green, and counts what the outside client saw.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from migrate.model.ids import Side
from migrate.simulation.world import World

PLANS = Path(__file__).resolve().parent.parent / "plans"
KILL_AT = 25


class Demo:
    """One demonstration in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(PLANS / "demo.yaml", folder)
        self.world = folder / ".cnimigrate" / "demo" / "world.db"

    def type(self, *words: str, expect: Sequence[int] = (0,), show: int = 12) -> None:
        """Type a command, show the end of what it prints, and insist on its exit code."""
        say(f"\n$ cnimigrate {' '.join(words)}")
        ended = subprocess.run(
            argv(*words),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = ended.stdout.rstrip().splitlines()
        if len(lines) > show:
            say(f"  ({len(lines) - show} lines above are left out)")
        for line in lines[-show:]:
            say(f"  {line}")
        say(f"  exit {ended.returncode}")
        if ended.returncode not in expect:
            sys.exit(
                f"the demonstration failed: exit {ended.returncode}, expected {' or '.join(map(str, expect))}"
            )

    def run_and_kill(self) -> None:
        """Run, and kill the process with SIGKILL as soon as it says that green has 25 %."""
        say("\n$ cnimigrate run demo.yaml -o json      # and SIGKILL at 25 %")
        with subprocess.Popen(
            argv("run", "demo.yaml", "-o", "json"), cwd=self.folder, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None  # it was asked for
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] in {"step-done", "gate-passed"}:
                    say(f"  {event['at'][:19]}  {event['step'] or ''}  {event['text']}")
                if event["event"] == "batch-ended" and f"{KILL_AT} % on green" in event["text"]:
                    process.send_signal(signal.SIGKILL)
                    say(f"  {event['text']}: killed")
                    break
        if process.returncode != -signal.SIGKILL:
            sys.exit("the demonstration failed: the run ended before it could be killed")

    def counted(self) -> str:
        """What the outside client has seen since the beginning."""
        with World.open(self.world) as world:
            seen = world.counters()["shop"]
        return f"{seen['failed']} failed of {seen['requests']} requests"

    def break_green(self, *, broken: bool) -> None:
        """Let green's workloads answer nothing, or answer again."""
        with World.open(self.world) as world:
            world.failures.break_side(Side.GREEN, broken)


def argv(*words: str) -> list[str]:
    """The command line of the program, in a process of its own."""
    return [sys.executable, "-m", "migrate.cli.app", *words]


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def play(demo: Demo) -> None:
    """Play the demonstration."""
    say(
        "A Weave cluster of 12 nodes moves to Calico. Both clusters, the balancer and its clients are simulated:"
    )
    say("no cluster is touched, and simulated time passes at once.")
    demo.type("assess", "demo.yaml", show=24)
    demo.type("rehearse", "demo.yaml", show=22)
    demo.type("run", "demo.yaml", expect=[20], show=4)
    demo.type("approve", "all/before-replay", "-f", "demo.yaml", "--by", "ana")
    demo.type("run", "demo.yaml", expect=[20], show=6)
    demo.type("approve", "all/before-cutover", "-f", "demo.yaml", "--by", "ana", "--ticket", "CHG-1234")
    demo.run_and_kill()
    demo.type("status", "demo.yaml")
    say(f"\nThe outside client, while nobody was watching: {demo.counted()}")
    demo.type("run", "demo.yaml", expect=[20], show=8)
    say(f"\nThe outside client, after the kill and the resumption: {demo.counted()}")
    say("\nNow green's pods stop answering, just when all traffic is to go there.")
    demo.break_green(broken=True)
    demo.type("approve", "all/before-full", "-f", "demo.yaml", "--by", "ana")
    demo.type("run", "demo.yaml", expect=[30], show=9)
    say(f"\nThe outside client, the true number: {demo.counted()}")
    demo.break_green(broken=False)
    say("Green is mended.")
    demo.type("run", "demo.yaml", expect=[0, 20], show=12)
    demo.type("status", "demo.yaml")
    say(f"\nThe outside client, over the whole move: {demo.counted()}")
    demo.type("runbook", "demo.yaml", "--dir", "runbooks", show=8)
    say("\nTo look at a cluster of your own, read-only: cnimigrate assess --kubeconfig FILE")


def main() -> None:
    """Play in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="cnimigrate-demo-") as folder:
        play(Demo(Path(folder)))


if __name__ == "__main__":
    main()
