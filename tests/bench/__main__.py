"""`python -m tests.bench [PART ...] [--size small|big] [--count N]`: measure, and print one table.

SIZE and COUNT in the environment set the same: `make bench COUNT=31000`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import deltas, journals, plans, races, rehearsals, startup
from tests.bench.blue import Size
from tests.bench.measured import Row


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each thing is measured."""

    blue: Size
    journalled: int
    entries: int
    planned: int
    repeats: int


SIZES = {
    "small": Sizes(Size(500, 2000), 4000, 10_000, 5000, 1),
    "big": Sizes(Size(10_000, 31_000), 30_000, 60_000, 50_000, 3),
}

COUNT = 2000
"""Objects that the contestants write, unless asked otherwise."""


def parts(sizes: Sizes, count: int) -> Mapping[str, Callable[[Path], Iterator[Row]]]:
    """The measurements by name, in their order."""
    return {
        "start": startup.measure,
        "journal": lambda f: journals.measure(f, objects=sizes.journalled, entries=sizes.entries),
        "replay": lambda f: races.measure(f, count=count, repeats=sizes.repeats),
        "plan": lambda f: plans.measure(f, objects=sizes.planned),
        "rehearsal": lambda f: rehearsals.measure(f, sizes.blue),
        "delta": lambda f: deltas.measure(f, objects=sizes.blue.objects),
    }


def main() -> None:
    """Measure what was asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("part", nargs="*", help="start, journal, replay, plan, rehearsal, delta [all]")
    parser.add_argument("--size", choices=SIZES, default=os.environ.get("SIZE") or "small")
    parser.add_argument(
        "--count",
        type=int,
        default=int(os.environ.get("COUNT") or COUNT),
        help=f"objects that the contestants of replay write [{COUNT}]",
    )
    parser.add_argument("--repeats", type=int, help="turns of the contestants of replay")
    asked = parser.parse_args()
    sizes = SIZES[asked.size]
    if asked.repeats:
        sizes = replace(sizes, repeats=asked.repeats)
    known = parts(sizes, asked.count)
    unknown = set(asked.part) - known.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
    table = Table("measured", "figure", "beside", title=f"size {asked.size}")
    for name in asked.part or known:
        with tempfile.TemporaryDirectory(prefix="cnimigrate-bench-") as folder:
            for row in known[name](Path(folder)):
                table.add_row(row.what, row.figure, row.beside)
    Console(width=170).print(table)
    load = os.getloadavg()[0]
    print(
        f"Medians (least to most). {os.cpu_count()} processors, load {load:.1f} at the end: other work moves these figures."
    )


if __name__ == "__main__":
    main()
