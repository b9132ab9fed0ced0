"""Who writes the same prepared objects onto a fresh green, each in a process of its own.

`python -m tests.bench.contestants ours MIGRATION`, `... ready MIGRATION`, `... serial|threaded KUBECONFIG BODIES`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from migrate.cli.app import collect_seldom
from migrate.cli.project import load
from migrate.cli.session import composed_glancing, session
from migrate.cli.wiring import wired
from migrate.engine.events import quiet
from migrate.model.ids import Phase, StepId
from migrate.model.progress import Progress
from migrate.planning.compose import gate_specs
from tests.bench import bare

START = StepId("start.serving")


@dataclass(frozen=True, slots=True)
class Course:
    """What a contestant gets: the migration file, green's kubeconfig, and the prepared bodies in two forms."""

    migration: Path
    green: Path
    bodies: Path
    listed: Path


Argv = Callable[[Course], Sequence[str]]


def _here(*words: object) -> list[str]:
    return [sys.executable, "-m", "tests.bench.contestants", *map(str, words)]


def _kubectl(course: Course) -> list[str]:
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    return [kubectl, f"--kubeconfig={course.green}", "apply", "--server-side", "-f", str(course.listed)]


OURS, KUBECTL, SERIAL, THREADED = "cnimigrate", "kubectl apply --server-side", "bare serial", "bare threaded"

CONTESTANTS: Mapping[str, Argv] = {
    OURS: lambda c: _here("ours", c.migration),
    KUBECTL: _kubectl,
    SERIAL: lambda c: _here("serial", c.green, c.bodies),
    THREADED: lambda c: _here("threaded", c.green, c.bodies),
}


def ready_argv(course: Course) -> Sequence[str]:
    """The command that releases what ours has written, and waits until it is Ready."""
    return _here("ready", course.migration)


def ours(file: str, phase: Phase) -> Progress:
    """Do one phase of a run as `cnimigrate run` does: composed, locked, journalled, marked with keyed hashes."""
    collect_seldom()
    project = load(file, None, None)
    with wired(project) as live:
        whole, blue = composed_glancing(project, live)
        # the phases before it (assess, Calico's installation) are no part of what is raced
        plan = replace(whole, steps=tuple(s for s in whole.steps if s.phase in {Phase.REPLAY, Phase.START}))
        with session(project, live, quiet, plan, blue=blue) as opened:
            acting = replace(plan, steps=tuple(s for s in plan.steps if s.phase is phase))
            replace(opened, plan=acting).run(None, gate_specs(project.migration.gates))
            return opened.scene.progress


def _released(progress: Progress) -> dict[str, Any]:
    """From the first release to the last workload Ready, by the journal's times."""
    found = [i for i in progress.intents() if i.step == START]
    if not found:
        return {"released": 0, "seconds": 0.0}
    first, last = min(i.at for i in found), max(i.ended for i in found)
    seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    return {"released": sum(i.action.kind == "patch" for i in found), "seconds": seconds}


def main(words: Sequence[str]) -> None:
    """Be the contestant that is named."""
    match words:
        case ["ours", file]:
            ours(file, Phase.REPLAY)
        case ["ready", file]:
            print(json.dumps(_released(ours(file, Phase.START))))
        case ["serial", kubeconfig, bodies]:
            bare.send(Path(kubeconfig), bare.read(Path(bodies)), threads=1)
        case ["threaded", kubeconfig, bodies]:
            bare.send(Path(kubeconfig), bare.read(Path(bodies)))
        case _:
            sys.exit(f"not a contestant: {' '.join(words)}")


if __name__ == "__main__":
    main(sys.argv[1:])
