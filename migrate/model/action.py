"""Actions: one change or wait as data, executed, rehearsed, journalled and written into the runbook alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from migrate.model.ids import ActionKey
from migrate.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Action:
    """One change or wait.

    `kind` names its handler; `key` is deterministic and unique in the run; `params` is JSON and never holds a
    Secret's value; `prior` is what was there before (JSON; None where the kind has none); `command` is what a person
    would type; `inverse` is the Action that takes it back, None where there is no way back; `deadline` in seconds
    bounds the act and, for a wait, the waiting. `undoes` is the number of the intent that it takes back, 0 where it goes
    forward; the journal keeps it beside the Action.
    """

    kind: str
    key: ActionKey
    params: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    prior: Any = None
    inverse: Action | None = None
    deadline: float = 60.0
    undoes: int = 0

    def as_json(self, beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The Action as JSON, inverse included, for the journal; what has its default is left out.

        Of the parameters that stand `beside` it just so only the names are kept, as `same`: whoever reads it back must have
        them. An inverse stands beside the parameters of the Action that it takes back.
        """
        value: dict[str, Any] = {"kind": self.kind, "key": self.key, "params": dict(self.params)}
        if beside:
            same = [
                name for name, mine in self.params.items() if name in beside and _alike(mine, beside[name])
            ]
            if same:
                value["same"] = sorted(same)
                value["params"] = {name: mine for name, mine in self.params.items() if name not in same}
        if self.command:
            value["command"] = self.command
        if self.prior is not None:
            value["prior"] = self.prior
        if self.inverse is not None:
            value["inverse"] = self.inverse.as_json(self.params)
        if self.deadline != 60.0:
            value["deadline"] = self.deadline
        return value

    @classmethod
    def of_json(cls, value: Mapping[str, Any], beside: Mapping[str, Any] | None = None) -> Action:
        """Read back what `as_json` wrote beside the same parameters; KeyError where they are others."""
        inverse, params = value.get("inverse"), value.get("params", {})
        if same := value.get("same"):
            params = {**params, **{name: (beside or {})[name] for name in same}}
        return cls(
            kind=value["kind"],
            key=ActionKey(value["key"]),
            params=params,
            command=value.get("command", ""),
            prior=value.get("prior"),
            inverse=cls.of_json(inverse, params) if inverse else None,
            deadline=value.get("deadline", 60.0),
        )

    def with_prior(self, prior: Any, inverse: Action | None) -> Action:
        """The same Action with the value it found and the way back that follows from it."""
        return replace(self, prior=prior, inverse=inverse)


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are the same as JSON; to Python 1 is True."""
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, dict):
        return all(_alike(value, other[name]) for name, value in one.items())
    return not isinstance(one, list | tuple) or all(map(_alike, one, other))


class State(StrEnum):
    """How an Action stands in the world, as its handler observes it."""

    ABSENT = "absent"  # not done; doing it is safe
    DONE = "done"  # stands as the Action wants it, and it is ours or absolute
    PARTIAL = "partial"  # begun; acting again completes it
    FOREIGN = "foreign"  # something stands there that is not ours


BEGUN = "begun"
"""The fact of an outcome whose act was begun and has not ended: what it takes back is on its way out, and stands no more."""


class OutcomeState(StrEnum):
    """How an act ended; an intent without an outcome is in doubt."""

    DONE = "done"  # acted and read back
    ADOPTED = "adopted"  # found done when an in-doubt intent was looked at again
    ABSENT = "absent"  # found not done; it may be yielded again
    FAILED = "failed"  # refused, or its verdict failed; nothing is half done
    UNKNOWN = "unknown"  # cannot be known; a person decides


@dataclass(frozen=True, slots=True)
class Observation:
    """What a handler sees before it acts: the state, the prior value and a sentence of evidence."""

    state: State
    prior: Any = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one Action ended; `facts` is JSON that later steps may read, `verdicts` what was checked."""

    state: OutcomeState
    evidence: str = ""
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether the Action's effect stands in the world."""
        return self.state in {OutcomeState.DONE, OutcomeState.ADOPTED}

    @property
    def refused(self) -> bool:
        """Whether the object at hand was refused, by itself: that says nothing of what comes beside or after it."""
        return self.state is OutcomeState.FAILED and "refused" in self.facts

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON, for the journal; empty parts are left out."""
        value: dict[str, Any] = {"state": self.state.value}
        if self.evidence:
            value["evidence"] = self.evidence
        if self.remedy:
            value["remedy"] = self.remedy
        if self.facts:
            value["facts"] = dict(self.facts)
        if self.verdicts:
            value["verdicts"] = [v.as_json() for v in self.verdicts]
        return value

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Outcome:
        """Read back what `as_json` wrote."""
        return cls(
            OutcomeState(value["state"]),
            value.get("evidence", ""),
            value.get("remedy", ""),
            value.get("facts", {}),
            tuple(Verdict.of_json(v) for v in value.get("verdicts", ())),
        )
