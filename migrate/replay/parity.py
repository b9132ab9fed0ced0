"""Whether what was decided stands on green: with our marks, equal in every field that we sent, and with none beside these.

What green's own server and control plane added is told and passes; what another hand added fails, as a rule more opens
a policy. A held object that has been released is equal when it stands as its release patch leaves it. Differences name
paths, never values: they may be a Secret's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.model.decision import Decision
from migrate.model.ids import RunId, Side
from migrate.model.inventory import EVERY_KIND, Inventory
from migrate.model.marks import RUN, SOURCE_HASH, unmarked
from migrate.model.objects import Object, Ref, annotations_of
from migrate.model.verdict import Verdict, failed, inconclusive, passed
from migrate.replay.causes import ADMITTED, COMPLETED
from migrate.replay.decisions import MERGED_RULES, Decisions
from migrate.replay.edits import merged
from migrate.replay.sanitise import sanitise, source_hash

MISSING = "missing"
FOREIGN = "not ours"
STALE = "written from another state"
DIFFERS = "differs"
UNREAD = "could not be read"
UNSERVED = "is of a group that could not be discovered"

_SEEN_BY = {
    UNREAD: "give the credentials the right to list them",
    UNSERVED: "bring up what serves their group (kubectl get apiservices)",
}
"""What helps where an object was not seen."""

SINCE = "green since its verification"

SHOWN = 5
"""How many differences a verdict spells out."""

MOST = 50
"""How many paths of one object are listed."""

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that does not stand as decided: how, at which paths, and for each path why, where that was looked at.

    `added` are those of the paths that stand beside what was sent. With `reasons`, one a path, the operator has accepted
    it (`replay.accepted`).
    """

    ref: Ref
    wave: int
    what: str
    paths: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    added: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """The object and what is wrong with it."""
        where = f" at {', '.join(self.paths[:SHOWN])}" if self.paths else ""
        why = ", ".join(dict.fromkeys(self.causes[:SHOWN]))
        said = f"{self.ref}: {self.what}{where}" + (f" ({why})" if why else "")
        return f"{said}, accepted: {', '.join(dict.fromkeys(self.reasons))}" if self.reasons else said

    @property
    def admitted(self) -> bool:
        """Whether all of it is what green's admission made of it as it was written, and nobody has touched it since."""
        return self._wholly(ADMITTED)

    @property
    def completed(self) -> bool:
        """Whether all of it is what green itself added to what was sent, which stands beside it unchanged."""
        return self._wholly(COMPLETED)

    def _wholly(self, cause: str) -> bool:
        return self.what == DIFFERS and bool(self.causes) and set(self.causes) == {cause}

    def at(self, positions: Sequence[int]) -> Difference:
        """The difference at some of its paths alone."""
        paths, causes, reasons = (
            tuple(words[n] for n in positions) if words else ()
            for words in (self.paths, self.causes, self.reasons)
        )
        return replace(self, paths=paths, causes=causes, reasons=reasons)

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON: paths and causes, no value."""
        causes = self.causes or ("",) * len(self.paths)
        reasons = self.reasons or ("",) * len(self.paths)
        told = zip(self.paths[:MOST], causes[:MOST], reasons[:MOST], strict=True)
        value: dict[str, Any] = {
            "object": str(self.ref),
            **self.ref.as_json(),
            "wave": self.wave,
            "what": self.what,
        }
        value["paths"] = [
            {"path": path, **({"cause": why} if why else {}), **({"accepted": reason} if reason else {})}
            for path, why, reason in told
        ]
        if len(self.paths) > MOST:
            value["more"] = len(self.paths) - MOST
        return value


def differences(decisions: Decisions, green: Inventory, *, key: bytes, run: RunId) -> tuple[Difference, ...]:
    """Compare every written object with what stands on green."""
    found = (_difference(decision, green, key, run) for decision in decisions.written)
    return tuple(difference for difference in found if difference)


def parity(decisions: Decisions, green: Inventory, *, key: bytes, run: RunId) -> tuple[Verdict, ...]:
    """Compare, and say for every wave whether all that was written stands; without causes, whatever is beside it differs."""
    return verdicts(decisions, differences(decisions, green, key=key, run=run))


def verdicts(decisions: Decisions, found: Sequence[Difference]) -> tuple[Verdict, ...]:
    """Say for every wave whether all that was written stands; where nothing was to be written, nothing is passed."""
    if not decisions.written:
        return (inconclusive("parity", "no object was to be written", "check workloads.include"),)
    return tuple(
        verdict
        for wave in decisions.waves
        for verdict in _judged(
            f"parity-wave-{wave}", len(decisions.of_wave(wave)), [d for d in found if d.wave == wave]
        )
    )


def whole(decisions: Decisions, found: Sequence[Difference]) -> tuple[Verdict, ...]:
    """Say of all waves together whether what was verified stands still."""
    return _judged(SINCE, len(decisions.written), found)


def unequal(target: Any, found: Any, path: str = "") -> Iterator[str]:
    """The paths at which `found` does not have what `target` says; what it has beside it does not count."""
    if isinstance(target, dict) and isinstance(found, dict):
        for key, value in target.items():
            if type(value) is str and found.get(key) == value:
                continue  # most of an object is text that is equal: no path is made up for it
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


def unread(ref: Ref, side: Inventory) -> str:
    """How the object's kind was not read: not listed, or its group not even discovered; empty where it was.

    `unreadable` has names such as "deployments.apps", and "*.apps" of a whole group.
    """
    resource = side.resource(ref.kind, ref.group)
    if resource is not None:
        return UNREAD if resource.name in side.unreadable else ""
    if f"{EVERY_KIND}.{ref.group}" in side.unreadable:
        return UNSERVED
    stem = ref.kind.lower()[:-1]  # the last letter may change in the plural: policy, policies
    names = (name.partition(".") for name in side.unreadable)
    alike = any(group == ref.group and plural.startswith(stem) for plural, _, group in names)
    return UNREAD if alike else ""


def _difference(decision: Decision, green: Inventory, key: bytes, run: RunId) -> Difference | None:
    target = decision.target
    assert target is not None  # what is written has a target
    found = green.find(decision.ref)
    if found is None:
        return Difference(decision.ref, decision.wave, unread(decision.ref, green) or MISSING)
    paths, added = _departures(decision, unmarked(target), found)
    if decision.status and not found.get("status"):  # once it is there, it is green's to go on writing
        paths = (*paths, "status")
    if decision.rule not in MERGED_RULES:  # what green made itself carries no marks of ours
        marks = annotations_of(found)
        if marks.get(RUN) != run:
            return Difference(decision.ref, decision.wave, FOREIGN)
        if marks.get(SOURCE_HASH) != source_hash(target, key):
            return Difference(decision.ref, decision.wave, STALE, (*paths, *added), added=frozenset(added))
    paths = (*paths, *added)
    return Difference(decision.ref, decision.wave, DIFFERS, paths, added=frozenset(added)) if paths else None


def _departures(decision: Decision, wanted: Object, found: Object) -> tuple[Paths, Paths]:
    """Where the object departs from the form that it is nearer to, as written or as its release leaves it; what it has more."""
    if decision.rule in MERGED_RULES:
        return apart(wanted, found), ()  # green's own object: what it has of its own is its own
    forms = (wanted,) if decision.hold is None else (wanted, merged(wanted, decision.hold.release))
    departures: list[tuple[Paths, Paths]] = []
    for form in forms:
        departures.append((apart(form, found), beside(form, found)))
        if not any(departures[-1]):
            break
    return min(departures, key=lambda both: sum(map(len, both)))


def apart(wanted: Object, found: Object) -> tuple[str, ...]:
    """The paths at which what stands is not as wanted, in the form with fewer of them: as shown, or reduced as blue's.

    What a server adds to a list, as to a Pod's volumes, makes the list differ as shown, and is no difference.
    """
    # the group is the same, but green may prefer another version of it
    found = {**found, "apiVersion": wanted.get("apiVersion", "")}
    paths = tuple(unequal(wanted, found))
    return min(paths, tuple(unequal(wanted, sanitise(found))), key=len) if paths else paths


def beside(wanted: Object, found: Object) -> Paths:
    """The paths that what stands has beside what is wanted, both reduced as blue's objects are."""
    there = {**sanitise(found), "apiVersion": wanted.get("apiVersion", "")}
    if there == wanted:
        return ()
    wanted = sanitise(wanted)  # a release gives back some of what is reduced of every object
    # a path names the one note that is more, and never the map: who accepts it accepts no other
    wanted = {**wanted, "metadata": {"annotations": {}, "labels": {}, **wanted.get("metadata", {})}}
    lacking = set(unequal(wanted, there))
    return tuple(path for path in unequal(there, wanted) if path not in lacking)


def parted(difference: Difference) -> Iterator[Difference]:
    """What green itself completed of an object, apart from what else differs there: the one passes, the other may not."""
    alike = {
        own: [n for n, why in enumerate(difference.causes) if (why == COMPLETED) is own]
        for own in (False, True)
    }
    if difference.what == DIFFERS and all(alike.values()):
        yield from map(difference.at, alike.values())
    else:
        yield difference


def _judged(check: str, total: int, found: Sequence[Difference]) -> tuple[Verdict, ...]:
    """One verdict on what must be equal; further ones, which pass, on what green itself did, and what is accepted.

    They have names of their own, so that an approval that was given without them does not cover them.
    """
    completed = [d for d in found if d.completed and not d.reasons]
    admitted = [d for d in found if d.admitted and not d.reasons]
    bad = [d for d in found if not (d.completed or d.admitted or d.reasons)]
    unlike = {d.ref for d in found if d.reasons or not d.completed}
    said = f"{total - len(unlike)} of {total} equal"
    verdicts = [_failed(check, f"{said}; {_shown(bad)}", bad) if bad else passed(check, said)]
    for word, some in (("admitted", admitted), ("completed", completed)):
        if some:
            verdicts.append(passed(f"{check} as {word}", f"{len(some)} of {total}: {_shown(some)}"))
    return (*verdicts, *as_accepted(check, found, total))


def as_accepted(check: str, found: Sequence[Difference], total: int) -> tuple[Verdict, ...]:
    """Say under a name of its own what the operator has accepted; nothing where there is none."""
    stays = [difference for difference in found if difference.reasons]
    return (passed(f"{check} as accepted", f"{len(stays)} of {total}: {_shown(stays)}"),) if stays else ()


def _shown(found: Sequence[Difference]) -> str:
    return "; ".join(map(str, found[:SHOWN])) + ("; …" if len(found) > SHOWN else "")


def _failed(check: str, evidence: str, found: Sequence[Difference]) -> Verdict:
    remedy = (
        "Where a field was changed on green alone, put it back there; where green is right, leave it: verify.accept: "
        "[{kind: ..., namespace: ..., name: ..., path: ..., reason: ...}], then cnimigrate amend. "
        "Where blue has changed: before the cutover run brings it over; else cnimigrate rollback --to verify, then run."
    )
    return differing(check, found, evidence, remedy, side=Side.GREEN)


def differing(check: str, found: Sequence[Difference], evidence: str, remedy: str, *, side: Side) -> Verdict:
    """Fail a check with what differs; where all of it only could not be read on a side, nothing is known."""
    unseen = {difference.what for difference in found}
    if unseen <= _SEEN_BY.keys():
        helping = " and ".join(_SEEN_BY[what] for what in sorted(unseen))
        return inconclusive(check, evidence, f"{helping}, on {side}")
    return failed(check, evidence, remedy)


def _nothing(path: str, value: Any) -> bool:
    """Whether the server need not keep a value: a null, and empty labels or annotations."""
    return value is None or (value == {} and path in {"metadata.labels", "metadata.annotations"})
