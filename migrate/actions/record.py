"""Write verdicts down: a step has judged, the journal keeps it, and a failed one stops the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey
from migrate.model.verdict import Result, Verdict


def record(name: str, verdicts: Sequence[Verdict], *, facts: Mapping[str, Any] | None = None) -> Action:
    """Record what a step judged under `name`; inconclusive ones stop the run like failed ones."""
    params = {"verdicts": [v.as_json() for v in verdicts], "facts": dict(facts or {})}
    return Action("record", ActionKey(f"record {name}"), params)


class Record:
    """Turn recorded verdicts into the outcome of their Action; touches nothing."""

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Fail where a verdict failed or could not be decided."""
        return [
            judged([Verdict.of_json(v) for v in a.params["verdicts"]], a.params["facts"]) for a in actions
        ]

    def observe(self, action: Action) -> Observation:
        """Recording is no effect in the world; it is judged anew."""
        return Observation(State.ABSENT, evidence=f"{action.key} is judged anew")


def judged(verdicts: Sequence[Verdict], facts: Mapping[str, Any] | None = None) -> Outcome:
    """The outcome that follows from verdicts: done when all passed."""
    bad = [v for v in verdicts if v.result is not Result.PASS]
    if not bad:
        said = verdicts[0].evidence if len(verdicts) == 1 else f"{len(verdicts)} checks passed"
        return Outcome(OutcomeState.DONE, said, facts=facts or {}, verdicts=tuple(verdicts))
    lines = [f"{v.result.value} {v.check}: {v.evidence}" for v in bad[:5]]
    if len(bad) > len(lines):
        lines.append(f"and {len(bad) - len(lines)} more")
    remedy = next((v.remedy for v in bad if v.remedy), "")
    return Outcome(OutcomeState.FAILED, "\n  ".join(lines), remedy, facts or {}, tuple(verdicts))
