"""What green refuses of a wave: gathered while the rest of it is written, and told together where it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from migrate.actions.reach import target_of
from migrate.actions.record import record
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action, Outcome
from migrate.model.decision import Decision
from migrate.model.objects import Object, Ref, Resource, version_of
from migrate.model.verdict import ACCEPTED, Verdict, failed, passed

ALIKE = 50
"""So many refusals of one kind in the same words have one cause: the rest would only repeat it."""

_Sort = tuple[str, str, tuple[str, ...]]
"""What refusals of one cause have in common: kind, reason and fields; their words name each object."""


@dataclass
class Refusals:
    """The objects of one wave that green refused.

    `served` are lists of resources that say where kinds are served, `decisions` those of the wave, which know in what version
    each object is sent; `before` the wave's checks that failed in an earlier attempt and were not answered since.
    """

    wave: int
    policy: str
    served: list[Sequence[Resource]]
    decisions: Sequence[Decision] = ()
    before: frozenset[str] = frozenset()
    _found: dict[Ref, Outcome] = field(default_factory=dict)

    def take(self, actions: Sequence[Action], outcomes: Sequence[Outcome]) -> None:
        """Note what was refused among the outcomes of a batch."""
        for action, outcome in zip(actions, outcomes, strict=True):
            if outcome.refused:
                self._found[target_of(action)[1]] = outcome

    @property
    def enough(self) -> bool:
        """Whether the rest of the wave is not to be tried."""
        if self.policy == "stop":
            return bool(self._found)
        return any(n >= ALIKE for n in Counter(_sort(*found) for found in self._found.items()).values())

    def told(self, *, whole: bool) -> Batches:
        """Record one failed verdict an object, which ends the run; nothing where all was accepted.

        `whole` where all of the wave was tried: then what was refused before, and is not now, is answered as well.
        """
        still = {f"{ACCEPTED}{ref}" for ref in self._found}
        yield from answered(f"wave {self.wave}", self.before - still if whole else ())
        if not self._found:
            return
        rest = "the rest of it stands" if whole else "the rest of it was not tried"
        count = len(self._found)
        summary = f"green refused {count} object{'s' if count != 1 else ''} of wave {self.wave}; {rest}"
        targets = {d.ref: d.target for d in self.decisions if d.ref in self._found and d.target is not None}
        verdicts = [
            self._verdict(ref, outcome, targets.get(ref)) for ref, outcome in sorted(self._found.items())
        ]
        first = failed(f"{ACCEPTED}wave {self.wave}", summary, verdicts[0].remedy)
        yield [record(f"wave {self.wave} accepted", [first, *verdicts])]

    def _verdict(self, ref: Ref, outcome: Outcome, sent: Object | None) -> Verdict:
        path = self._path(ref, version_of(sent) if sent else "")
        return failed(f"{ACCEPTED}{ref}", f"{outcome.evidence}, at {path}", outcome.remedy)

    def _path(self, ref: Ref, version: str) -> str:
        """The path at which an object was sent; a kind that green serves no more has blue's."""
        of_kind = (r for served in self.served for r in served if (r.group, r.kind) == (ref.group, ref.kind))
        resource = next(of_kind, None)
        if resource is None:
            return "no path that is served"
        return resource.at(version or resource.version).member(ref.name, ref.namespace)


def insisted(name: str, batches: Batches) -> Batches:
    """Pass the batches on, and stop the run (30) at the first of them that is refused something.

    Only what a wave writes is gathered: the rest of it goes on beside what was refused. What must stand before it, or must
    run no more, is no such thing.
    """
    try:
        actions = next(batches)
        while True:
            outcomes = yield actions
            if found := [(a, o) for a, o in zip(actions, outcomes, strict=True) if o.refused]:
                batches.close()
                yield [record(f"{name} accepted", [_unaccepted(a, o) for a, o in found])]
                return
            actions = batches.send(outcomes)
    except StopIteration:
        return


def _unaccepted(action: Action, outcome: Outcome) -> Verdict:
    return failed(f"{ACCEPTED}{target_of(action)[1]}", outcome.evidence, outcome.remedy)


def refused_before(scene: Scene) -> frozenset[str]:
    """The checks by which an earlier attempt told what was refused, and which nothing has answered since."""
    verdicts = scene.progress.verdicts(scene.batch)
    return frozenset(v.check for v in verdicts if v.check.startswith(ACCEPTED) and not v.passed)


def of_wave(checks: frozenset[str], wave: int, refs: Iterable[Ref]) -> frozenset[str]:
    """Those of the checks that are about a wave, or about these objects of it."""
    return checks and checks & {f"{ACCEPTED}wave {wave}", *(f"{ACCEPTED}{ref}" for ref in refs)}


def answered(name: str, checks: Collection[str]) -> Batches:
    """Record that what was refused in an earlier attempt is so no more."""
    if checks:
        said = "mended, or left out, since green refused it"
        yield [record(f"{name} accepted since", [passed(check, said) for check in sorted(checks)])]


def _sort(ref: Ref, outcome: Outcome) -> _Sort:
    told = outcome.facts["refused"]
    return f"{ref.kind}.{ref.group}", str(told.get("reason", "")), tuple(told.get("fields", ()))
