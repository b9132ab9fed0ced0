"""`cnimigrate rehearse`: the whole move on the simulated world, seeded from the real blue."""

from __future__ import annotations

from dataclasses import replace

import click

from migrate.cli import say
from migrate.cli.commands.run import head
from migrate.cli.options import migration, output
from migrate.cli.project import Project
from migrate.cli.screen import listener
from migrate.cli.session import Session, compose, session
from migrate.cli.wiring import rehearsing, wired
from migrate.model.migration import GateSpec
from migrate.planning.compose import gate_specs
from migrate.planning.grades import grade


def rehearsal(project: Project, output: str) -> None:
    """Rehearse: same file, same kinds, simulated doors; gates open by themselves and say that they would wait."""
    project.make_state()
    with wired(project) as live:
        plan, _ = compose(project, live)
        with rehearsing(project, live) as stage:
            rehearsed = replace(project, state=project.rehearsal)
            tell = listener(output, stage.doors.clock, would=True)
            with session(rehearsed, stage, tell, plan) as opened:
                if output == "text":
                    head(stage, project, opened.plan, opened.scene.run)
                opened.run(
                    None, {name: GateSpec(mode="auto") for name in gate_specs(project.migration.gates)}
                )
                _sum(opened, output, real=live.real)


def _sum(opened: Session, form: str, *, real: bool) -> None:
    """The grade of every step, and what would have been done."""
    progress = opened.scene.progress
    rows = []
    for planned in opened.plan.steps:
        acts = progress.standing(planned.batch, planned.step)
        written = sum(i.action.kind in {"create", "apply", "patch", "weight", "delete"} for i in acts)
        rows.append(
            {
                "phase": planned.phase.value,
                "step": planned.step,
                "writes": written,
                "grade": grade(planned.step, real=real),
            }
        )
    if form == "json":
        say.document({"plan": opened.plan.fingerprint, "steps": rows}, "json")
        return
    say.line(f"rehearsed plan {opened.plan.short} to its end; nothing was changed")
    for row in rows:
        say.line(f"  {row['phase']:<9} {row['step']:<18} would write {row['writes']:>6}   {row['grade']}")
    decided = progress.recorded("decisions")
    if decided:
        counts = ", ".join(f"{count} {form}" for form, count in decided.items())
        say.line(f"objects of blue: {counts}")
    say.line("durations: no measurement (time was simulated)")


@click.command("rehearse")
@migration()
@output("text", "json")
def command(project: Project, output: str) -> None:
    r"""Rehearse the whole move on a simulated world seeded from the real blue; writes nothing to any cluster.

    \b
    cnimigrate rehearse plan.yaml
    """
    rehearsal(project, output)
