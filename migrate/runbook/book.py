"""The book: everything that the documents say, as one JSON value; `runbook.json` is it, the others are views of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath as Path
from typing import Any

from migrate.model.action import Action
from migrate.model.ids import Phase
from migrate.model.plan import PlannedStep
from migrate.model.progress import Intent
from migrate.model.verdict import Result
from migrate.planning.grades import grade
from migrate.planning.migration_file import normalised
from migrate.planning.routes import Closure
from migrate.runbook.acts import abort_rules, groups, way_back
from migrate.runbook.hands import Hands
from migrate.runbook.history import history
from migrate.runbook.sheet import sheet
from migrate.runbook.source import Origin, Source
from migrate.runbook.stops import gate_id, stops
from migrate.runbook.timing import NONE, acting, durations, spoken
from migrate.runbook.typed import CLEAN

BOOKKEEPING = frozenset({"record ledger of held objects", "record green's identity"})
"""Records that keep something for later steps, and judge nothing."""

SCHEMA = 1
"""The version of `runbook.json`'s shape."""


def book(source: Source) -> dict[str, Any]:
    """Put everything together; the same source gives the same book."""
    hands = Hands(source.written, source.dormant())
    taken = durations(source)
    return {
        "schemaVersion": SCHEMA,
        "tool": source.tool,
        "name": source.plan.name,
        "plan": {"fingerprint": source.plan.fingerprint, "revision": source.plan.revision},
        "from": {
            "origin": source.origin.value,
            "measured": source.measured,
            "calicoStandIn": source.stand_in,
        },
        "clusters": _clusters(source),
        "facts": dict(source.plan.pinned),
        "findings": _findings(source),
        "objects": _objects(source),
        "held": [_held(h) for h in source.ledger.get("held", ())],
        "routes": [_route(source, Closure.of_json(r), taken) for r in source.ledger.get("routes", ())],
        "gates": stops(source),
        "steps": [_step(source, step, hands, taken[step.batch, step.step]) for step in source.plan.steps],
        "go": list(_go(source)),
        "history": history(source),
        "sheet": sheet(source, hands),
        "clean": CLEAN,
        "file": normalised(source.written),
    }


def _clusters(source: Source) -> dict[str, Any]:
    facts, green = source.facts, source.written.green
    return {
        "blue": {
            "name": source.blue,
            "uid": source.plan.identity.get("blue", ""),
            "version": facts.version if facts else source.plan.pinned.get("blueMinor", ""),
            "nodes": facts.nodes if facts else None,
            "pods": facts.pods if facts else None,
            "cni": source.plan.pinned.get("cni", ""),
            "cniVersion": facts.cni.version if facts else "",
        },
        "green": {
            "name": _green_name(source),
            "uid": source.plan.identity.get("green", ""),
            "provisioner": green.provisioner.kind,
            "calico": green.calico.version,
        },
    }


def _green_name(source: Source) -> str:
    spec = source.written.green.provisioner
    own = Path(spec.kubeconfig).name.split(".")[0] if spec.kubeconfig else ""
    return spec.context or own or source.plan.name


def _findings(source: Source) -> list[dict[str, str]] | None:
    if source.findings is None:
        return None
    keys = ("code", "title", "evidence", "consequence", "remedy")
    return [{"severity": f.severity.value, **{key: getattr(f, key) for key in keys}} for f in source.findings]


def _objects(source: Source) -> dict[str, Any]:
    created = [i.action.params["ref"] for i in source.acts() if i.action.kind == "create"]
    rules = source.ledger.get("rules")
    forms: Counter[str] = Counter()
    for counts in (rules or {}).values():
        forms.update(counts)
    return {
        "rules": rules,
        "forms": dict(sorted(forms.items())),
        "created": dict(sorted(Counter(ref["kind"] for ref in created).items())),
        "namespaces": sorted({ref["namespace"] for ref in created if ref["namespace"]}),
    }


def _held(held: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("ref", "form", "class", "early", "release", "prior", "rest")
    return {key: held[key] for key in keys}


def _route(source: Source, closure: Closure, taken: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    budget = source.written.verify.budget
    if closure.rampable:
        outage = "none planned: weight is added in steps, and each step is judged"
    else:
        outage = (
            "without service from the moment what it needs is off on blue until it is Ready on green and the route is "
            f"switched; {_outage(source, taken)}; a group of workloads that takes longer than {budget} to stop, or to "
            "become Ready, stops the run"
        )
    manner = "ramped" if closure.rampable else "switched"
    return {**closure.as_json(), "manner": manner, "outage": outage}


def _outage(source: Source, taken: Mapping[tuple[str, str], str]) -> str:
    moved = [s for s in source.plan.steps if s.step in {"cutover.writers", "cutover.switch"}]
    spans = [taken[s.batch, s.step] for s in moved]
    return NONE if all(span == NONE for span in spans) else " and ".join(s for s in spans if s != NONE)


def _step(source: Source, step: PlannedStep, hands: Hands, duration: str) -> dict[str, Any]:
    acts, rehearsed = source.told(step)
    kinds = [i.action.kind for i in acts]
    return {
        "batch": step.batch,
        "phase": step.phase.value,
        "step": step.step,
        "version": step.version,
        "title": step.title,
        "gate": gate_id(step),
        "who": _who(source, step),
        "known": source.known(step),
        "rehearsed": rehearsed,
        "groups": groups(hands, acts),
        "abort": abort_rules(step, kinds, source.written.cutover),
        "undo": step.undo,
        "wayBack": way_back(hands, acts),
        "noWayBack": [str(i.action.key) for i in acts if _stuck(i)],
        "oneWay": step.one_way,
        "duration": duration,
        "wayBackDuration": _back_duration(source, step),
        "grade": _grade(source, step) if rehearsed else "",
    }


def _grade(source: Source, step: PlannedStep) -> str:
    if source.origin is Origin.RECORDED:
        return grade(step.step, real=False).replace("simulated blue", "recorded blue")
    return grade(step.step, real=source.written.blue.simulated is None)


def _judges(step: PlannedStep, intent: Intent) -> bool:
    """Whether an act says how the move stands; outside the verify phase a wait is for the step's own work alone."""
    kinds = {"record", "snapshot", "wait"} if step.phase is Phase.VERIFY else {"record", "snapshot"}
    return intent.action.kind in kinds and intent.action.key not in BOOKKEEPING


def _judged(action: Action) -> str:
    """What a judging act is about: the name of a record, what a wait is for."""
    return str(action.params.get("what") or str(action.key).removeprefix("record "))


def _stuck(intent: Intent) -> bool:
    return intent.action.kind in {"apply", "patch", "weight"} and intent.action.inverse is None


def _back_duration(source: Source, step: PlannedStep) -> str:
    undone = [
        i for i in source.progress.intents() if i.undoes and (i.batch, i.step) == (step.batch, step.step)
    ]
    return spoken(acting(undone)) if source.measured and undone else NONE


def _who(source: Source, step: PlannedStep) -> str:
    if step.phase is Phase.CUTOVER and source.written.cutover.kind == "manual":
        return "whoever runs the move; a person at the balancer, when the tool asks"
    return "whoever runs the move"


def _go(source: Source) -> Iterator[dict[str, str]]:
    """What the journal can say of go or no-go; green, red, or unknown."""
    progress = source.progress if source.rehearsal is None else source.rehearsal
    done = sum(progress.done(s.batch, s.step) for s in source.plan.steps)
    whole = done == len(source.plan.steps)
    said = f"{done} of {len(source.plan.steps)} steps"
    yield {
        "line": "rehearsed to its end",
        "state": "green" if whole else "unknown",
        "evidence": f"{said}, {source.origin.value}",
    }
    for step in source.plan.steps:
        if step.phase not in {Phase.ASSESS, Phase.PREPARE, Phase.BUILD, Phase.REPLAY, Phase.VERIFY}:
            continue
        for intent in source.told(step)[0]:
            if _judges(step, intent) and intent.outcome is not None:
                bad = [v for v in intent.outcome.verdicts if v.result is not Result.PASS]
                yield {
                    "line": _judged(intent.action),
                    "state": "red" if bad else "green",
                    "evidence": intent.outcome.evidence,
                }
    window = source.written.window
    yield {
        "line": "change window",
        "state": "green" if window else "unknown",
        "evidence": f"{window.start} to {window.end}" if window else "the migration file names none",
    }
    yield {
        "line": "durations",
        "state": "green" if source.measured else "unknown",
        "evidence": "measured in this run" if source.measured else NONE,
    }
