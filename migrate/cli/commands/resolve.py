"""`cnimigrate resolve`: a person settles what the tool cannot know."""

from __future__ import annotations

import click

from migrate.cli import say
from migrate.cli.bystander import alone, remark
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.errors import UsageError
from migrate.model.action import Outcome, OutcomeState
from migrate.model.entry import Draft, EntryKind
from migrate.model.progress import Intent, Progress


@click.command("resolve")
@click.argument("step")
@migration(positional=False, lenient=True)
@click.option(
    "--as", "settled", type=click.Choice(["done", "absent"]), required=True, help="how it stands in the world"
)
@click.option("--reason", required=True, metavar="TEXT", help="how you know")
def command(project: Project, step: str, settled: str, reason: str) -> None:
    r"""Say how an act in doubt stands; STEP is its key, as the error or `status` names it, or a unique part of it.

    \b
    cnimigrate resolve "weight shop 25 #1" --as done --reason "read it at the balancer"

    A living runner settles its own doubts: beside one this is refused (exit 40).
    """
    with alone(project, "resolved") as (journal, progress):
        intent = _find(progress, step)
        outcome = Outcome(
            OutcomeState.ADOPTED if settled == "done" else OutcomeState.ABSENT,
            f"{settled}, by a person: {reason}",
        )
        journal.append(
            [
                remark("resolve", key=intent.action.key, as_=settled, reason=reason),
                Draft(
                    EntryKind.OUTCOME,
                    {"intent": intent.seq, "outcome": outcome.as_json()},
                    key=str(intent.seq),
                ),
            ]
        )
        say.line(f"{intent.action.key} is {settled}; cnimigrate run goes on")


def _find(progress: Progress, step: str) -> Intent:
    doubtful = progress.in_doubt()
    exact = [i for i in doubtful if i.action.key == step]
    found = exact or [i for i in doubtful if step in i.action.key]
    if len(found) == 1:
        return found[0]
    known = "; ".join(i.action.key for i in (found or doubtful)[:5]) or "nothing is in doubt"
    message = f"{step!r} names {len(found) or 'no'} act{'s' if len(found) > 1 else ''} in doubt"
    raise UsageError(message, remedy=f"In doubt: {known}")
