"""Gates as stop lines: who opens each, with what, and which verdicts an approval binds to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.ids import NO_BATCH
from migrate.model.migration import GateSpec
from migrate.model.plan import PlannedStep
from migrate.model.progress import GateEvent
from migrate.planning.compose import gate_specs
from migrate.planning.routes import Closure
from migrate.runbook.source import Origin, Source

BACKENDS = "wait webhook backends"
"""The act by which a replay shows that it starts webhook backends before its workloads (decision 12)."""


def stops(source: Source) -> list[dict[str, Any]]:
    """Every gate of the Plan, in its order."""
    specs = gate_specs(source.written.gates)
    return [_stop(source, step, specs.get(step.gate)) for step in source.plan.steps if step.gate]


def gate_id(step: PlannedStep) -> str:
    """A gate's id as people type it; empty for a step without one."""
    return (f"{step.batch}/{step.gate}" if step.batch else str(step.gate)) if step.gate else ""


def _stop(source: Source, step: PlannedStep, spec: GateSpec | None) -> dict[str, Any]:
    acts = source.told(step)[0]
    early = any(i.action.key == BACKENDS for i in acts)
    effective = spec or GateSpec(mode="approval" if early else "auto")
    opens = _opens(effective)
    if spec is None:
        why = "webhook backends are started in wave 9" if early else "no webhook backend is started in wave 9"
        opens += f" (the file leaves it open: {why})"
    return {
        "gate": gate_id(step),
        "before": step.step,
        "mode": effective.mode,
        "opens": opens,
        "command": _command(step, effective),
        "passedBy": source.known(step) and not acts,
        "shows": _shows(source, step),
        "binds": _binds(source, step),
        "events": _events(source, gate_id(step)),
    }


def _opens(spec: GateSpec) -> str:
    if spec.mode == "auto":
        return "by itself"
    words = "an approval" if spec.approvers == 1 else f"{spec.approvers} approvals by different people"
    words += ", with a ticket" if spec.ticket == "required" else ""
    words += ", not by whoever runs the move" if spec.not_ == "runner" else ""
    return words + (f", good for {spec.expires}" if spec.expires else "")


def _command(step: PlannedStep, spec: GateSpec) -> str:
    if spec.mode == "auto":
        return ""
    ticket = " --ticket ID" if spec.ticket == "required" else ""
    return f"cnimigrate approve {gate_id(step)} --by YOU{ticket}"


def _shows(source: Source, step: PlannedStep) -> list[str]:
    """What whoever approves should have before them, as far as the journal knows it."""
    held = source.ledger.get("held", ())
    match step.gate:
        case "before-start":
            routes = [Closure.of_json(r) for r in source.ledger.get("routes", ())]
            opens = sorted({name for c in routes if c.rampable for name in c.ways_in})
            return [
                *(f"starts on green: {_name(h)} ({h['class']})" for h in held if h["early"]),
                *(f"opens on green, where only probes come before the cutover: {name}" for name in opens),
            ]
        case "before-writers":
            return [
                f"moves, off on blue before on on green: {_name(h)} ({h['class'] or h['form']})"
                for h in held
                if moves(h)
            ] + [
                f"off on blue after who makes it, made again on green by that: {_name(c)} ({c['class']})"
                for parent in source.ledger.get("parents", ())
                for c in parent["children"]
            ]
        case _:
            return []


def moves(held: Mapping[str, Any]) -> bool:
    """Whether an entry of the ledger must be off on blue before it is on on green."""
    return held["rest"] is not None and not held["early"]


def _binds(source: Source, step: PlannedStep) -> list[str]:
    """The checks whose results an approval binds to: those of the steps before, of this batch and of all."""
    found: set[str] = set()
    for before in source.plan.steps[: source.plan.steps.index(step)]:
        if before.batch in {step.batch, NO_BATCH}:
            for intent in source.told(before)[0]:
                found |= {v.check for v in (intent.outcome.verdicts if intent.outcome else ())}
    return sorted(found)


def _events(source: Source, gate: str) -> list[str]:
    """What happened at a gate in a run; a rehearsal opens every gate by itself, which says nothing."""
    if source.origin in {Origin.RECORDED, Origin.REHEARSAL}:
        return []
    return [_told(event) for event in source.progress.gate_events(gate)]


def _told(event: GateEvent) -> str:
    by = event.data.get("by")
    who = ", ".join(by) if isinstance(by, list) else str(by or "")
    bound = f"plan {str(event.data['fingerprint'])[:6]}, verdicts {str(event.data.get('verdicts', ''))[:6]}"
    ticket = f", ticket {event.data['ticket']}" if event.data.get("ticket") else ""
    return f"{event.event} {event.at}{f' by {who}' if who else ''}{ticket} ({bound})"


def _name(held: Any) -> str:
    ref = held["ref"]
    return (
        f"{ref['kind']} {ref['namespace']}/{ref['name']}"
        if ref["namespace"]
        else f"{ref['kind']} {ref['name']}"
    )
