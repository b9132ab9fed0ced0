"""`cnimigrate plan`: the composed Plan, beside the journal's where there is one; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import click

from migrate import replay
from migrate.cli import deltaview, planview, say, tables
from migrate.cli.begun import open_journal
from migrate.cli.looking import decided, looking, scene_of
from migrate.cli.options import migration, output
from migrate.cli.planview import Composed
from migrate.cli.project import Project
from migrate.cli.session import composed_of
from migrate.engine.step import Scene
from migrate.errors import UsageError
from migrate.model.action import State
from migrate.model.decision import Decision, Form
from migrate.model.inventory import Inventory
from migrate.model.objects import Ref
from migrate.model.progress import Progress
from migrate.planning.compose import agree
from migrate.planning.contrast import contrast
from migrate.replay import Decisions
from migrate.replay.conflicts import Taken
from migrate.replay.flags import SHOWN as LITERALS_SHOWN
from migrate.steps.closures import closures_of
from migrate.steps.conflicts import standing
from migrate.steps.replay_objects import ReplayObjects
from migrate.steps.sides import blue_seen

CHANGES = 10
"""The exit code of --exit-code where something would be done."""


@click.command("plan")
@migration()
@click.option("--objects", is_flag=True, help="every object of blue with its form, rule and reason")
@click.option("--kind", metavar="KIND", help="objects of this kind only; implies --objects")
@click.option("--namespace", metavar="NAMESPACE", help="objects of this namespace only; implies --objects")
@click.option(
    "--object", "one", metavar="KIND/NAMESPACE/NAME", help="one object: blue's beside what green will get"
)
@click.option(
    "--delta", is_flag=True, help="what the next run would bring over of what has changed on blue since"
)
@click.option(
    "--exit-code", is_flag=True, help="leave with 10 where something would still be done or changed"
)
@output("text", "json", "yaml")
@click.pass_context
def command(
    ctx: click.Context,
    project: Project,
    kind: str | None,
    namespace: str | None,
    one: str | None,
    output: str,
    *,
    objects: bool,
    delta: bool,
    exit_code: bool,
) -> None:
    r"""Show the composed Plan: steps, gates, routes, and what becomes of every object; writes nothing.

    \b
    cnimigrate plan
    cnimigrate plan --objects --kind Deployment --namespace shop
    cnimigrate plan --object Deployment/shop/cart       (Node/NAME where a kind has no namespace)
    cnimigrate plan --delta
    cnimigrate plan --kind NetworkPolicy.crd.projectcalico.org       (where two groups have a kind of that name)

    Exit codes: 0, 10 with --exit-code where something would be done, 50 where the journal is of another Plan.
    """
    listing = objects or bool(kind or namespace)
    _insist_on_one_view(delta=delta, one=bool(one), listing=listing)
    if delta:
        if _delta(project, output) and exit_code:
            ctx.exit(CHANGES)
        return
    wanted = _parts(one)
    composed, inventory = _compose(project)
    if wanted is not None:
        _one(composed, inventory, wanted, one or "", output)
    else:
        listed = _chosen(composed, kind, namespace) if listing else None
        if output != "text":
            say.document(planview.document(composed, listed), output)
        elif listed is not None:
            for line in planview.object_lines(composed, listed):
                say.line(line)
        else:
            for line in planview.lines(composed, arrow=say.sign("next"), width=tables.width()):
                say.line(line)
    known = composed.journalled
    if known is not None and known.base != composed.plan.base:
        agree(known, composed.plan)  # raises, and says what differs
    if exit_code and composed.pending:
        ctx.exit(CHANGES)


def _insist_on_one_view(*, delta: bool, one: bool, listing: bool) -> None:
    if one and listing:
        message = "--object shows one object, named whole as KIND/NAMESPACE/NAME"
        raise UsageError(message, remedy="Leave --objects, --kind and --namespace out, or --object.")
    if delta and (one or listing):
        message = "--delta lists what would change, not what there is"
        raise UsageError(message, remedy="Leave --objects, --kind, --namespace and --object out.")


def _delta(project: Project, output: str) -> bool:
    """Show what the next run would bring over; whether that is anything."""
    found, followed = deltaview.delta(project)
    if output != "text":
        say.document(deltaview.document(found, followed=followed), output)
    else:
        for line in deltaview.lines(found, followed=followed):
            say.line(line)
    return bool(found.changes or found.stops)


def _compose(project: Project) -> tuple[Composed, Inventory]:
    with looking(project, manifests=True) as doors:
        progress: Progress | None = None
        if project.journal.exists():
            journal, progress = open_journal(project, doors.doors.clock)
            journal.close()
        seen = blue_seen(doors.doors)
        plan = composed_of(project, doors, seen.facts)
        scene = scene_of(project, doors, progress, run=progress.run if progress else "")
        blue, decisions = decided(scene, seen.inventory)
        routes = closures_of(scene, blue, decisions)
        taken = _taken(scene, decisions)
    if progress is not None and progress.plan is not None and progress.plan.fingerprint == plan.fingerprint:
        plan = progress.plan  # the same, with the journal's number of the revision
    idle = tuple(map(str, replay.idle(project.migration, blue)))
    unread = blue.unreadable
    return Composed(
        project.migration, seen.facts, plan, decisions, routes, progress, idle, unread, taken
    ), blue


def _taken(scene: Scene, decisions: Decisions) -> Mapping[Ref, Taken]:
    """What objects of others have on green, as long as the replay is still to meet them."""
    green = scene.doors.provisioner.observe().state is State.DONE
    if not green or scene.progress.done(scene.batch, ReplayObjects.id):
        return {}
    return {one.ref: one for one in standing(scene, decisions).taken}


def _chosen(composed: Composed, kind: str | None, namespace: str | None) -> Sequence[Decision]:
    found = [
        d
        for d in composed.decisions
        if (kind is None or _is_kind(d.ref, kind)) and (namespace is None or d.ref.namespace == namespace)
    ]
    if not found:
        if kind is not None and not any(_is_kind(d.ref, kind) for d in composed.decisions):
            kinds = sorted({d.ref.kind for d in composed.decisions})
            raise UsageError(f"--kind {kind}: blue has no object of that kind", remedy=_near(kind, kinds))
        spaces = sorted({d.ref.namespace for d in composed.decisions if d.ref.namespace})
        if namespace is not None and namespace not in spaces:
            raise UsageError(
                f"--namespace {namespace}: nothing of blue is in it", remedy=_near(namespace, spaces)
            )
    return sorted(found, key=lambda d: (d.form.value, d.wave, d.rule, d.ref))


def _parts(text: str | None) -> tuple[str, str, str] | None:
    """Kind, namespace (empty for none) and name."""
    if text is None:
        return None
    parts = text.split("/")
    if len(parts) not in {2, 3} or not all(parts):
        raise UsageError(
            f"--object {text}: that names no object",
            remedy="Write KIND/NAMESPACE/NAME, or KIND/NAME for a kind that has no namespace.",
        )
    return parts[0], parts[1] if len(parts) == 3 else "", parts[-1]


def _one(
    composed: Composed, inventory: Inventory, wanted: tuple[str, str, str], text: str, output: str
) -> None:
    kind, namespace, name = wanted
    found = [
        d
        for d in composed.decisions
        if _is_kind(d.ref, kind) and (d.ref.namespace, d.ref.name) == (namespace, name)
    ]
    if not found:
        known = [_typed(d.ref) for d in composed.decisions]
        raise UsageError(f"--object {text}: blue has no such object", remedy=_near(text, known))
    shown = []
    for decision in found:
        obj = inventory.find(decision.ref) or {}
        diff = list(contrast(obj, decision.target, label=_typed(decision.ref)))
        edits = planview.edits(composed, decision, obj)
        shown.append({**planview.decision_json(composed, decision), "edits": edits, "diff": diff})
        if output == "text":
            _tell(composed, decision, edits, diff)
    if output != "text":
        say.document({"plan": composed.plan.fingerprint, "objects": shown}, output)


def _tell(composed: Composed, decision: Decision, edits: Sequence[str], diff: Sequence[str]) -> None:
    wave = f", wave {decision.wave}" if decision.wave else ""
    word = f", {decision.workload_class}" if decision.workload_class else ""
    say.line(f"{decision.ref}: {decision.form.value} by {decision.rule}{wave}{word}")
    say.line(f"  {tables.one_line(decision.reason)}")
    if decision.evidence:
        say.line(f"  {tables.one_line(decision.evidence)}")
    if words := planview.taken_words(composed, decision):
        say.line(f"  {words}")
    for literal in decision.literals[LITERALS_SHOWN:]:  # the evidence has the first
        say.line(f"  names {tables.one_line(str(literal))}")
    if decision.form is Form.COMPARED:
        say.line("  this run writes nothing: what green's GitOps makes of it is held against this")
        return
    if decision.ref in composed.decisions.startable:
        say.line("  it may run on both sides: released once before-start is open")
    for line in planview.hold_lines(decision):
        say.line(f"  {tables.one_line(line)}")
    if decision.target is None:
        say.line("  nothing is written to green")
        return
    if edits:
        say.line(f"  edited by {', '.join(edits)} (docs/rules.md)")
    for line in diff or ("  green gets it as it is on blue",):
        say.line(line)
    say.line("and our annotations: cnimigrate.io/run, source-uid and source-hash")


def _is_kind(ref: Ref, word: str) -> bool:
    """Whether a word names an object's kind, alone or with its group as rows show it: kinds of two groups may be alike."""
    return word.lower() in {ref.kind.lower(), f"{ref.kind}.{ref.group}".lower()}


def _typed(ref: Ref) -> str:
    return "/".join(filter(None, (ref.kind, ref.namespace, ref.name)))


def _near(text: str, known: Sequence[str]) -> str:
    near = get_close_matches(text, known, 3)
    return f"Did you mean {' or '.join(near)}?" if near else "cnimigrate plan --objects lists what blue has."
