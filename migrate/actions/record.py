"""Write verdicts down: a step has judged, the journal keeps it, and a failed one stops the run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.actions.one_by_one import OneByOne
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey
from migrate.model.verdict import Result, Verdict

SPOKEN = 2
"""So many verdicts speak for themselves; of more only their number is said."""


def record(name: str, verdicts: Sequence[Verdict], *, facts: Mapping[str, Any] | None = None) -> Action:
    """Record what a step judged under `name`; inconclusive ones stop the run like failed ones.

    `facts` is JSON that later steps read back by `Progress.recorded`; with `foreign` in it what fails is an object of
    another hand in the way, which is exit 33.
    """
    params = {"verdicts": [v.as_json() for v in verdicts], "facts": dict(facts or {})}
    return Action("record", ActionKey(f"record {name}"), params)


class Looking(OneByOne):
    """What handlers have in common that only look: no prior value, no way back, and what was cut off begins again."""

    def observe(self, action: Action) -> Observation:
        """Looking has no effect in the world, so one that was cut off is as good as not begun."""
        return Observation(State.ABSENT, evidence=f"{action.key} begins again")

    def do(self, action: Action) -> Outcome:
        """Look, which is all that is done."""
        return self.look(action)

    @abstractmethod
    def look(self, action: Action) -> Outcome:
        """Look, and judge."""


class Record(Looking):
    """Turn recorded verdicts into the outcome of their Action; touches nothing."""

    def look(self, action: Action) -> Outcome:
        """Fail where a verdict failed or could not be decided."""
        outcome = judged([Verdict.of_json(v) for v in action.params["verdicts"]])
        foreign = not outcome.stands and action.params["facts"].get("foreign")
        return replace(outcome, facts={"foreign": True}) if foreign else outcome


def judged(verdicts: Sequence[Verdict]) -> Outcome:
    """The outcome that follows from verdicts: done when all passed."""
    bad = [v for v in verdicts if v.result is not Result.PASS]
    if not bad:
        told = "; ".join(v.evidence for v in verdicts)
        said = told if len(verdicts) <= SPOKEN else f"{len(verdicts)} checks passed"
        return Outcome(OutcomeState.DONE, said, verdicts=tuple(verdicts))
    bad.sort(key=lambda v: v.result is not Result.FAIL)  # what waits for others says less than what failed
    lines = [f"{v.result.value} {v.check}: {v.evidence}" for v in bad[:5]]
    if len(bad) > len(lines):
        lines.append(f"and {len(bad) - len(lines)} more")
    remedy = next((v.remedy for v in bad if v.remedy), "")
    return Outcome(OutcomeState.FAILED, "\n  ".join(lines), remedy, verdicts=tuple(verdicts))
