"""Gates: rows of the journal that must stand open before the run goes on.

An approval binds to the Plan's fingerprint, to the hash of the verdicts that it was given on and to what the step behind
the gate would do (`Step.gate_about`); all are computed again when the gate is passed, so an approval never covers what its
giver has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import BatchName, GateName
from migrate.model.migration import GateSpec, seconds
from migrate.model.progress import GateEvent, Progress
from migrate.model.verdict import verdicts_digest


def gate_id(batch: BatchName, gate: GateName) -> str:
    """A gate's id as people type it: batch/name."""
    return f"{batch}/{gate}" if batch else gate


@dataclass(frozen=True, slots=True)
class GateView:
    """How one gate stands: what it binds to now, who approved that, and what is missing."""

    gate: str
    spec: GateSpec
    fingerprint: str
    verdicts: str
    approvals: tuple[GateEvent, ...]
    stale: tuple[GateEvent, ...]
    passed: bool
    missing: str
    about: str = ""

    @property
    def open(self) -> bool:
        """Whether the run may go on."""
        return not self.missing


def view(
    progress: Progress,
    batch: BatchName,
    gate: GateName,
    spec: GateSpec,
    now: datetime,
    about: str | None = None,
) -> GateView:
    """Look at a gate as it stands now; without `about`, as the run last stood before it."""
    fingerprint = progress.plan.fingerprint if progress.plan else ""
    verdicts = verdicts_digest(progress.verdicts(batch))
    name = gate_id(batch, gate)
    events = progress.gate_events(name)
    about = about if about is not None else _last_about(events)
    given = _given(events)
    valid = tuple(
        e
        for e in given
        if _binds(e, fingerprint, verdicts) and _is_about(e, about) and not _expired(e, spec, now)
    )
    stale = tuple(e for e in given if e not in valid)
    passed = _passed(events, fingerprint, about)
    missing = "" if passed or spec.mode == "auto" else _missing(spec, valid, stale, _runner(progress))
    return GateView(name, spec, fingerprint, verdicts, valid, stale, passed, missing, about)


def event(gate: GateView, what: str, **data: Any) -> Draft:
    """Draft the journal's row for something that happened at a gate."""
    bound = {
        "event": what,
        "fingerprint": gate.fingerprint,
        "verdicts": gate.verdicts,
        "about": gate.about,
    }
    return Draft(EntryKind.GATE, {**bound, **data}, key=gate.gate)


def _passed(events: Sequence[GateEvent], fingerprint: str, about: str) -> bool:
    """Once passed it stays passed for this revision, until revoked: the checks behind it add verdicts of their own."""
    marks = [e for e in events if e.event in {"passed", "revoked"}]
    if not marks or marks[-1].event != "passed":
        return False
    return bool(marks[-1].data["fingerprint"] == fingerprint) and _is_about(marks[-1], about)


def _last_about(events: Sequence[GateEvent]) -> str:
    stood = [e for e in events if e.event in {"reached", "passed"}]
    return str(stood[-1].data.get("about", "")) if stood else ""


def _is_about(happened: GateEvent, about: str) -> bool:
    """Whether what happened at a gate was about what is behind it now; an older journal does not say."""
    return bool(happened.data.get("about", about) == about)


def _given(events: Sequence[GateEvent]) -> list[GateEvent]:
    approvals: dict[str, GateEvent] = {}
    for happened in events:
        if happened.event == "approved":
            approvals[str(happened.data["by"])] = happened
        elif happened.event == "revoked":
            approvals.clear()
    return list(approvals.values())


def _binds(happened: GateEvent, fingerprint: str, verdicts: str) -> bool:
    return bool(happened.data["fingerprint"] == fingerprint and happened.data["verdicts"] == verdicts)


def _expired(happened: GateEvent, spec: GateSpec, now: datetime) -> bool:
    if spec.expires is None:
        return False
    return now > datetime.fromisoformat(happened.at) + timedelta(seconds=seconds(spec.expires))


def _runner(progress: Progress) -> str:
    return str(progress.runners[-1].data.get("user", "")) if progress.runners else ""


def _missing(spec: GateSpec, valid: Sequence[GateEvent], stale: Sequence[GateEvent], runner: str) -> str:
    counted = [
        e for e in valid if spec.not_ != "runner" or runner not in {e.data.get("user"), e.data.get("by")}
    ]
    if spec.ticket == "required":
        counted = [e for e in counted if e.data.get("ticket")]
    if len(counted) >= spec.approvers:
        return ""
    need = spec.approvers - len(counted)
    words = "needs an approval" if need == 1 else f"needs {need} approvals"
    if spec.ticket == "required":
        words += " with a ticket"
    if spec.not_ == "runner":
        words += f" by somebody other than the runner ({runner})"
    if stale:
        binds = "binds" if len(stale) == 1 else "bind"
        words += f"; {len(stale)} given before no longer {binds}: the Plan, a verdict or what it was about changed, or time ran out"
    return words
