"""Drive a whole move in process, one call a process that a machine would have started."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from migrate.actions.retain import Keeping
from migrate.cli.app import main
from migrate.cli.project import Project, load
from migrate.cli.session import Session, session
from migrate.cli.wiring import SystemClock, Wired, wired
from migrate.engine import journal as journals
from migrate.engine.events import Tell, quiet
from migrate.engine.journal import Journal
from migrate.engine.runner import Until
from migrate.engine.undo import roll_back, way_back
from migrate.model.entry import Draft, Entry
from migrate.model.ids import Phase
from migrate.model.migration import GateSpec
from migrate.model.progress import Progress
from migrate.planning.compose import gate_specs
from migrate.simulation.faults import Fuse, behind
from migrate.simulation.world import World
from tests.scenario.blue import small_blue

_Result = TypeVar("_Result")

FILE = """\
apiVersion: cnimigrate/v1
kind: Migration
metadata: {name: small}
blue: {simulated: blue.yaml}
green:
  provisioner: {kind: simulated}
  network: {podCIDR: 10.48.0.0/16, serviceCIDR: 10.112.0.0/16}
cutover:
  kind: simulated
  routes: [{name: shop, services: [shop/web]}]
  ramp: [50, 100]
  pause: 30s
  minSamples: 3000
gates: {before-replay: auto, before-start: auto, before-cutover: auto, before-full: auto, before-writers: auto}
soak: 6s
workloads:
  volumes: [{namespace: back, name: work, as: empty, reason: the queue is drained by then}]
"""
"""Further keys of `workloads` may follow, indented by two."""


def small_project(directory: Path, text: str = FILE) -> Project:
    """A migration file with its small blue in a directory of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "blue.yaml").write_text(small_blue())
    (directory / "migration.yaml").write_text(text)
    return load(str(directory / "migration.yaml"), None, None)


@dataclass
class Death(Fuse):
    """A fuse after which nothing is heard any more: a killed process sends no last words through its doors."""

    dead: bool = False

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Make a call while alive; the one that kills may have had its effect."""
        if self.dead:
            raise self.raises()
        try:
            return super().around(words, call)
        except BaseException as end:
            self.dead = isinstance(end, type(self.raises()))
            raise


def journal_behind(fuse: Fuse) -> type[Journal]:
    """A journal whose writes count as calls of the fuse: cut off before the commit, or after it."""

    class FusedJournal(Journal):
        def append(self, drafts: Sequence[Draft]) -> list[Entry]:
            kinds = " ".join(sorted({d.kind.value for d in drafts}))
            return fuse.around(f"journal {kinds}", lambda: super(FusedJournal, self).append(drafts))

        def take_over(self) -> int:
            return fuse.around("journal epoch", super().take_over)

    return FusedJournal


def everything(words: str) -> bool:
    """Every journal write and every call of a door counts, reads among them."""
    del words
    return True


def effects_only(words: str) -> bool:
    """Journal writes, and calls that change something or let time pass."""
    return words.startswith(
        ("journal ", "write ", "traffic set ", "provisioner create", "provisioner destroy", "clock sleep")
    )


@dataclass
class Life:
    """What one process of a move was given: a fuse, somebody who listens, where to stop, deletions accepted."""

    fuse: Fuse = field(default_factory=Fuse)
    tell: Tell = quiet
    until: Until | None = None
    gates: Mapping[str, GateSpec | None] | None = None
    deletions: int = 0


@contextmanager
def opened(project: Project, life: Life | None = None) -> Iterator[Session]:
    """An open session with every door and the journal behind the life's fuse."""
    life = life or Life()
    with (
        patch.object(journals, "Journal", journal_behind(life.fuse)),
        wired(project) as live,
        session(project, fused(live, life.fuse), life.tell, deletions=life.deletions) as begun,
    ):
        yield begun


def fused(live: Wired, fuse: Fuse) -> Wired:
    """The same wiring behind a fuse."""
    return replace(live, doors=behind(live.doors, fuse))


def run(project: Project, life: Life | None = None) -> bool:
    """Run a move as far as it goes in one process; True when it is done."""
    life = life or Life()
    gates = life.gates if life.gates is not None else gate_specs(project.migration.gates)
    with opened(project, life) as begun:
        return begun.run(life.until, gates)


@contextmanager
def world_of(project: Project) -> Iterator[World]:
    """The world of a project, open."""
    with World.open(project.state / "world.db") as world:
        yield world


def progress_of(project: Project) -> Progress:
    """What a project's journal adds up to; its chain is checked on the way."""
    with journals.open_(project.journal, SystemClock()) as journal:
        return Progress(journal.entries())


def entries_of(project: Project) -> list[Entry]:
    """Every entry of a project's journal."""
    with journals.open_(project.journal, SystemClock()) as journal:
        return list(journal.entries())


def copied(project: Project, directory: Path) -> Project:
    """A copy of a project, its world and its state, in another directory."""
    for path in project.state.glob("*.db"):
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(project.file.resolve().parent, directory)
    return load(str(directory / "migration.yaml"), None, None)


def seeded(directory: Path, text: str = FILE) -> Project:
    """A project whose world has its blue already and whose journal has not been begun."""
    project = small_project(directory, text)
    with wired(project):
        pass
    return project


def roll_back_to(project: Project, to: Phase | None, life: Life | None = None) -> None:
    """Go back to the end of a phase, or before all, in one process."""
    with opened(project, life) as begun:
        begun.acting.settle()
        way = way_back(begun.plan, begun.scene.progress, to)
        keeping = Keeping(begun.scene.doors, begun.scene.progress, begun.scene.run)
        roll_back(way, begun.acting, begun.plan, accept_data_loss=True, securing=keeping)


def amended(project: Project, text: str) -> Project:
    """The same move after its file was rewritten and `amend` was confirmed."""
    project.file.write_text(text)
    with suppress(SystemExit):  # what was not recorded, the next run refuses
        main(["amend", "--yes", "-f", str(project.file)])
    return load(str(project.file), None, None)
