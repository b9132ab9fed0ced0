"""`cnimigrate schema`: the JSON Schema of the migration file."""

from __future__ import annotations

import json

import click

from migrate.cli import say
from migrate.planning.schema import schema


@click.command("schema")
def command() -> None:
    r"""Print the JSON Schema of the migration file, for editors and checks.

    \b
    cnimigrate schema > migration.schema.json
    """
    say.data(json.dumps(schema(), indent=2))
