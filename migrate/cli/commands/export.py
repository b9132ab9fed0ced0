"""`cnimigrate export`: the journal as JSON lines, with its head hash."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from migrate.cli import say
from migrate.cli.bystander import beside
from migrate.cli.options import migration
from migrate.cli.project import Project


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
        lines = [json.dumps(entry.as_json(), ensure_ascii=False) for entry in journal.entries()]
    text = "\n".join(lines) + "\n"
    if out:
        Path(out).write_text(text)
    else:
        sys.stdout.write(text)
    say.note(f"{number} entries, head {head}")
