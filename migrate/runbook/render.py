"""The documents as texts: templates over the book, and whether what lies on disk is still what they give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
)

from migrate.errors import UsageError
from migrate.runbook.book import book
from migrate.runbook.source import Source

DOCUMENTS = ("runbook.md", "backout.md", "change-request.md", "go-no-go.md", "without-the-tool.md")
"""The documents that are templates; `runbook.json` stands beside them."""

BOOK = "runbook.json"
SUFFIX = ".j2"
VERSION_LINES = ("Rendered by cnimigrate ", '  "tool": ')
"""How the lines begin that name the tool's version; freshness does not look at them."""


def render(source: Source, templates: Path | None = None) -> dict[str, str]:
    """Render every document, by file name.

    A template of the same name in `templates` (such as `runbook.md.j2`) takes the place of ours; another one there
    becomes a document more, unless its name begins with `_`. Raises UsageError where a template cannot be used.
    """
    value = book(source)
    environment = _environment(templates)
    texts = {BOOK: json.dumps(value, indent=2, ensure_ascii=False) + "\n"}
    for name in _names(templates):
        try:
            texts[name] = environment.get_template(f"{name}{SUFFIX}").render(value)
        except (TemplateError, TypeError, UnicodeDecodeError) as error:
            place = f"{name}{SUFFIX}" + (f":{line}" if (line := getattr(error, "lineno", None)) else "")
            raise UsageError(
                f"template {place}: {error}", remedy="Mend it, or leave --templates out."
            ) from error
    return texts


def stale(texts: Mapping[str, str], found: Mapping[str, str | None]) -> list[str]:
    """Name the documents that differ from what is on disk (None: not there), the tool's version apart."""
    names = sorted({*texts, *found})
    return [name for name in names if _unversioned(texts.get(name)) != _unversioned(found.get(name))]


def _unversioned(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [line for line in text.split("\n") if not line.startswith(VERSION_LINES)]


def _names(templates: Path | None) -> tuple[str, ...]:
    own = sorted(templates.glob(f"*{SUFFIX}")) if templates else []
    more = (p.name.removesuffix(SUFFIX) for p in own if not p.name.startswith("_"))
    return tuple(dict.fromkeys([*DOCUMENTS, *more]))


def _environment(templates: Path | None) -> Environment:
    loaders: list[BaseLoader] = [FileSystemLoader(templates)] if templates else []
    loaders.append(PackageLoader("migrate.runbook"))
    environment = Environment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Markdown, not HTML: escaping would spoil commands
    )
    environment.filters |= {"cell": _cell, "code": _code}
    return environment


def _cell(value: Any) -> str:
    """Text as it may stand in a table's cell."""
    return str(value).replace("|", "\\|").replace("\n", " ").strip()


def _code(value: Any) -> str:
    """Text between backquotes, in a cell too."""
    return f"`{_cell(value)}`"
