"""Whether green's own GitOps has made what it is left to make, and what of it is otherwise than on blue.

What is not there yet is not known to come: that is inconclusive. What is otherwise is told, and no failure, because Git
may rightly say something else of green.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from migrate.model.decision import Decision
from migrate.model.inventory import Inventory
from migrate.model.objects import Ref
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from migrate.replay.decisions import Decisions
from migrate.replay.parity import SHOWN, apart
from migrate.replay.waves import wave_of

CHECK = "left to GitOps"

CLAIMED = "left to GitOps since it was written"

_BASES = frozenset({1, 2, 3, 4, 9})
"""Waves on which others rest: namespaces, definitions, classes, policies; webhooks that change pods."""

_REMEDY = (
    "Set green's Argo CD or Flux up on the same Git, let it synchronise, then run again. Or begin anew with "
    "workloads.gitops: replay, and green gets what blue has."
)

_CLAIMED_REMEDY = (
    "Nobody would let go of it on green: the run leaves it to green's GitOps, and that has not made it. Let the run keep "
    "it: workloads.rules: [{kind: ..., namespace: ..., name: ..., replay: true, reason: ...}], then cnimigrate amend. Or "
    "take it off its GitOps on blue. Then run again."
)


@dataclass(frozen=True, slots=True)
class Departure:
    """An object that is otherwise on green than on blue: at which paths, no values."""

    decision: Decision
    paths: tuple[str, ...]

    def __str__(self) -> str:
        """The object and the first paths."""
        return f"{self.decision.ref} at {', '.join(self.paths[:SHOWN])}"


def verdicts(decisions: Decisions, green: Inventory) -> tuple[Verdict, ...]:
    """Judge all that is left to green's GitOps; nothing where nothing is."""
    return judged(CHECK, decisions.compared, green)


def needed_first(decisions: Decisions, since: int, until: int) -> tuple[Decision, ...]:
    """What is left to GitOps of the waves from `since` to before `until` and that later waves rest upon."""
    return tuple(
        d
        for d in decisions.compared
        if since <= (wave := wave_of((d.ref.group, d.ref.kind))) < until and wave in _BASES
    )


def claimed(decisions: Decisions, written: Collection[Ref]) -> Verdict:
    """Whether what this run has `written` is its own still: what GitOps has laid hold of on blue since fails by name."""
    found = [d for d in decisions.compared if d.ref in written]
    if not found:
        return passed(CLAIMED, "nothing that this run wrote")
    shown = "; ".join(f"{d.ref} ({d.evidence})" for d in found[:SHOWN])
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return failed(CLAIMED, f"{len(found)} of what this run wrote: {shown}{more}", _CLAIMED_REMEDY)


def judged(check: str, left: Sequence[Decision], green: Inventory) -> tuple[Verdict, ...]:
    """Say whether all of it is there, and what is otherwise than on blue."""
    if not left:
        return ()
    missing = [d for d in left if green.find(d.ref) is None]
    if missing:
        shown = "; ".join(f"{d.ref} ({d.evidence})" for d in missing[:SHOWN])
        more = f"; and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        said = (
            f"{len(missing)} of {len(left)} not there, their controller has not made them yet: {shown}{more}"
        )
        return (inconclusive(check, said, _REMEDY),)
    otherwise = list(_departures(left, green))
    said = f"{len(left) - len(otherwise)} of {len(left)} as on blue"
    if otherwise:
        more = "; …" if len(otherwise) > SHOWN else ""
        said += f", {len(otherwise)} as Git has it for green: {'; '.join(map(str, otherwise[:SHOWN]))}{more}"
    return (passed(check, said),)


def _departures(left: Sequence[Decision], green: Inventory) -> Iterator[Departure]:
    for decision in left:
        found = green.find(decision.ref)
        paths = apart(decision.target or {}, found) if found is not None else ()
        # who keeps it is told on the object itself, and is another on green
        paths = tuple(
            path for path in paths if not path.startswith(("metadata.labels", "metadata.annotations"))
        )
        if paths:
            yield Departure(decision, paths)
