"""Moves begun by an earlier release, kept as they lay on disk: tests/cases/journals/NAME-FORMAT.

`python -m tests.scenario.old_journals` adds those of this release's format; what is there is never written anew,
because the point of an old journal is that today's code did not write it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from migrate.cli.project import Project, load
from migrate.engine.journal import FORMAT
from migrate.simulation.faults import Killed
from tests.scenario.moves import Death, Life, effects_only, run, small_project

CASES = Path(__file__).parents[1] / "cases" / "journals"

IN_THE_MIDDLE = 150
"""The effect behind which the half-done move was killed: some objects of the replay stand, some do not."""


def taken_out(case: Path, directory: Path) -> Project:
    """A copy of an old move to go on with."""
    shutil.copytree(case, directory)
    (directory / "state").rename(directory / ".cnimigrate")
    return load(str(directory / "migration.yaml"), None, None)


def put_in(project: Project, case: Path) -> None:
    """Keep a move as it lies on disk."""
    for path in (project.journal, project.state / "world.db"):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if path.name == "world.db":
                db.execute("PRAGMA page_size = 512")
                db.execute("PRAGMA journal_mode = DELETE")
                db.execute("VACUUM")
    state = case / "state" / project.state.name
    state.mkdir(parents=True)
    for path in (project.journal, project.state / "world.db"):
        shutil.copyfile(path, state / path.name)
    for name in ("migration.yaml", "blue.yaml"):
        shutil.copyfile(project.file.resolve().parent / name, case / name)


def main() -> None:
    """Add the cases of this format that are missing."""
    for name in ("finished", "half-done"):
        case = CASES / f"{name}-{FORMAT}"
        if case.exists():
            continue
        with TemporaryDirectory() as directory:
            project = small_project(Path(directory) / "move")
            if name == "finished":
                assert run(project)
            else:
                with suppress(Killed):
                    run(project, Life(Death(IN_THE_MIDDLE, after=True, only=effects_only)))
            put_in(project, case)


if __name__ == "__main__":
    main()
