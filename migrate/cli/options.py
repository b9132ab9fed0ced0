"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from migrate.cli.project import Project, load

Command = Callable[..., Any]

_FILE = click.option(
    "-f", "--file", "file_option", metavar="FILE", help="the migration file [migration.yaml]"
)
_STATE = click.option("--state", metavar="DIR", help="the state directory [.cnimigrate/NAME beside the file]")
_POSITIONAL = click.argument("file", required=False, metavar="[FILE]")


def output(*forms: str) -> Callable[[Command], Command]:
    """Take `-o` with these forms; the first is the default."""
    choice = click.Choice(forms)
    return click.option("-o", "--output", type=choice, default=forms[0], show_default=True, help="the format")


def migration(*, positional: bool = True, lenient: bool = False) -> Callable[[Command], Command]:
    """Give a command its `project`, read from the positional file, `-f`, CNIMIGRATE_FILE or migration.yaml."""

    def decorate(function: Command) -> Command:
        @wraps(function)
        def call(
            *args: Any, file_option: str | None, state: str | None, file: str | None = None, **kwargs: Any
        ) -> Any:
            project: Project = load(file, file_option, state, lenient=lenient)
            return function(*args, project=project, **kwargs)

        wrapped: Command = _FILE(_STATE(call))
        return _POSITIONAL(wrapped) if positional else wrapped

    return decorate
