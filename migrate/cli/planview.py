"""The composed Plan as one document and as a screen. Pure: what was read goes in, JSON and lines come out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrate import replay
from migrate.cli import tables
from migrate.doors.reading import UNREAD
from migrate.model.decision import Decision, Form
from migrate.model.facts import ClusterFacts
from migrate.model.migration import GateSpec, Migration
from migrate.model.objects import Object, Ref
from migrate.model.plan import Plan, PlannedStep
from migrate.model.progress import Progress
from migrate.planning.compose import changes, gate_specs
from migrate.planning.routes import Closure
from migrate.replay import Decisions
from migrate.replay.conflicts import Taken, would_start
from migrate.replay.storage import data_word
from migrate.replay.turns import TURNS, Turn

HELD_SHOWN = 12
"""Held objects that the screen lists without --objects."""

LITERALS_SHOWN = 5
"""Objects that name addresses of blue which the screen lists."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A Plan with what it was composed of; `progress` is the journal's, None where the move has not begun.

    `idle` is what of the file decides nothing, `unread` the kinds that could not be listed, and why; `taken` what objects
    of others have on green under names of ours.
    """

    migration: Migration
    blue: ClusterFacts
    plan: Plan
    decisions: Decisions
    routes: tuple[Closure, ...]
    progress: Progress | None = None
    idle: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    taken: Mapping[Ref, Taken] = field(default_factory=dict)

    @property
    def journalled(self) -> Plan | None:
        """The Plan that the journal has."""
        return self.progress.plan if self.progress is not None else None

    @property
    def left(self) -> tuple[PlannedStep, ...]:
        """The steps that are still to do."""
        steps = self.plan.steps
        return tuple(s for s in steps if self.progress is None or not self.progress.done(s.batch, s.step))

    @property
    def pending(self) -> bool:
        """Whether something would be done, or has changed, compared with the journal."""
        known = self.journalled
        return known is None or known.fingerprint != self.plan.fingerprint or bool(self.left)


def gate_mode(composed: Composed, gate: str) -> str:
    """How a gate opens; where the file leaves it open, by whether the replay itself would start something."""
    spec = gate_specs(composed.migration.gates).get(gate)
    if spec is None:
        return "approval" if would_start(composed.decisions) else "auto"
    return _spec_words(spec)


def document(composed: Composed, objects: Sequence[Decision] | None) -> dict[str, Any]:
    """The Plan as one JSON document; it names objects and never holds one, so no Secret's value."""
    plan, decisions = composed.plan, composed.decisions
    done = composed.progress
    found: dict[str, Any] = {
        "name": plan.name,
        "fingerprint": plan.fingerprint,
        "revision": plan.revision,
        "blue": {"name": composed.blue.name, "uid": composed.blue.uid},
        "pinned": dict(plan.pinned),
        "journal": _journal_json(composed),
        "steps": [
            {**s.as_json(), "done": done is not None and done.done(s.batch, s.step)} for s in plan.steps
        ],
        "gates": [
            {"gate": f"{s.batch}/{s.gate}", "before": str(s.step), "mode": gate_mode(composed, s.gate)}
            for s in plan.steps
            if s.gate
        ],
        "pointsOfNoReturn": [{"step": str(s.step), "loses": s.one_way} for s in plan.steps if s.one_way],
        "objects": {
            "total": len(decisions),
            "byForm": {form.value: n for form, n in decisions.counts().by_form.items()},
            "byRule": [{"form": form, "rule": rule, "count": n} for (form, rule), n in _by_rule(decisions)],
            "namingBlue": sum(bool(d.literals) for d in decisions),
        },
        "routes": [
            {**c.as_json(), "moves": "ramp" if c.rampable else "switch", "why": route_words(composed, c)}
            for c in composed.routes
        ],
        "held": [decision_json(composed, d) for d in (*decisions.held, *decisions.deferred)],
        "namesNothing": list(composed.idle),
        "unread": dict(composed.unread),
        "neverRead": sorted(UNREAD),
        "takenOnGreen": [{**ref.as_json(), **one.as_json()} for ref, one in composed.taken.items()],
    }
    if objects is not None:
        found["decisions"] = [decision_json(composed, d) for d in objects]
    return found


def decision_json(composed: Composed, decision: Decision) -> dict[str, Any]:
    """One object's fate; what would be written stays out of it."""
    return {
        **decision.ref.as_json(),
        "form": decision.form.value,
        "rule": str(decision.rule),
        "reason": decision.reason,
        "evidence": decision.evidence,
        "wave": decision.wave,
        "class": decision.workload_class,
        "data": data_word(composed.migration, decision.ref),
        "startable": decision.ref in composed.decisions.startable,
        "hold": _hold_json(decision),
        "turn": int(decision.turn),
        "literals": [literal.as_json() for literal in decision.literals],
        "onGreen": composed.taken[decision.ref].as_json() if decision.ref in composed.taken else None,
    }


def edits(composed: Composed, decision: Decision, obj: Object) -> list[str]:
    """The ids of the edits that change anything of blue's object on its way; none where nothing is wanted on green."""
    if decision.target is None:
        return []
    setting = replay.setting_of(composed.migration)
    return list(replay.edited(obj, setting.compared if decision.form is Form.COMPARED else setting))


def _hold_json(decision: Decision) -> dict[str, Any] | None:
    hold = decision.hold
    if hold is None:
        return None
    return {
        "release": hold.release,
        "prior": hold.prior,
        "absent": list(hold.absent),
        "restBlue": hold.rest_blue,
    }


def hold_lines(decision: Decision) -> Iterator[str]:
    """How one object is put to rest and released; nothing where it is not held."""
    hold = decision.hold
    if hold is None:
        return
    yield f"turn {decision.turn}: {TURNS[Turn(decision.turn)]}"
    if hold.rest_blue is not None:
        yield f"at rest on blue first: {json.dumps(hold.rest_blue, sort_keys=True)}"
    if decision.form is Form.DEFERRED:
        yield "made on green only then"
    else:
        yield f"released on green by: {json.dumps(hold.release, sort_keys=True)}"
        absent = f", absent: {', '.join(hold.absent)}" if hold.absent else ""
        yield f"on blue it had: {json.dumps(hold.prior, sort_keys=True)}{absent}"


def lines(composed: Composed, *, arrow: str, width: int) -> Iterator[str]:
    """The Plan as a screen."""
    plan = composed.plan
    calico = composed.migration.green.calico.version
    yield (
        f"{plan.name}   blue ({composed.blue.name}) {plan.pinned['cni']} {arrow} green calico {calico}"
        f"   plan {plan.short} rev {plan.revision}"
    )
    yield f"fingerprint  {plan.fingerprint}"
    yield from tables.hanging(
        "pinned       ", ", ".join(f"{k} {v}" for k, v in sorted(plan.pinned.items())), width
    )
    yield from tables.hanging("journal      ", "; ".join(_journal_words(composed)), width)
    yield ""
    yield from tables.columns(_steps(composed), indent=0)
    yield ""
    one_way = [f"{s.step}: {s.one_way}" for s in plan.steps if s.one_way]
    yield from tables.hanging("no return    ", "; ".join(one_way) or "at no step", width)
    yield from _routes(composed, width)
    yield from _objects(composed, width)
    yield from _literals(composed, width)
    yield from _taken(composed, width)
    yield from _held(composed, width)


def object_lines(composed: Composed, objects: Sequence[Decision]) -> Iterator[str]:
    """One line an object: form, wave, rule, what it is, and why."""
    rows = [
        (
            d.form.value,
            f"wave {d.wave}" if d.wave else "",
            str(d.rule),
            str(d.ref),
            _class_word(composed, d),
            tables.one_line("; ".join(filter(None, (d.reason, d.evidence, taken_words(composed, d))))),
        )
        for d in objects
    ]
    yield from tables.columns(rows, indent=0)
    yield f"{tables.counted(len(objects), 'object')} of {len(composed.decisions)}; never read: {', '.join(sorted(UNREAD))}"
    for name, why in sorted(composed.unread.items()):
        yield f"not read: {name} ({tables.one_line(why)})"


def route_words(composed: Composed, closure: Closure) -> str:
    """Why a route is ramped or switched."""
    if closure.rampable:
        if not closure.workloads:
            return "no workload of blue stands behind it as far as configuration tells"
        opens = f"; {', '.join(closure.ways_in)} opens on green before its probe" if closure.ways_in else ""
        return f"all of its {tables.counted(len(closure.workloads), 'workload')} can run on both sides{opens}"
    if closure.switch and not (closure.blocking or closure.shut):
        return "cutover.mode is switch"
    shut = (f"{why} stays shut until the switch" for why in closure.shut)
    return "; ".join((*(_blocking(composed, name) for name in closure.blocking), *shut))


def _blocking(composed: Composed, name: str) -> str:
    found = next((d for d in composed.decisions if str(d.ref) == name), None)
    if found is None:
        return f"{name} cannot run on both sides"
    return f"{name} is {found.workload_class or found.form.value} ({tables.one_line(found.evidence or found.reason)})"


def _steps(composed: Composed) -> Iterator[tuple[str, ...]]:
    done = composed.progress
    for step in composed.plan.steps:
        if step.gate:
            yield "", "", "gate", f"{step.batch}/{step.gate}: {gate_mode(composed, step.gate)}"
        state = "done" if done is not None and done.done(step.batch, step.step) else ""
        way_back = f"   back: {step.undo}" if step.undo else ""
        yield state, step.phase.value, str(step.step), f"{step.title}{way_back}"


def _journal_words(composed: Composed) -> Iterator[str]:
    known, progress = composed.journalled, composed.progress
    if progress is None or known is None:
        yield "none yet: cnimigrate run begins it"
        return
    done = len(composed.plan.steps) - len(composed.left)
    yield f"run {progress.run[:4]} of {progress.began}, revision {known.revision}, {done} of {len(known.steps)} steps done"
    if known.base != composed.plan.base:
        yield "IT IS OF ANOTHER PLAN"
    elif known.fingerprint != composed.plan.fingerprint:
        yield from changes(known, composed.plan)
        yield "cnimigrate amend makes this revision of it"
    else:
        yield "this is its Plan"


def _journal_json(composed: Composed) -> dict[str, Any] | None:
    known, progress = composed.journalled, composed.progress
    if progress is None or known is None:
        return None
    return {
        "run": progress.run,
        "revision": known.revision,
        "fingerprint": known.fingerprint,
        "agrees": known.fingerprint == composed.plan.fingerprint,
        "samePlan": known.base == composed.plan.base,
        "changes": list(changes(known, composed.plan)),
        "left": [str(s.step) for s in composed.left],
    }


def _routes(composed: Composed, width: int) -> Iterator[str]:
    ramp = ", ".join(map(str, composed.migration.cutover.ramp))
    for at, closure in enumerate(composed.routes):
        how = f"ramps {ramp} %" if closure.rampable else "switches in one go"
        services = ", ".join(closure.services) or "no Service known"
        label = "routes       " if not at else " " * 13
        said = f"{closure.route} ({services}) {how}: {route_words(composed, closure)}"
        yield from tables.hanging(label, said, width)


def _objects(composed: Composed, width: int) -> Iterator[str]:
    decisions = composed.decisions
    counts = decisions.counts().by_form.items()
    forms = ", ".join(f"{n} {form.value}" for form, n in counts if n or form is not Form.COMPARED)
    yield from tables.hanging("objects      ", f"{len(decisions)}: {forms}   (one by one: --objects)", width)
    yield from tables.columns(
        [(form, str(rule), str(n)) for (form, rule), n in _by_rule(decisions)], indent=13
    )


def _literals(composed: Composed, width: int) -> Iterator[str]:
    found = [d for d in composed.decisions if d.literals]
    if not found:
        return
    said = f"{tables.counted(len(found), 'object')} of green would name addresses of blue"
    yield from tables.hanging("literals     ", f"{said}   (each place: --objects -o json)", width)
    for decision in found[:LITERALS_SHOWN]:
        first, more = decision.literals[0], len(decision.literals) - 1
        named = f"{tables.one_line(str(first))}{f' and {more} more' if more else ''}"
        yield from tables.hanging(f"{'':13}{decision.ref}  ", named, width)
    if len(found) > LITERALS_SHOWN:
        yield f"{'':13}and {len(found) - LITERALS_SHOWN} more"


def _taken(composed: Composed, width: int) -> Iterator[str]:
    if composed.taken:
        names = tables.counted(len(composed.taken), "name")
        said = f"{names} of ours taken by objects of others   (each: --objects)"
        yield from tables.hanging("on green     ", said, width)
    for one in list(composed.taken.values())[:LITERALS_SHOWN]:
        yield from tables.hanging(f"{'':13}{one.ref}  ", f"{one.how}: {one.policy}", width)


def taken_words(composed: Composed, decision: Decision) -> str:
    """What stands on green under an object's name and is not ours, and what becomes of it."""
    one = composed.taken.get(decision.ref)
    return f"green has one of its own, {one.how}: {one.policy} ({one.why})" if one else ""


def _held(composed: Composed, width: int) -> Iterator[str]:
    decisions = composed.decisions
    found = [d for d in (*decisions.held, *decisions.deferred) if d.ref not in decisions.startable]
    early = sum(d.ref in decisions.startable for d in decisions.held)
    yield from tables.hanging(
        "held         ",
        f"{len(found)} until the cutover; {early} more are dormant until before-start opens",
        width,
    )
    for decision in found[:HELD_SHOWN]:
        parts = (_class_word(composed, decision), tables.one_line(decision.evidence or decision.reason))
        yield from tables.hanging(f"{'':13}{decision.ref}  ", ": ".join(filter(None, parts)), width)
    if len(found) > HELD_SHOWN:
        yield f"{'':13}and {len(found) - HELD_SHOWN} more: --objects"
    for said in composed.idle:
        yield from tables.hanging("names nothing", f" {said}", width)
    for name, why in sorted(composed.unread.items()):
        yield from tables.hanging("not read     ", f"{name}: {tables.one_line(why)}", width)
    if decisions.undecided:
        yield from tables.hanging("to decide    ", ", ".join(str(d.ref) for d in decisions.undecided), width)


def _class_word(composed: Composed, decision: Decision) -> str:
    word = decision.workload_class or ("deferred" if decision.form is Form.DEFERRED else "")
    return f"{word}, starts early" if decision.ref in composed.decisions.startable else word


def _by_rule(decisions: Decisions) -> list[tuple[tuple[str, str], int]]:
    return sorted(Counter((d.form.value, str(d.rule)) for d in decisions).items())


def _spec_words(spec: GateSpec) -> str:
    if spec.mode == "auto":
        return "auto"
    words = ["approval"]
    words += [f"by {spec.approvers}"] if spec.approvers > 1 else []
    words += ["not by the runner"] if spec.not_ else []
    words += ["with a ticket"] if spec.ticket == "required" else []
    words += [f"expires after {spec.expires}"] if spec.expires else []
    return ", ".join(words)
