"""`python -m tests.bench [PART ...] [--size small|big]`: measure, and print one table; SIZE sets the size, too."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import journals, rehearsals, replays, startup
from tests.bench.blue import Size
from tests.bench.measured import Row


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each thing is measured."""

    blue: Size
    journalled: int
    entries: int
    replayed: int
    repeats: int


SIZES = {
    "small": Sizes(Size(500, 2000), 4000, 10_000, 1000, 3),
    "big": Sizes(Size(10_000, 31_000), 30_000, 60_000, 4000, 5),
}


def parts(sizes: Sizes) -> Mapping[str, Callable[[Path], Iterator[Row]]]:
    """The measurements by name, in their order."""
    return {
        "start": startup.measure,
        "journal": lambda f: journals.measure(f, objects=sizes.journalled, entries=sizes.entries),
        "replay": lambda f: replays.measure(f, count=sizes.replayed, repeats=sizes.repeats),
        "rehearsal": lambda f: rehearsals.measure(f, sizes.blue),
    }


def main() -> None:
    """Measure what was asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("part", nargs="*", help="start, journal, replay, rehearsal [all]")
    parser.add_argument("--size", choices=SIZES, default=os.environ.get("SIZE") or "small")
    asked = parser.parse_args()
    known = parts(SIZES[asked.size])
    unknown = set(asked.part) - known.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
    table = Table("measured", "figure", "beside", title=f"size {asked.size}")
    for name in asked.part or known:
        with tempfile.TemporaryDirectory(prefix="cnimigrate-bench-") as folder:
            for row in known[name](Path(folder)):
                table.add_row(row.what, row.figure, row.beside)
    Console(width=150).print(table)
    load = os.getloadavg()[0]
    print(
        f"Medians (least to most). {os.cpu_count()} processors, load {load:.1f} at the end: other work moves these figures."
    )


if __name__ == "__main__":
    main()
