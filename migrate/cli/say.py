"""Words on the screen: results on stdout, everything else on stderr; plain ASCII where colours or signs cannot be shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click
import yaml

SIGNS = {"ok": ("✓", "ok"), "bad": ("✗", "x"), "now": ("▸", ">"), "gate": ("⏸", "||"), "next": ("→", "->")}


def fancy(stream: TextIO) -> bool:
    """Whether signs and colours may be used on a stream."""
    encoding = (getattr(stream, "encoding", "") or "").lower()
    return stream.isatty() and "NO_COLOR" not in os.environ and encoding.startswith("utf")


def sign(name: str, stream: TextIO | None = None) -> str:
    """A sign, or its ASCII stand-in."""
    return SIGNS[name][0 if fancy(stream or sys.stdout) else 1]


def line(text: str = "") -> None:
    """Say a result."""
    click.echo(_plain(text, sys.stdout))


def note(text: str) -> None:
    """Say something beside the results."""
    click.echo(_plain(text, sys.stderr), err=True)


def error(message: str, remedy: str = "") -> None:
    """Say what went wrong and what to do."""
    note(f"{sign('bad', sys.stderr)} {message}")
    if remedy:
        note(f"  {sign('next', sys.stderr)} {remedy}")


def problem(text: str) -> None:
    """Say one problem of a migration file."""
    note(text)


def document(value: Mapping[str, Any], form: str) -> None:
    """Print one document as JSON or YAML, with its schema version."""
    whole = {"schemaVersion": 1, **value}
    if form == "yaml":
        click.echo(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))


def _plain(text: str, stream: TextIO) -> str:
    encoding = (getattr(stream, "encoding", "") or "").lower()
    return text if encoding.startswith("utf") else text.encode("ascii", "replace").decode()
