"""How long a command takes that looks at nothing but files, beside an interpreter that does nothing."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measured import Row, spread, took

RUNS = 7

FILE = "metadata: {name: bench}\nblue: {simulated: ''}\ngreen: {provisioner: {kind: simulated}}\ncutover: {kind: simulated}\n"


def measure(folder: Path) -> Iterator[Row]:
    """Time `--help` and `status`; a status without a journal reads the file, and says that nothing was begun."""
    (folder / "migration.yaml").write_text(FILE)
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "--help": [sys.executable, "-m", "migrate.cli.app", "--help"],
        "status": [sys.executable, "-m", "migrate.cli.app", "status"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, argv in commands.items():
            seconds[name].append(took(argv, folder, folder / "said").cpu)
    bare = statistics.median(seconds["python -c pass"])
    for name in ("--help", "status"):
        yield Row(f"start: {name}", f"{spread(seconds[name])} s CPU", f"python -c pass {bare:.2f} s")
