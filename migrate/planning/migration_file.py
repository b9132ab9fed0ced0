"""Read a migration file: all of its problems at once, each with its line and what to write instead.

A Migration keeps the paths as they were written, so that a moved directory is still the same migration;
`planning.paths` makes them absolute for whoever opens them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from migrate.errors import MigrationFileError
from migrate.model.migration import Migration
from migrate.planning.checks import check
from migrate.planning.marks import Document, KeyPath, Problem, compose, dotted
from migrate.planning.paths import absolute
from migrate.planning.shape import read as read_shape

MAX_BYTES = 1 << 20
"""No migration file is larger; the limit keeps a log or an image from being read as one."""

WIDTH = 110
"""Up to here a problem and its remedy share a line."""

REVISABLE: tuple[KeyPath, ...] = (
    ("workloads", "rules"),
    ("workloads", "hold"),
    ("workloads", "start"),
    ("workloads", "volumes"),
    ("workloads", "onRefusal"),
    ("workloads", "onConflict"),
    ("gates",),
    ("cutover", "ramp"),
    ("window",),
    ("limits",),
    ("verify", "accept"),
)
"""What `amend` may change in a run; everything else is the migration's identity."""


def parse(text: str, source: str, *, exists: Callable[[str], bool]) -> Migration:
    """Read the text of a migration file; raises MigrationFileError with every problem, in the order of the lines.

    `source` is the name shown before each line number. `exists` is asked about every file that the migration names,
    with the path as it was written: relative ones start at the file's directory.
    """
    document, problems = compose(text)
    if document.value is None:
        raise _refusal(source, document, problems or [Problem((), "is empty", line=1)])
    if not isinstance(document.value, dict):
        what = "a list" if isinstance(document.value, list) else "text"
        told = f"is {what}, not a mapping of keys to values"
        raise _refusal(source, document, [Problem((), told, "begin with apiVersion: cnimigrate/v1", 1)])
    draft, wrong = read_shape(document, problems)
    problems += wrong
    for problem in check(draft.migration, has=draft.has, exists=exists):
        if all(draft.sound(path) for path in (problem.path, *problem.about)):
            problems.append(Problem(draft.origin(problem.path), problem.text, problem.hint, problem.line))
    if problems:
        raise _refusal(source, document, problems)
    return draft.migration


def read(path: Path, *, exists: Callable[[str], bool] | None = None) -> Migration:
    """Read a migration file from disk; raises MigrationFileError for one that is missing, unreadable or wrong.

    Without `exists` the files that it names are looked for, relative ones beside it.
    """
    return parse(_text(path), str(path), exists=exists or _beside(path.parent))


def _beside(directory: Path) -> Callable[[str], bool]:
    def exists(file: str) -> bool:
        try:
            return Path(absolute(file, directory)).exists()
        except OSError:  # a directory on the way that may not be searched, or a loop of links
            return False

    return exists


def _text(path: Path) -> str:
    """The file as text; an unreadable one in an operator's words."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(
            path, "there is no such file", "write one with `cnimigrate init`, or name it with -f"
        ) from None
    except IsADirectoryError:
        raise _unreadable(
            path, "is a directory", f"name the file in it, such as {path / 'migration.yaml'}"
        ) from None
    except PermissionError as error:
        raise _unreadable(path, "may not be read by you", "chmod u+r, or run as its owner") from error
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise _unreadable(path, f"is larger than {MAX_BYTES} bytes", "is it a migration file?")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(path, "is UTF-16", "save it as UTF-8")
    if b"\0" in content:
        raise _unreadable(path, "is binary", "name a migration file, which is YAML text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(
            path, f"is not UTF-8 (byte {content[error.start]:#04x})", "save it as UTF-8", line
        ) from error


def _unreadable(path: Path, text: str, hint: str = "", line: int = 0) -> MigrationFileError:
    place = f"{path}:{line}" if line else str(path)
    return MigrationFileError([_shown(place, "", Problem((), text, hint))])


def _refusal(source: str, document: Document, problems: list[Problem]) -> MigrationFileError:
    """The error that shows every problem, by line."""
    lined = [(problem.line or document.line(problem.path), problem) for problem in problems]
    lined.sort(key=lambda pair: pair[0])  # stable: within a line the order of the checks
    return MigrationFileError([_shown(f"{source}:{line}", dotted(p.path), p) for line, p in lined])


def _shown(place: str, key: str, problem: Problem) -> str:
    """One problem as it is printed; the remedy goes beneath where the line would be too long."""
    told = f"{place}  {key}: {problem.text}" if key else f"{place}  {problem.text}"
    if not problem.hint:
        return told
    if len(told) + len(problem.hint) + 2 <= WIDTH:
        return f"{told}; {problem.hint}"
    return f"{told}\n{' ' * (len(place) + 2)}{problem.hint}"


def normalised(migration: Migration) -> dict[str, Any]:
    """The migration as JSON, every default filled in, keys as in the file: what the fingerprint is taken of."""
    return migration.model_dump(mode="json", by_alias=True)


def identity_part(migration: Migration) -> dict[str, Any]:
    """The normalised migration without what a revision may change."""
    value = normalised(migration)
    document = Document(value)
    for path in REVISABLE:
        del document.at(path[:-1])[path[-1]]
    return value


def revisable_part(migration: Migration) -> dict[str, Any]:
    """What a revision may change, by dotted key, with defaults filled in."""
    document = Document(normalised(migration))
    return {dotted(path): document.at(path) for path in REVISABLE}
