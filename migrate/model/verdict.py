"""What a check says: pass, fail or inconclusive, with evidence and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migrate.model.canonical import digest

ACCEPTED = "accepted "
"""How the checks begin that say whether green took an object."""


class Result(StrEnum):
    """No samples is inconclusive, never a pass."""

    PASS = "pass"  # noqa: S105  # a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's word; `check` names it, `evidence` and `remedy` are sentences for the operator."""

    check: str
    result: Result
    evidence: str = ""
    remedy: str = ""

    @property
    def passed(self) -> bool:
        """Whether the check passed; an inconclusive one did not."""
        return self.result is Result.PASS

    def as_json(self) -> dict[str, str]:
        """The verdict as JSON, for the journal."""
        return {
            "check": self.check,
            "result": self.result.value,
            "evidence": self.evidence,
            "remedy": self.remedy,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Verdict:
        """Read back what `as_json` wrote."""
        return cls(
            value["check"], Result(value["result"]), value.get("evidence", ""), value.get("remedy", "")
        )


def passed(check: str, evidence: str = "") -> Verdict:
    """Say that a check passed."""
    return Verdict(check, Result.PASS, evidence)


def failed(check: str, evidence: str, remedy: str = "") -> Verdict:
    """Say that a check failed, with what was seen and what to do."""
    return Verdict(check, Result.FAIL, evidence, remedy)


def inconclusive(check: str, evidence: str, remedy: str = "") -> Verdict:
    """Say that a check could not be decided."""
    return Verdict(check, Result.INCONCLUSIVE, evidence, remedy)


def verdicts_digest(verdicts: Iterable[Verdict]) -> str:
    """Hash what a gate binds to: check and result, in the order of the names; counts and times are left out."""
    return digest(sorted([v.check, v.result.value] for v in verdicts))
