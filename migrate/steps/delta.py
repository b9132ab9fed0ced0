"""What the next run would bring over: the replay is asked as a run asks it, and nothing of its answer is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.actions.adopt import adoption_key
from migrate.actions.create import creation_key
from migrate.engine.step import Scene
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.action_kinds import Delta, of_kind
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.model.reasons import Why, undoing
from migrate.model.verdict import Verdict
from migrate.replay import links
from migrate.replay.drift import CHANGED, NEW
from migrate.replay.parity import MISSING
from migrate.steps.drift import written
from migrate.steps.ledger import LEDGER, ledger_of, read_ledger
from migrate.steps.removing import BECAUSE, MAKING, SUPPOSED
from migrate.steps.replay_objects import ReplayObjects

LET_GO, REST = "start", "rest"
"""Acts on an object beside those that every kind of Action has; see `Delta`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object that green would get, get otherwise, or lose; `what` says what has happened to it on blue."""

    act: str
    ref: Ref
    what: str
    wave: int = 0

    def as_json(self) -> dict[str, Any]:
        """The change as JSON; it names the object and holds nothing of it."""
        return {
            "act": self.act,
            "object": str(self.ref),
            **self.ref.as_json(),
            "what": self.what,
            "wave": self.wave,
        }


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What the next run would change on green, and what would stop it first."""

    changes: Sequence[Change]
    stops: Sequence[Verdict] = ()


def upcoming(scene: Scene) -> Upcoming:
    """Ask the replay what it would do, and read it from the Actions; reads both clusters, writes nothing."""
    actions = list(_yielded(scene))
    # what would be linked is judged when it is: nothing of the answer was done
    linking = any(action.kind == "link" for action in actions)
    stops = [
        verdict
        for action in actions
        if action.kind == "record"
        for verdict in map(Verdict.of_json, action.params["verdicts"])
        if not verdict.passed and not (linking and verdict.check == links.CHECK)
    ]
    known = written(scene).hashes
    changes = list(_once([c for action in actions if (c := _change(scene, action, known)) is not None]))
    changes += [
        c for action in actions if action.key == f"record {LEDGER}" for c in _startable(scene, action)
    ]
    return Upcoming(tuple(changes), tuple(stops))


def _yielded(scene: Scene) -> Iterator[Action]:
    supposed = Outcome(OutcomeState.DONE, facts={SUPPOSED: True})
    batches = ReplayObjects().batches(scene)
    batch = next(batches, None)
    while batch is not None:
        yield from batch
        try:
            batch = batches.send([supposed] * len(batch))
        except StopIteration:
            return


def _change(scene: Scene, action: Action, known: Mapping[Ref, str]) -> Change | None:
    params, kind = action.params, of_kind(action.kind)
    if kind.delta is None or params.get("side", Side.GREEN) != Side.GREEN:
        return None
    ref = Ref.of_json(params["ref"] if "ref" in params else params["claim"])
    act = kind.delta.value
    undone = params.get("why") == undoing(Why.START)
    if undone or (action.kind == "delete" and BECAUSE not in params):  # a Pod rests by its end
        act, what = REST, "may not run on both sides any more"
    elif action.kind in MAKING:
        what = (MISSING if action.kind == "create" else CHANGED) if ref in known else NEW
    else:
        what = str(params.get(BECAUSE, kind.because or CHANGED))
    return Change(act, ref, what, int(params.get("wave", _wave(scene, ref))))


def _wave(scene: Scene, ref: Ref) -> int:
    """The wave that an object was made in, 0 where this run did not make it."""
    made = map(scene.progress.of_key, (creation_key(ref), adoption_key(ref)))
    return max((int(intent.action.params["wave"]) for intent in made if intent is not None), default=0)


def _once(changes: Sequence[Change]) -> Iterator[Change]:
    """An object that would be created or deleted is not changed beside, and one is changed once."""
    seen = {c.ref for c in changes if c.act in {Delta.CREATED.value, Delta.DELETED.value}}
    for change in changes:
        if change.act == Delta.CHANGED.value:
            if change.ref in seen:
                continue
            seen.add(change.ref)
        yield change


def _startable(scene: Scene, action: Action) -> Iterator[Change]:
    """What may be started by the ledger that would be written, and not by the one that was."""
    before = {held.ref for held in read_ledger(scene.progress).before_cutover}
    for held in ledger_of(action.params["facts"]).before_cutover:
        if held.ref not in before:
            yield Change(LET_GO, held.ref, "may run on both sides, once before-start is open")
