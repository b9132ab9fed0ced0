"""What a container is told by its command line: flags as kingpin, pflag and Go's own read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def words(container: Mapping[str, Any]) -> list[str]:
    """The command and arguments of a container as one list of words."""
    return [str(word) for key in ("command", "args") for word in container.get(key) or ()]


def flag(container: Mapping[str, Any], name: str) -> str | None:
    """The value of `--name=value` or `--name value`; "true" for a bare `--name`; None where it is absent."""
    return flag_in(words(container), name)


def flag_in(arguments: Sequence[str], name: str) -> str | None:
    """The value of a flag in a list of words, the last one where it is repeated; see `flag`."""
    found: str | None = None
    for index, word in enumerate(arguments):
        key, equals, value = word.partition("=")
        if key.lstrip("-") != name or not key.startswith("-"):
            continue
        following = arguments[index + 1] if index + 1 < len(arguments) else "-"
        found = value if equals else ("true" if following.startswith("-") else following)
    return found
