"""Whether what was decided stands on green: with our marks, and equal in every field that we sent.

Fields that the server, or a webhook, added are not ours to compare. A held object that has been released is equal
when it stands as its release patch leaves it. Differences name paths, never values: they may be a Secret's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.model.decision import Decision
from migrate.model.ids import RunId, Side
from migrate.model.inventory import EVERY_KIND, Inventory
from migrate.model.marks import RUN, SOURCE_HASH, unmarked
from migrate.model.objects import Object, Ref, annotations_of
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from migrate.replay.decisions import MERGED_RULES, Decisions
from migrate.replay.edits import merged
from migrate.replay.sanitise import sanitise, source_hash

MISSING = "missing"
FOREIGN = "not ours"
STALE = "written from another state"
DIFFERS = "differs"
UNREAD = "could not be read"

SINCE = "green since its verification"

SHOWN = 5
"""How many differences a verdict spells out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that does not stand as decided: how, and at which paths."""

    ref: Ref
    wave: int
    what: str
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The object and what is wrong with it."""
        where = f" at {', '.join(self.paths[:SHOWN])}" if self.paths else ""
        return f"{self.ref}: {self.what}{where}"


def differences(decisions: Decisions, green: Inventory, *, key: bytes, run: RunId) -> tuple[Difference, ...]:
    """Compare every written object with what stands on green."""
    found = (_difference(decision, green, key, run) for decision in decisions.written)
    return tuple(difference for difference in found if difference)


def parity(decisions: Decisions, green: Inventory, *, key: bytes, run: RunId) -> tuple[Verdict, ...]:
    """Compare, and say for every wave whether all that was written stands."""
    return verdicts(decisions, differences(decisions, green, key=key, run=run))


def verdicts(decisions: Decisions, found: Sequence[Difference]) -> tuple[Verdict, ...]:
    """Say for every wave whether all that was written stands; where nothing was to be written, nothing is passed."""
    if not decisions.written:
        return (inconclusive("parity", "no object was to be written", "check workloads.include"),)
    return tuple(
        _verdict(f"parity-wave-{wave}", len(decisions.of_wave(wave)), [d for d in found if d.wave == wave])
        for wave in decisions.waves
    )


def whole(decisions: Decisions, found: Sequence[Difference]) -> Verdict:
    """Say of all waves together whether what was verified stands still."""
    return _verdict(SINCE, len(decisions.written), found)


def unequal(target: Any, found: Any, path: str = "") -> Iterator[str]:
    """The paths at which `found` does not have what `target` says; what it has beside it does not count."""
    if isinstance(target, dict) and isinstance(found, dict):
        for key, value in target.items():
            where = f"{path}.{key}" if path else str(key)
            if key in found:
                yield from unequal(value, found[key], where)
            elif not _nothing(where, value):
                yield where
    elif isinstance(target, list) and isinstance(found, list) and len(target) == len(found):
        for position, (one, other) in enumerate(zip(target, found, strict=True)):
            yield from unequal(one, other, f"{path}[{position}]")
    elif target != found or isinstance(target, bool) != isinstance(found, bool):  # in Python 1 equals True
        yield path


def unread(ref: Ref, side: Inventory) -> bool:
    """Whether the object's kind could not be listed; `unreadable` has names such as "deployments.apps"."""
    resource = side.resource(ref.kind, ref.group)
    if resource is not None:
        return resource.name in side.unreadable
    stem = ref.kind.lower()[:-1]  # the last letter may change in the plural: policy, policies
    names = (name.partition(".") for name in side.unreadable)
    return any(group == ref.group and plural.startswith((stem, EVERY_KIND)) for plural, _, group in names)


def _difference(decision: Decision, green: Inventory, key: bytes, run: RunId) -> Difference | None:
    target = decision.target
    assert target is not None  # what is written has a target
    found = green.find(decision.ref)
    if found is None:
        return Difference(decision.ref, decision.wave, UNREAD if unread(decision.ref, green) else MISSING)
    paths = _departures(decision, unmarked(target), found)
    if decision.rule not in MERGED_RULES:  # what green made itself carries no marks of ours
        marks = annotations_of(found)
        if marks.get(RUN) != run:
            return Difference(decision.ref, decision.wave, FOREIGN)
        if marks.get(SOURCE_HASH) != source_hash(target, key):
            return Difference(decision.ref, decision.wave, STALE, paths)
    return Difference(decision.ref, decision.wave, DIFFERS, paths) if paths else None


def _departures(decision: Decision, wanted: Object, found: Object) -> tuple[str, ...]:
    """The differences from the form that the object is nearer to: as written, or as its release leaves it."""
    paths = apart(wanted, found)
    if paths and decision.hold is not None:
        return min(apart(merged(wanted, decision.hold.release), found), paths, key=len)
    return paths


def apart(wanted: Object, found: Object) -> tuple[str, ...]:
    """The paths at which what stands is not as wanted, in the form with fewer of them: as shown, or reduced as blue's.

    What a server adds to a list, as to a Pod's volumes, makes the list differ as shown, and is no difference.
    """
    # the group is the same, but green may prefer another version of it
    found = {**found, "apiVersion": wanted.get("apiVersion", "")}
    paths = tuple(unequal(wanted, found))
    return min(paths, tuple(unequal(wanted, sanitise(found))), key=len) if paths else paths


def _verdict(check: str, total: int, found: Sequence[Difference]) -> Verdict:
    if not found:
        return passed(check, f"{total} of {total} equal")
    shown = "; ".join(map(str, found[:SHOWN])) + ("; …" if len(found) > SHOWN else "")
    evidence = f"{total - len(found)} of {total} equal; {shown}"
    remedy = (
        "Where a field was changed on green alone, put it back there. "
        "Else cnimigrate rollback --to build, then run writes today's blue."
    )
    return differing(check, found, evidence, remedy, side=Side.GREEN)


def differing(check: str, found: Sequence[Difference], evidence: str, remedy: str, *, side: Side) -> Verdict:
    """Fail a check with what differs; where all of it only could not be read on a side, nothing is known."""
    if all(difference.what == UNREAD for difference in found):
        return inconclusive(check, evidence, f"give the credentials the right to list them on {side}")
    return failed(check, evidence, remedy)


def _nothing(path: str, value: Any) -> bool:
    """Whether the server need not keep a value: a null, and empty labels or annotations."""
    return value is None or (value == {} and path in {"metadata.labels", "metadata.annotations"})
