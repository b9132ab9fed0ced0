"""Words on the screen: results on stdout, everything else on stderr; plain ASCII where colours or signs cannot be shown.

Nothing here raises because nobody listens any more: a run must not end in the middle of an act for a closed pipe.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click

SIGNS = {"ok": ("✓", "ok"), "bad": ("✗", "x"), "now": ("▸", ">"), "gate": ("⏸", "||"), "next": ("→", "->")}

GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""What writing to a closed pipe or to a lost terminal ends with."""

_SPACES = frozenset("\n\t\u00a0")
_UNPRINTABLE = re.compile(
    r"[^ -~]"
)  # most of them are letters of other scripts; the rest is looked at one by one

_ASCII = str.maketrans({"…": "...", "·": "-", "✓": "ok", "✗": "x", "▸": ">", "⏸": "||", "→": "->"})


def fancy(stream: TextIO) -> bool:
    """Whether signs, colours and movements of the cursor may be used on a stream."""
    return stream.isatty() and not _dumb() and "NO_COLOR" not in os.environ and _utf8(stream)


def sign(name: str, stream: TextIO | None = None) -> str:
    """A sign, or its ASCII stand-in."""
    return SIGNS[name][0 if fancy(stream or sys.stdout) else 1]


def line(text: str = "") -> None:
    """Say a result."""
    _emit(_plain(text, sys.stdout), sys.stdout)


def note(text: str) -> None:
    """Say something beside the results."""
    _emit(_plain(text, sys.stderr), sys.stderr)


def error(message: str, remedy: str = "", *, mark: str = "bad") -> None:
    """Say what went wrong and what to do."""
    note(f"{sign(mark, sys.stderr)} {message}")
    if remedy:
        note(f"  {sign('next', sys.stderr)} {remedy}")


def problem(text: str) -> None:
    """Say one problem of a migration file."""
    note(text)


def clear() -> None:
    """Empty the screen where there is one; what follows is said below where it cannot be emptied."""
    if not _dumb():
        click.clear()


def document(value: Mapping[str, Any], form: str) -> None:
    """Print one document as JSON or YAML, with its schema version."""
    whole = {"schemaVersion": 1, **value}
    if form == "yaml":
        import yaml  # the start of every command would pay for it

        data(yaml.safe_dump(whole, sort_keys=False, allow_unicode=_utf8(sys.stdout)).rstrip("\n"))
    else:
        data(_json(whole, indent=2))


def record(value: Mapping[str, Any]) -> None:
    """Print one JSON value on a line of its own."""
    data(_json(value))


def data(text: str) -> None:
    """Print lines for a program to read, as they are."""
    _emit(text, sys.stdout)


def _emit(text: str, stream: TextIO) -> None:
    """Print a line; where nobody reads the stream any more it goes nowhere.

    Raises OSError where stdout is a file on a full disk: half a document must not look like a whole one.
    """
    err = stream is sys.stderr
    try:
        click.echo(text, err=err)
    except OSError as error:
        if not err and error.errno not in GONE:
            raise
        _to_nobody(stream)


def _to_nobody(stream: TextIO) -> None:
    """Let what is said from here on, and what is left in the buffer, go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # no file below it, as in a test
        return


def printable(text: str) -> str:
    """Text in which nothing moves the cursor, turns the writing or hides: a cluster may hold any name that its API takes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _SPACES else "?" for c in text)


def _json(value: Mapping[str, Any], indent: int | None = None) -> str:
    """JSON without a character that is not printable: such stand in strings alone, where they are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=not _utf8(sys.stdout))
    return text if text.isprintable() else _UNPRINTABLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() or found[0] == "\n" else json.dumps(found[0])[1:-1]


def _plain(text: str, stream: TextIO) -> str:
    text = printable(text)
    if fancy(stream) or text.isascii():
        return text
    text = text.translate(_ASCII)
    return text if _utf8(stream) else text.encode("ascii", "replace").decode()


def _dumb() -> bool:
    """Whether the terminal shows escape codes as they are: the word for it in terminfo(5)."""
    return os.environ.get("TERM") == "dumb"


def _utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", "") or "").lower().replace("-", "").startswith("utf8")
