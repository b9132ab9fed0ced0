"""`cnimigrate verify`: hold green against blue now; writes nothing, takes no lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from migrate.actions.conditions.workloads import ready, rollout
from migrate.calico.pools import planned_pools
from migrate.calico.readiness import readiness
from migrate.cli import helm, say, tables
from migrate.cli.begun import open_journal
from migrate.cli.looking import looking, scene_of
from migrate.cli.options import migration, output
from migrate.cli.project import Project
from migrate.cli.session import composed_of, same_green
from migrate.cli.wiring import Wired
from migrate.doors.reading import read_inventory
from migrate.engine.step import Scene
from migrate.errors import CheckFailed, Stopped
from migrate.model import marks
from migrate.model.action import State
from migrate.model.facts import ClusterFacts
from migrate.model.ids import NO_BATCH, Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, annotations_of, controller_of, namespace_of, ref_of
from migrate.model.plan import Plan
from migrate.model.progress import Intent
from migrate.model.reasons import Why, patched
from migrate.model.verdict import Result, Verdict, failed, inconclusive, passed
from migrate.planning.compose import agree, batch_of, compose
from migrate.replay import Difference
from migrate.replay.releases import Standing, standings
from migrate.steps.base import blue_decided, last_decided
from migrate.steps.comparing import compared, not_yet_made
from migrate.steps.finish import Finish
from migrate.steps.ledger import ROLLING
from migrate.steps.registry import planned_steps
from migrate.steps.sides import blue_seen, facts_of
from migrate.steps.verify_green import services

SHOWN = 5
"""Workloads that a verdict spells out."""

NO_PACKETS = "connections: no packet was sent; this release probes no path between pods (probes come later)"
NO_DATA = "data: what stands on volumes"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look found, and what it did not look at."""

    run: str
    plan: str
    side: str
    blue: str
    green: str
    verdicts: tuple[Verdict, ...]
    unseen: tuple[str, ...]
    differences: tuple[Difference, ...] = ()
    releases: tuple[Standing, ...] = ()


@click.command("verify")
@migration()
@click.option(
    "--side",
    type=click.Choice(["blue", "green", "both"]),
    default="both",
    show_default=True,
    help="one side by itself, or green held against blue",
)
@output("text", "json", "yaml")
def command(project: Project, side: str, output: str) -> None:
    r"""Hold green against blue as both are now: objects, owners, workloads, Services,
    Calico, Helm's releases. Writes nothing, takes no lock.

    \b
    cnimigrate verify
    cnimigrate verify --side green

    Exit codes: 0 every check passed, 2 the move was not begun, 30 a check failed or could not be decided,
    50 the migration file, or green, is not the journal's.
    """
    found = look(project, side)
    if output == "text":
        for line in lines(found):
            say.line(line)
    else:
        say.document(document(found), output)
    _leave(found)


def look(project: Project, side: str) -> Verified:
    """Read what the side asks for and judge it; raises PlanMismatch where it is not what the journal is about."""
    with looking(project) as doors:
        journal, progress = open_journal(project, doors.doors.clock)
        with journal:
            scene = scene_of(project, doors, progress, run=progress.run, key=journal.key)
        if side == "both":
            seen = blue_seen(doors.doors)
            inventory, facts = seen.inventory, seen.facts
        else:
            inventory, facts = facts_of(doors.doors.blue)
        known = progress.plan
        if known is None:
            message = f"{project.written.name} was begun, but its Plan was not recorded"
            raise Stopped(message, remedy="Run cnimigrate run once more, then verify.")
        agree(known, _composed(project, doors, known, facts, side))
        verdicts: list[Verdict] = []
        differences: Sequence[Difference] = ()
        releases: Sequence[Standing] = ()
        unseen = [NO_PACKETS, NO_DATA]
        if side == "blue":
            verdicts += [_network_of_blue(facts.cni.ready, facts.cni.desired, str(facts.cni.name))]
            verdicts += [_workloads_of_blue(inventory)]
            unseen += ["green, and whether blue and green are alike: --side both"]
        else:
            _insist_on_green(scene)
            same_green(progress, doors)
            found, differences, releases = _green(scene, inventory, side)
            verdicts += found
            unseen += _unseen(scene, side)
        unseen += [f"{name} of blue: {why}" for name, why in sorted(inventory.unreadable.items())]
        green = doors.doors.green.name
    return Verified(
        progress.run,
        known.fingerprint,
        side,
        facts.name,
        green,
        tuple(verdicts),
        tuple(dict.fromkeys(unseen)),
        tuple(differences),
        tuple(releases),
    )


def _composed(project: Project, doors: Wired, known: Plan, blue: ClusterFacts, side: str) -> Plan:
    """What the file and the clusters say now; what the named files hold is not looked at, nothing of it is compared."""
    digests = dict(known.identity.get("digests") or {})
    if side != "blue":
        return composed_of(project, replace(doors, digests=digests), blue)
    # green may be away: what the journal has of it is taken for granted
    green = str(known.identity.get("green") or "")
    steps = planned_steps(batch_of(project.migration))
    return compose(project.written, steps, blue, green_uid=green, digests=digests)


def document(found: Verified) -> dict[str, Any]:
    """The verdicts as one JSON document."""
    return {
        "run": found.run,
        "plan": found.plan,
        "side": found.side,
        "blue": found.blue,
        "green": found.green if found.side != "blue" else None,
        "counts": {r.value: sum(v.result is r for v in found.verdicts) for r in Result},
        "verdicts": [v.as_json() for v in found.verdicts],
        "differences": [d.as_json() for d in found.differences],
        "helmReleases": [standing.as_json() for standing in found.releases],
        "notLookedAt": list(found.unseen),
    }


def lines(found: Verified) -> Iterator[str]:
    """The verdicts as a screen, and below them what nobody looked at."""
    width = tables.width()
    sides = {
        "blue": f"blue ({found.blue})",
        "green": f"green ({found.green})",
        "both": f"green ({found.green}) held against blue ({found.blue})",
    }
    yield f"{sides[found.side]}   run {found.run[:4]}   plan {found.plan[:6]}"
    yield from tables.verdicts(found.verdicts, say.sign("next"), width)
    yield from helm.lines(found.releases)
    yield "not looked at"
    for said in found.unseen:
        yield from tables.hanging("  ", said, width)
    if len(found.differences) > SHOWN:
        yield f"all {len(found.differences)} objects that differ, path by path: cnimigrate verify -o json"
    if all(v.passed for v in found.verdicts):
        yield f"{tables.counted(len(found.verdicts), 'check')} passed. Nothing was changed."


def _green(
    scene: Scene, blue_now: Inventory, side: str
) -> tuple[list[Verdict], Sequence[Difference], Sequence[Standing]]:
    """What is judged of green, each object that differs from blue's, and blue's Helm releases there."""
    if side == "green":
        green = read_inventory(scene.doors.green)
        return [*_workloads(scene, green, _rolling(green, scene), broken=[]), *_calico(scene, green)], (), ()
    blue, decisions = blue_decided(scene, blue_now)
    green = read_inventory(scene.doors.green, at=decisions.at)
    found = compared(scene, blue, decisions, green)
    releases = standings(blue, decisions, green)
    refs = [d.ref for d in found.decisions.written if d.ref.kind in ROLLING and green.find(d.ref) is not None]
    verdicts = [
        *found.verdicts,
        *_workloads(scene, green, refs, broken=_broken(blue_now)),
        *services(blue, green),
        *helm.verdicts(releases),
        *_calico(scene, green),
    ]
    return verdicts, found.differences, releases


def _calico(scene: Scene, green: Inventory) -> Sequence[Verdict]:
    spec = scene.migration.green
    return readiness(green, planned_pools(spec.network, spec.calico.pools), pods_run=True)


def _workloads(scene: Scene, green: Inventory, refs: Sequence[Ref], broken: Sequence[str]) -> list[Verdict]:
    """One verdict over all workloads: those that want pods have them Ready, the others rest as planned."""
    check = "workloads"
    if not refs:
        return [
            inconclusive(check, "no workload of this move stands on green", "cnimigrate run replays them")
        ]
    params = {"side": Side.GREEN.value, "refs": [r.as_json() for r in refs], "broken": broken}
    bad = [v for v in ready(scene.doors, params) if not v.passed]
    resting = sum(rollout(obj)[0] == 0 for obj in map(green.find, refs) if obj is not None)
    if bad:
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        said = "; ".join(v.evidence for v in bad[:SHOWN]) + more
        return [failed(check, f"{len(bad)} of {len(refs)} are not Ready: {said}", bad[0].remedy)]
    like = f", {len(broken)} were not Ready on blue either" if broken else ""
    return [passed(check, f"{len(refs) - resting} Ready, {resting} at rest{like}")]


def _rolling(green: Inventory, scene: Scene) -> list[Ref]:
    """The workloads on green that this run wrote; after `finish`, every one outside kube-system."""
    finished = scene.progress.done(NO_BATCH, Finish.id)
    return [
        ref_of(obj)
        for obj in _own(green)
        if annotations_of(obj).get(marks.RUN) == scene.run
        or (finished and namespace_of(obj) != "kube-system")
    ]


def _own(inventory: Inventory) -> Iterator[Object]:
    """Workloads that somebody wrote; a ReplicaSet of a Deployment's is told by the Deployment."""
    return (o for r, o in inventory if r.kind in ROLLING and controller_of(o) is None)


def _broken(blue: Inventory) -> list[str]:
    return [str(ref_of(obj)) for obj in _own(blue) if rollout(obj)[1] < rollout(obj)[0]]


def _workloads_of_blue(blue: Inventory) -> Verdict:
    check = "workloads"
    found = list(_own(blue))
    broken = _broken(blue)
    if broken:
        more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        said = f"{len(broken)} of {len(found)} are not Ready: {', '.join(broken[:SHOWN])}{more}"
        return failed(check, said, "kubectl describe them; on green they count as no regression")
    if not found:
        return inconclusive(check, "blue has no workload", "Check that these credentials may list them.")
    return passed(check, f"{len(found)} workloads, each with the replicas Ready that it wants")


def _network_of_blue(there: int, desired: int, cni: str) -> Verdict:
    if not desired:
        return inconclusive(
            "network", f"{cni}'s DaemonSet wants no pod", "Check that blue's network still runs."
        )
    said = f"{there} of {desired} pods of {cni} Ready"
    return (
        passed("network", said)
        if there >= desired
        else failed("network", said, "Mend blue before the cutover.")
    )


def _insist_on_green(scene: Scene) -> None:
    seen = scene.doors.provisioner.observe()
    if seen.state is not State.DONE:
        message = f"green does not exist yet: {seen.evidence or seen.state}"
        raise Stopped(
            message, remedy="cnimigrate run makes it; cnimigrate verify --side blue looks at blue alone."
        )


def _unseen(scene: Scene, side: str) -> Iterator[str]:
    yield "routes: what clients reach through the balancer; cnimigrate run probes that before the cutover"
    if side == "green":
        yield "blue, and so parity and whether Services have their endpoints: --side both"
        return
    if late := not_yet_made(scene, last_decided(scene)):
        yield f"{tables.counted(len(late), 'object')} made only at the cutover: {_first(late)}"
    if any(_rests(intent) for intent in scene.progress.intents()):
        yield "Services of what this run put to rest on blue: no endpoints are left there to compare green's with"
    if scene.progress.done(NO_BATCH, Finish.id):
        yield "who wrote what stands on green: finish has taken the marks away, fields alone were compared"


def _first(refs: Sequence[Ref]) -> str:
    more = f" and {len(refs) - SHOWN} more" if len(refs) > SHOWN else ""
    return ", ".join(map(str, refs[:SHOWN])) + more


def _rests(intent: Intent) -> bool:
    return intent.stands and patched(intent.action, Why.REST)


def _leave(found: Verified) -> None:
    bad = [v for v in found.verdicts if v.result is Result.FAIL]
    open_ = [v for v in found.verdicts if v.result is Result.INCONCLUSIVE]
    if not bad and not open_:
        return
    said = [f"{len(bad)} of {tables.counted(len(found.verdicts), 'check')} failed"] if bad else []
    said += [f"{len(open_)} could not be decided"] if open_ else []
    first = (bad or open_)[0]
    raise CheckFailed(f"{', '.join(said)}. Nothing was changed.", remedy=first.remedy or first.evidence)
