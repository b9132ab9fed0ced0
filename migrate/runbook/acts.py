"""The acts of a step in words: what alike stands together becomes one line with its commands and its way back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from migrate.model.action import Action
from migrate.model.action_kinds import of_kind
from migrate.model.ids import Phase
from migrate.model.migration import Cutover
from migrate.model.objects import Ref
from migrate.model.plan import PlannedStep
from migrate.model.progress import Intent
from migrate.model.reasons import Why
from migrate.replay import WAVES
from migrate.runbook.hands import Hands
from migrate.runbook.typed import typed

_WHY: Mapping[str, str] = {
    Why.PAUSE: "pause",
    Why.KEEP: "set to Retain",
    Why.START: "start",
    Why.REST: "put to rest",
    Why.RELEASE: "release",
    Why.MERGE: "merge into what is there:",
    Why.UNMARK: "take our marks off",
}


def groups(hands: Hands, intents: Iterable[Intent]) -> list[dict[str, Any]]:
    """A step's acts in their order, neighbours of one sort together."""
    return [_group(hands, list(alike)) for _, alike in groupby(intents, key=lambda i: _sort(i.action))]


def way_back(hands: Hands, intents: Sequence[Intent]) -> list[str]:
    """The commands that take acts back, newest first; what has no way back is left out."""
    found = (back(hands, i.action) for i in reversed(intents))
    return list(_distinct(command for command in found if command))


def back(hands: Hands, action: Action) -> str:
    """The command that takes one act back; empty where there is none."""
    inverse = action.inverse
    if inverse is None:
        return ""
    if inverse.kind == "weight":
        inverse = replace(inverse, prior={"green": action.params["green"]})
    return typed(hands, inverse)


def abort_rules(step: PlannedStep, kinds: Iterable[str], cutover: Cutover) -> list[str]:
    """What stops a step with these kinds of acts, and how things then stand."""
    found = set(kinds)
    rules: list[str] = []
    if "watch" in found:
        rules += _watched(step, cutover)
    if any(of_kind(kind).of_objects for kind in found):
        rules.append(
            "A server refuses an object: the run stops after that batch (exit 30); what was written stands. A lost reply is "
            "looked at again; an object that is not ours stops the run (exit 33)."
        )
    if "weight" in found:
        rules.append("The weight that is read back is not the one that was set: the run stops (exit 30).")
    if "wait" in found:
        rules.append(
            "What is waited for does not come within its deadline: the run stops (exit 30), nothing half done."
        )
    if "record" in found:
        rules.append("A check fails or cannot be decided: the run stops (exit 30) before the next step.")
    if "copy" in found:
        rules.append(
            "The mover fails, or green's volume lacks what blue's has: the run stops (exit 30); blue's data is untouched."
        )
    if found & {"provision", "snapshot"}:
        rules.append("It fails or exceeds its deadline: the run stops (exit 30), blue is unchanged.")
    if step.phase in {Phase.CUTOVER, Phase.SOAK}:
        rules.append("At any time, from any terminal: `cnimigrate abort` sends all traffic back to blue.")
    return rules


def _watched(step: PlannedStep, cutover: Cutover) -> Iterator[str]:
    rate, factor = cutover.abort.error_rate, cutover.abort.latency_p99
    if step.phase is Phase.SOAK:
        yield (
            f"More than {rate} of the requests fail on green: the run stops (exit 30); traffic stays until somebody "
            "decides."
        )
        return
    yield (
        f"More than {rate} of the requests fail, or green's p99 is over {factor} of blue's: the traffic goes back to the "
        "last good weight by itself (exit 30)."
    )
    then = "the weight holds" if cutover.on_inconclusive == "hold" else "the traffic goes back"
    yield (
        f"Fewer than {cutover.min_samples} requests were seen: no verdict, {then}, and the run stops (exit 30)."
    )


def _group(hands: Hands, intents: list[Intent]) -> dict[str, Any]:
    return {
        "kind": intents[0].action.kind,
        "title": _title(intents),
        "count": len(intents),
        "deadline": f"{intents[0].action.deadline:g} s" if intents[0].action.kind == "wait" else "",
        "commands": list(_distinct(typed(hands, i.action) for i in intents)),
        "expected": _expected(intents),
        "wayBack": way_back(hands, intents),
    }


def _sort(action: Action) -> tuple[Any, ...]:
    params = action.params
    match action.kind:
        case "create":
            return ("create", params["wave"])
        case "patch":
            return ("patch", params["side"], params["why"])
        case "apply" | "adopt" | "delete" | "link" | "status":
            return (action.kind, params["side"])
        case "watch":
            return ("watch", params["route"])
        case _:
            return (action.kind, action.key)


_TITLES = {
    "count": "let a CronJob count from now: what green has run does not run again",
    "snapshot": "write blue's objects to files",
    "provision": "make green",
}
"""Titles that say nothing of the act's parameters; a kind without any is told by its key."""


def _title(intents: list[Intent]) -> str:
    action, count = intents[0].action, len(intents)
    params = action.params
    objects = f"{count} object{'s' if count != 1 else ''}"
    match action.kind:
        case "create":
            wave = next((w.title for w in WAVES if w.number == params["wave"]), "")
            return (
                f"create {objects} on green, wave {params['wave']}: {wave}"
                if wave
                else f"create {objects} on green"
            )
        case "patch":
            return f"{_WHY.get(str(params['why']), str(params['why']))} {objects} on {params['side']}"
        case "apply" | "adopt" | "delete":
            return f"{action.kind} {objects} on {params['side']}"
        case "link":
            return f"link {objects} on green to their owners"
        case "status":
            return f"write the status of {objects} on green"
        case "wait":
            return f"wait for {params['what']}"
        case "watch":
            span = f" to {intents[-1].action.params['name']}" if count > 1 else ""
            return f"watch {params['name']}{span}"
        case "weight":
            return f"{params['route']}: {params['green']} % to green"
        case "record":
            return f"check: {str(action.key).removeprefix('record ')}"
        case "evidence":
            return f"write {params['name']} to a file, as evidence"
        case "copy":
            claim = Ref.of_json(params["claim"])
            return f"copy the data of {claim} from blue to green ({params['phase']} pass)"
        case "engage":
            return f"let {Ref.of_json(params['claim'])} have its mover from here on ({params['phase']} pass)"
        case _:
            return _TITLES.get(action.kind, str(action.key))


def _expected(intents: list[Intent]) -> list[str]:
    if reply := of_kind(intents[0].action.kind).reply:
        return [reply]
    lines: list[str] = []
    for intent in intents:
        outcome = intent.outcome
        if outcome is None:
            continue
        if outcome.verdicts:
            lines += [f"{v.check}: {v.evidence}" if v.evidence else v.check for v in outcome.verdicts]
        elif outcome.evidence:
            lines.append(outcome.evidence)
    return list(_distinct(lines))


def _distinct(lines: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(line for line in lines if line))
