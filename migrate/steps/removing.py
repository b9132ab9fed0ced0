"""Take back on green what this run wrote there and blue has no more, and put to rest what may run there no longer.

Nothing is deleted but by the way back that the journal has for its making: so it is ours, and goes by its UID.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrate import replay
from migrate.actions.conditions import workloads
from migrate.actions.reach import target_of
from migrate.actions.record import record
from migrate.actions.retain import Keeping
from migrate.actions.wait import wait
from migrate.engine.step import Batches, Scene
from migrate.engine.undo import taken_back
from migrate.model.action import Action, Outcome
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.migration import seconds
from migrate.model.objects import Ref
from migrate.model.progress import Intent
from migrate.model.reasons import Why, patched
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay import leaving
from migrate.replay.decisions import WRITTEN
from migrate.replay.drift import Record

START = Why.START
"""Why a workload was let go before the cutover."""

OFF = "workloads-off"

BECAUSE = "because"
"""The parameter of an act back that says what has become of the object."""

SUPPOSED = "supposed"
"""The fact of an outcome that nobody acted for, where a step is only asked what it would do."""

CONSUMING = 9
"""From this wave on stand workloads, and what changes or refuses others; below it what they stand on."""

MAKING = frozenset({"create", "adopt"})
"""The acts by which an object of green becomes ours."""


@dataclass
class Removing:
    """What is to leave green, in two parts: what consumes or refuses before anything is written, the rest after it.

    So a quota that is gone keeps nothing out, and no pod stands a moment without the policy that replaces one that is gone.
    """

    scene: Scene
    found: Sequence[replay.Difference]
    written: int
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._why = {d.ref: d.what for d in self.found}

    @classmethod
    def of(cls, scene: Scene, blue: Inventory, decisions: replay.Decisions, known: Record) -> Removing:
        """Find what is to leave."""
        return cls(scene, leaving.leaving(decisions, known, blue), len(known))

    def asked(self) -> Batches:
        """Stop where a person must say that so much may go."""
        if self.found:
            verdict = leaving.judged(self.found, self.written, self.scene.accepted_deletions)
            if not verdict.passed:
                yield [record(leaving.CHECK, [verdict])]

    def first(self) -> Batches:
        """Take back what consumes or refuses others, last wave first."""
        yield from self._back(lambda wave: wave >= CONSUMING)

    def last(self) -> Batches:
        """Take back what others stand on; then tell what would not go, or that it has gone since."""
        yield from self._back(lambda wave: wave < CONSUMING)
        if self.refused:
            said = f"green keeps {len(self.refused)} objects that are to go: {'; '.join(self.refused)}"
            yield [record(leaving.CHECK, [failed(leaving.CHECK, said, "Mend what is named, and run again.")])]
        elif _failed_before(self.scene):
            yield [record(leaving.CHECK, [passed(leaving.CHECK, "nothing more is to go")])]

    def _back(self, of_wave: Callable[[int], bool]) -> Batches:
        intents = _of_refs(self.scene, {d.ref for d in self.found})
        chosen = [i for ref, some in intents.items() if of_wave(_wave(some)) for i in some]
        keeping = Keeping(self.scene.doors, self.scene.progress, self.scene.run)
        for batch in taken_back(chosen):
            volumes = keeping(batch)
            if volumes:
                outcomes = yield volumes
                unkept = [action for action, o in zip(volumes, outcomes, strict=True) if not o.stands]
                if lost := unkept or (() if _supposed(outcomes) else keeping(batch)):
                    self.refused += [f"{action.key} was not done, or does not last" for action in lost]
                    continue  # the data would go with what is deleted
            for outcome in (yield [self._with_reason(action) for action in batch]):
                if outcome.refused:
                    self.refused.append(outcome.evidence)

    def _with_reason(self, action: Action) -> Action:
        return replace(action, params={**action.params, BECAUSE: self._why[target_of(action)[1]]})


def _supposed(outcomes: Iterable[Outcome]) -> bool:
    """Whether nobody acted: then there is nothing new to see on green either."""
    return all(outcome.facts.get(SUPPOSED) for outcome in outcomes)


def put_to_rest(scene: Scene, decisions: replay.Decisions, let_go: Collection[Ref]) -> Batches:
    """Take back the start of what is not to be `let_go` before the cutover any more, and is written still; see it off.

    What its pods use goes only after them, and green is not taken for at rest while one of them still acts.
    """
    started = (i for i in _standing(scene) if _starts(i))
    now_held = (
        i
        for i in started
        if (ref := _ref(i)) not in let_go
        and (decision := decisions.of(ref)) is not None
        and decision.form in WRITTEN
    )
    yield from taken_back(now_held)
    asleep = {d.ref for d in decisions.held if (d.ref.group, d.ref.kind) in workloads.READ} - set(let_go)
    if refs := sorted(_not_seen_off(scene) & asleep):
        what = ", ".join(map(str, refs[:2])) + (" …" if len(refs) > 2 else "") + " to be at rest on green"
        named = [ref.as_json() for ref in refs]
        yield [wait(OFF, what, seconds(scene.migration.verify.budget), side=Side.GREEN.value, refs=named)]


def _not_seen_off(scene: Scene) -> set[Ref]:
    """What this run has put to rest again, also before it was killed, and has not waited for since."""
    starts: dict[int, Ref] = {}
    found: set[Ref] = set()
    for intent in scene.progress.intents():
        params = intent.action.params
        if _starts(intent):
            starts[intent.seq] = _ref(intent)
        elif intent.undoes in starts and intent.stands:
            found.add(starts[intent.undoes])
        elif params.get("condition") == OFF and params["side"] == Side.GREEN and intent.stands:
            found -= {Ref.of_json(ref) for ref in params["refs"]}
    return found


def _of_refs(scene: Scene, refs: Collection[Ref]) -> Mapping[Ref, Sequence[Intent]]:
    """What this run did to objects of green, and stands, by the object."""
    found: dict[Ref, list[Intent]] = {}
    if refs:
        for intent in _standing(scene):
            if (ref := _ref(intent)) in refs:
                found.setdefault(ref, []).append(intent)
    return found


def _standing(scene: Scene) -> Iterator[Intent]:
    for intent in scene.progress.effects():
        params = intent.action.params
        if params.get("side") == Side.GREEN and "ref" in params:
            yield intent


def _starts(intent: Intent) -> bool:
    action = intent.action
    return patched(action, Why.START) and not intent.undoes


def _ref(intent: Intent) -> Ref:
    return Ref.of_json(intent.action.params["ref"])


def _wave(intents: Iterable[Intent]) -> int:
    """The wave that an object was made in; what else was done to it, a link say, is of no wave or of one of its own."""
    return max((int(i.action.params["wave"]) for i in intents if i.action.kind in MAKING), default=0)


def _failed_before(scene: Scene) -> bool:
    known = {v.check: v for v in scene.progress.verdicts(scene.batch)}
    verdict: Verdict | None = known.get(leaving.CHECK)
    return verdict is not None and not verdict.passed
