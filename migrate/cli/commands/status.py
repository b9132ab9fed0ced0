"""`cnimigrate status`: where the move stands, from the journal alone."""

from __future__ import annotations

import time
from typing import Any

import click

from migrate.cli import say
from migrate.cli.bystander import beside, find_gate
from migrate.cli.options import migration, output
from migrate.cli.project import Project
from migrate.engine import again, lock
from migrate.engine.undo import way_back
from migrate.model.ids import Phase
from migrate.model.plan import Plan, PlannedStep
from migrate.model.progress import Progress
from migrate.model.verdict import ACCEPTED

SHOWN = 20
"""Refused objects that a person is shown; the JSON has them all."""

REFRESH = 2.0
"""Seconds between two looks of `--watch`."""


@click.command("status")
@migration(lenient=True)
@output("text", "json", "yaml")
@click.option("--watch", is_flag=True, help="look again every two seconds")
def command(project: Project, output: str, *, watch: bool) -> None:
    r"""Say where the move stands, what it waits for, what comes next, and how far back one can go.

    \b
    cnimigrate status
    cnimigrate status --watch
    """
    while True:
        with beside(project) as (_, progress):
            found = state(project, progress)
        if output == "text":
            for line in lines(found):
                say.line(line)
        else:
            say.document(found, output)
        if not watch:
            return
        time.sleep(REFRESH)
        say.clear()


def state(project: Project, progress: Progress) -> dict[str, Any]:
    """The state as JSON: one object, readable while a run is alive."""
    plan = progress.plan
    if plan is None:
        return {"name": project.written.name, "state": "begun, not composed"}
    following = [s for s in plan.steps if not progress.done(s.batch, s.step)]
    return {
        "name": plan.name,
        "run": progress.run,
        "plan": plan.fingerprint,
        "revision": plan.revision,
        "runner": _runner(project, progress),
        "done": [s.step for s in plan.steps if progress.done(s.batch, s.step)],
        "next": following[0].step if following else "",
        "phase": following[0].phase.value if following else "done",
        "waitsFor": _waits(project, progress, following),
        "inDoubt": [i.action.key for i in progress.in_doubt()],
        "traffic": progress.weights(),
        "lastChecks": _checks(progress),
        "refused": _refused(plan, progress),
        "delta": _delta(plan, progress),
        "wayBack": _back(plan, progress),
        "head": progress.last.hash if progress.last else "",
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The state in lines for a person."""
    if "phase" not in found:
        return [f"{found['name']}: {found['state']}"]
    traffic = ", ".join(f"{route} {green} % on green" for route, green in found["traffic"].items())
    shown = [
        f"{found['name']}  {found['phase']}   run {found['run'][:4]}   plan {found['plan'][:6]} rev {found['revision']}"
    ]
    shown.append(
        f"done     {len(found['done'])} steps{': ' + ', '.join(found['done'][-3:]) if found['done'] else ''}"
    )
    shown.append(f"next     {found['next'] or 'nothing: the move is done'}")
    shown += [f"waits    {found['waitsFor']}"] if found["waitsFor"] else []
    shown += [f"traffic  {traffic}"] if traffic else []
    shown += [f"checks   {check}" for check in found["lastChecks"]]
    shown += [f"refused  {said}" for said in found["refused"][:SHOWN]]
    if len(found["refused"]) > SHOWN:
        shown.append(f"         and {len(found['refused']) - SHOWN} more: cnimigrate status -o json has all")
    if found["delta"]:
        shown.append(f"delta    {found['delta']['said'] or 'nothing yet'}, {found['delta']['at']}")
    shown += [f"in doubt {key}" for key in found["inDoubt"][:5]]
    shown.append(f"back     {found['wayBack']}")
    shown.append(f"runner   {found['runner']}")
    return shown


def _runner(project: Project, progress: Progress) -> str:
    holder = lock.holder(project.lock)
    if holder:
        return f"alive: being {holder}"
    if not progress.runners:
        return "none yet"
    data = progress.runners[-1].data
    who = f"{data['user']} on {data['host']} (process {data['pid']})"
    if data["event"] == "left":
        return f"none: {who} left in order at {progress.runners[-1].at}"
    last = progress.last
    open_ = " with acts in doubt" if progress.in_doubt() else ""
    return f"UNWATCHED since {last.at if last else '?'}{open_}; it was {who}"


def _waits(project: Project, progress: Progress, following: list[PlannedStep]) -> str:
    if not following or not following[0].gate:
        return ""
    seen = find_gate(project, progress, following[0].gate)
    events = progress.gate_events(seen.gate)
    if not events or events[-1].event == "passed":
        return ""
    return f"{seen.gate} {seen.missing}" if seen.missing else f"{seen.gate} is open: cnimigrate run goes on"


def _checks(progress: Progress) -> list[str]:
    for intent in reversed(list(progress.intents())):
        if intent.outcome is not None and intent.outcome.verdicts:
            return [f"{v.result.value} {v.check}: {v.evidence}" for v in intent.outcome.verdicts[:3]]
    return []


def _refused(plan: Plan, progress: Progress) -> list[str]:
    """What green refuses of the wave that the run stands at, object by object, whatever else was checked since."""
    batches = dict.fromkeys(s.batch for s in plan.steps)
    verdicts = [v for batch in batches for v in progress.verdicts(batch)]
    return list(dict.fromkeys(v.evidence for v in verdicts if v.check.startswith(ACCEPTED) and not v.passed))


def _delta(plan: Plan, progress: Progress) -> dict[str, Any]:
    """What was brought over when something had last changed on blue since the replay; empty where nothing had."""
    for step in plan.steps:
        place = step.batch, step.step
        if step.phase is Phase.REPLAY and place in progress.again:
            begun = progress.again[place].at
            ended = progress.steps_done.get(place, "")
            counts = dict(again.counts(progress, *place))
            said = again.told(progress, *place)
            return {"began": begun, "ended": ended, **counts, "said": said, "at": ended or f"since {begun}"}
    return {}


def _back(plan: Plan, progress: Progress) -> str:
    way = way_back(plan, progress, None)
    if not way.acts:
        return "nothing to take back"
    loss = f"; LOSES {way.one_way[0].one_way}" if way.one_way else ", nothing lost"
    return f"cnimigrate rollback: {way.acts} acts{loss}; cnimigrate abort: traffic to blue at once"
