"""Lines for the screen: aligned columns, wrapped sentences, counted nouns. Pure, but for the terminal's width."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from migrate.model.verdict import Result, Verdict

NARROWEST = 60
"""Columns below which wrapping would only make things worse."""

_WORDS = {Result.PASS: "ok", Result.FAIL: "FAILED", Result.INCONCLUSIVE: "unclear"}


def width() -> int:
    """Columns to wrap at; 0 off a terminal, where a line stays whole for grep."""
    return max(NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0


def columns(rows: Iterable[Sequence[str]], *, indent: int = 2, gap: int = 2) -> Iterator[str]:
    """Align rows; every column but the last is as wide as its widest cell. Rows need not be equally long."""
    cells = [list(row) for row in rows]
    widths: list[int] = []
    for row in cells:
        for at, cell in enumerate(row[:-1]):
            if at == len(widths):
                widths.append(0)
            widths[at] = max(widths[at], len(cell))
    for row in cells:
        padded = [cell.ljust(widths[at]) for at, cell in enumerate(row[:-1])]
        yield (" " * indent + (" " * gap).join([*padded, *row[-1:]])).rstrip()


def hanging(first: str, text: str, columns: int) -> Iterator[str]:
    """A sentence behind a label, wrapped under its own beginning where there is a width."""
    if not columns or len(first) + len(text) <= columns or columns - len(first) < NARROWEST // 2:
        yield (first + text).rstrip()
        return
    yield from textwrap.wrap(
        text, columns, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    )


def counted(number: int, noun: str, plural: str = "") -> str:
    """Word a count: "1 note", "2 notes"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def one_line(text: str) -> str:
    """Text without line breaks or runs of blanks; what a cluster says may hold either."""
    return " ".join(text.split())


def verdicts(found: Sequence[Verdict], arrow: str, columns: int) -> Iterator[str]:
    """Verdicts one a line with their evidence; the remedy below those that did not pass."""
    longest = max((len(v.check) for v in found), default=0)
    for verdict in found:
        label = f"  {_WORDS[verdict.result]:<7}  {verdict.check:<{longest}}  "
        yield from hanging(label, one_line(verdict.evidence), columns)
        if not verdict.passed and verdict.remedy:
            yield from hanging(f"{'':<{len(label)}}{arrow} ", one_line(verdict.remedy), columns)
