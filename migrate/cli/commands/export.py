"""`cnimigrate export`: the journal as JSON lines, with its head hash."""

from __future__ import annotations

import json
from pathlib import Path

import click

from migrate.cli import say
from migrate.cli.bystander import beside
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.errors import Stopped


@click.command("export")
@migration(lenient=True)
@click.option("--out", metavar="FILE", help="where to [stdout]")
def command(project: Project, out: str | None) -> None:
    r"""Write the journal as JSON lines: evidence for a change record. The run's key is not among it.

    \b
    cnimigrate export --out evidence.jsonl
    """
    with beside(project) as (journal, _):
        number, head = journal.head()
        lines = [json.dumps(entry.as_json()) for entry in journal.entries()]
    if out:
        _write(Path(out), "\n".join(lines) + "\n")
    else:
        for line in lines:
            say.data(line)
    say.note(f"{number} entries, head {head}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}"
        raise Stopped(message, remedy="Name another place: --out FILE") from error
