"""Words on the screen: results on stdout, everything else on stderr; plain ASCII where colours or signs cannot be shown.

Nothing here raises because nobody listens any more: a run must not end in the middle of an act for a closed pipe.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click
import yaml

SIGNS = {"ok": ("✓", "ok"), "bad": ("✗", "x"), "now": ("▸", ">"), "gate": ("⏸", "||"), "next": ("→", "->")}

GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""What writing to a closed pipe or to a lost terminal ends with."""

_ASCII = str.maketrans({"…": "...", "·": "-", "✓": "ok", "✗": "x", "▸": ">", "⏸": "||", "→": "->"})


def fancy(stream: TextIO) -> bool:
    """Whether signs and colours may be used on a stream."""
    return stream.isatty() and "NO_COLOR" not in os.environ and _utf8(stream)


def sign(name: str, stream: TextIO | None = None) -> str:
    """A sign, or its ASCII stand-in."""
    return SIGNS[name][0 if fancy(stream or sys.stdout) else 1]


def line(text: str = "") -> None:
    """Say a result."""
    emit(text)


def note(text: str) -> None:
    """Say something beside the results."""
    emit(text, err=True)


def error(message: str, remedy: str = "", *, mark: str = "bad") -> None:
    """Say what went wrong and what to do."""
    note(f"{sign(mark, sys.stderr)} {message}")
    if remedy:
        note(f"  {sign('next', sys.stderr)} {remedy}")


def problem(text: str) -> None:
    """Say one problem of a migration file."""
    note(text)


def document(value: Mapping[str, Any], form: str) -> None:
    """Print one document as JSON or YAML, with its schema version."""
    whole = {"schemaVersion": 1, **value}
    if form == "yaml":
        emit(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), end="")
    else:
        emit(json.dumps(whole, indent=2, ensure_ascii=False))


def emit(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print a text, in ASCII where that is all the stream has; a stream that nobody reads any more is left alone.

    Raises OSError where stdout is a file on a full disk: half a document must not look like a whole one.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(_plain(text, stream) + end, err=err, nl=False)
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


def _plain(text: str, stream: TextIO) -> str:
    if fancy(stream) or text.isascii():
        return text
    return text if _utf8(stream) and not stream.isatty() else text.translate(_ASCII) if _utf8(stream) else _ascii(text)


def _ascii(text: str) -> str:
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def _utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", "") or "").lower().replace("-", "").startswith("utf8")
