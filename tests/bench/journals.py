"""What the journal costs: an object's intent and outcome, syncs a commit, and reading it all back on resume."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from migrate.actions.create import create
from migrate.cli.wiring import SystemClock
from migrate.engine import journal as journals
from migrate.engine.journal import Journal
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import BatchName, StepId
from migrate.model.objects import Ref
from tests.bench.measured import Row, spread
from tests.bench.rehearsals import file

BATCH = 200
_ALLBATCH, _STEP = BatchName("all"), StepId("replay.objects")


def append(journal: Journal, objects: int) -> Iterator[float]:
    """Write intents and outcomes of that many creates in the engine's batches; seconds an object, batch by batch."""
    for first in range(0, objects, BATCH):
        actions = [_action(number) for number in range(first, min(first + BATCH, objects))]
        begin = time.perf_counter()
        intents = journal.append(
            [Draft(EntryKind.INTENT, {"action": a.as_json()}, _ALLBATCH, _STEP, a.key) for a in actions]
        )
        done = Outcome(OutcomeState.DONE, facts={"uid": "0b9f5e2c-1111-4222-8333-444455556666"}).as_json()
        journal.append(
            [Draft(EntryKind.OUTCOME, {"intent": i.seq, "outcome": done}, key=str(i.seq)) for i in intents]
        )
        yield (time.perf_counter() - begin) / len(actions)


def _action(number: int) -> Action:
    ref = Ref("", "ConfigMap", f"team-{number % 50}", f"config-{number}")
    return create(ref, key_hash=f"{number:064x}", rule="replay.whole", wave=5, command="")


def measure(folder: Path, *, objects: int, entries: int) -> Iterator[Row]:
    """Time the appends, count the syncs, and resume a run whose journal is that long."""
    path = folder / "cost.db"
    with journals.create(path, SystemClock()) as journal:
        seconds = list(append(journal, objects))
    yield Row(
        "journal: an object's intent and outcome",
        f"{spread([s * 1e6 for s in seconds], '.0f')} us",
        f"batches of {BATCH}",
    )
    syncs = _syncs(folder, objects)
    if syncs is not None:
        yield Row(
            "journal: syncs a commit",
            f"{syncs:.2f}",
            f"{2 * objects // BATCH} commits under strace, open and close included",
        )
    yield from _resume(folder, entries)


def _syncs(folder: Path, objects: int) -> float | None:
    """Syncs a commit as strace counts them in a process of its own; None where there is no strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    counted = folder / "syncs"
    program = "import sys; from tests.bench.journals import written; written(sys.argv[1], int(sys.argv[2]))"
    argv = [strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(counted), sys.executable, "-c", program, str(folder / "synced.db"), str(objects)]  # fmt: skip
    if subprocess.run(argv, check=False, capture_output=True).returncode != 0:
        return None
    return len(re.findall(r"\bf(?:data)?sync\(", counted.read_text())) / (2 * objects / BATCH)


def written(path: str, objects: int) -> None:
    """Write a journal of that many objects, for strace to look at."""
    with journals.create(Path(path), SystemClock()) as journal:
        for _ in append(journal, objects):
            pass


def _resume(folder: Path, entries: int) -> Iterator[Row]:
    """Run the demo to its first gate, lengthen its journal by acts that stand, and time the next run to its first act."""
    home = folder / "resume"
    home.mkdir()
    (home / "migration.yaml").write_text(file(gates="auto"))
    cli = [sys.executable, "-m", "migrate.cli.app"]
    subprocess.run([*cli, "run", "--until", "before-cutover"], cwd=home, check=True, capture_output=True)
    path = home / ".cnimigrate" / "bench" / "journal.db"
    with journals.open_(path, SystemClock()) as journal:
        for _ in append(journal, (entries - journal.head()[0]) // 2):
            pass
        length = journal.head()[0]
    looking = sqlite3.connect(path)
    begin = time.perf_counter()
    with (home / "said").open("w") as said:
        process = subprocess.Popen([*cli, "run"], cwd=home, stdout=said, stderr=subprocess.STDOUT)
        seconds = 0.0
        while process.poll() is None and not seconds:
            acted = looking.execute(
                "SELECT 1 FROM entry WHERE seq > ? AND kind = 'intent' LIMIT 1", (length,)
            ).fetchone()
            seconds = time.perf_counter() - begin if acted else 0.0
            time.sleep(0.01)
        process.terminate()
        process.wait()
    looking.close()
    figure = f"{seconds:.1f} s" if seconds else f"no act: {(home / 'said').read_text()[-300:]}"
    yield Row("resume: from the start to the first act", figure, f"journal of {length} entries")
