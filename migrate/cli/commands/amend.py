"""`cnimigrate amend`: a new revision after the file changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from migrate.cli import say
from migrate.cli.bystander import alone, remark
from migrate.cli.options import migration
from migrate.cli.project import Project
from migrate.cli.session import compose
from migrate.cli.wiring import wired
from migrate.engine.again import not_begun
from migrate.errors import Stopped, UsageError
from migrate.model.entry import Draft, EntryKind
from migrate.model.migration import Migration
from migrate.model.objects import Ref
from migrate.model.plan import Plan
from migrate.model.progress import Progress
from migrate.planning.compose import amended, changes
from migrate.replay.handover import reattaches
from migrate.replay.kinds import CLAIM
from migrate.steps.begin_cutover import BeginCutover

SHOWN = 5
"""Claims that a refusal names."""


@click.command("amend")
@migration()
@click.option("--yes", is_flag=True, help="do not ask")
def command(project: Project, *, yes: bool) -> None:
    r"""Show what differs between the file and the approved Plan, and record it as a new revision.

    \b
    cnimigrate amend

    rules, hold, start, volumes, onRefusal, onConflict, gates, ramp, window, limits and verify.accept may change, what
    decides of objects until the cutover begins: the next run brings green to it. Approvals given on the former revision are
    void. Beside a living runner this is refused (exit 40); while it asks, no run begins.
    """
    with alone(project, "amended") as (journal, progress), wired(project) as live:
        if progress.plan is None:
            message = "nothing was begun, so there is nothing to amend"
            raise UsageError(message, remedy="cnimigrate run takes the file as it is.")
        composed = compose(project, live)
        fresh = amended(progress.plan, composed)
        different = changes(progress.plan, composed)
        if not different:
            say.line(f"the file is as revision {progress.plan.revision} has it")
            return
        for line in different:
            say.line(f"  {line}")
        _insist_on_effect(progress, fresh, different)
        if any(line.startswith("workloads.") for line in different):
            _insist_on_free_claims(progress, project.migration)
        if not yes:
            if not sys.stdin.isatty():
                message = "amend asks before it records, and there is no terminal to ask at"
                raise UsageError(message, remedy="Add --yes.")
            click.confirm(
                f"Record revision {fresh.revision}? Approvals given before become void.", abort=True, err=True
            )
        journal.append(
            [remark("amend", changes=list(different)), Draft(EntryKind.REVISION, {"plan": fresh.as_json()})]
        )
        say.line(f"revision {fresh.revision}, plan {fresh.short}; cnimigrate run goes on")


def _insist_on_effect(progress: Progress, fresh: Plan, different: Sequence[str]) -> None:
    """Refuse a change that would be recorded and change nothing: objects are decided until the cutover begins."""
    late = [line for line in different if line.startswith("workloads.")]
    if late and not not_begun(fresh, progress, BeginCutover.id):
        message = "what decides of objects is settled once the cutover has begun: " + "; ".join(late)
        raise Stopped(
            message, remedy="cnimigrate rollback --to verify, then amend and run; or put the file back."
        )


def _insist_on_free_claims(progress: Progress, migration: Migration) -> None:
    """Refuse to have a claim taken over that stands on green already: which volume a claim has never changes.

    Before the cutover no claim stands there by the word `reattach`, so one that does has a volume of green's own.
    """
    standing = {
        i.action.key: i.action.params["ref"]
        for i in progress.intents()
        if i.action.kind == "create" and i.stands
    }
    claims = [
        ref for ref in map(Ref.of_json, standing.values()) if ref[:2] == CLAIM and reattaches(migration, ref)
    ]
    if claims:
        named = ", ".join(str(ref) for ref in sorted(claims)[:SHOWN])
        more = f" and {len(claims) - SHOWN} more" if len(claims) > SHOWN else ""
        message = (
            f"workloads.volumes wants blue's volume for what stands on green with a volume of its own: {named}{more}; "
            "a claim's volume cannot be changed"
        )
        raise Stopped(
            message,
            remedy="cnimigrate rollback --to build, which takes green's claims away, then amend and run; or put the file back.",
        )
