"""What the next run would bring over: the replay is asked as a run asks it, and nothing of its answer is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.actions.create import creation_key
from migrate.engine.step import Scene
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.model.verdict import Verdict
from migrate.replay.drift import CHANGED, NEW
from migrate.replay.parity import MISSING
from migrate.steps.drift import written
from migrate.steps.ledger import LEDGER, ledger_of, read_ledger
from migrate.steps.removing import BECAUSE, START
from migrate.steps.replay_objects import ReplayObjects

CREATE, CHANGE, DELETE, LET_GO, REST = "create", "change", "delete", "start", "rest"

ACTS = {"create": CREATE, "apply": CHANGE, "patch": CHANGE, "delete": DELETE}


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
    stops = [
        verdict
        for action in actions
        if action.kind == "record"
        for verdict in map(Verdict.of_json, action.params["verdicts"])
        if not verdict.passed
    ]
    known = written(scene).hashes
    changes = [c for action in actions if (c := _change(scene, action, known)) is not None]
    changes += [
        c for action in actions if action.key == f"record {LEDGER}" for c in _startable(scene, action)
    ]
    return Upcoming(tuple(changes), tuple(stops))


def _yielded(scene: Scene) -> Iterator[Action]:
    batches = ReplayObjects().batches(scene)
    batch = next(batches, None)
    while batch is not None:
        yield from batch
        try:
            batch = batches.send([Outcome(OutcomeState.DONE)] * len(batch))
        except StopIteration:
            return


def _change(scene: Scene, action: Action, known: Mapping[Ref, str]) -> Change | None:
    params = action.params
    if action.kind not in ACTS or params.get("side") != Side.GREEN:
        return None
    ref = Ref.of_json(params["ref"])
    made = scene.progress.of_key(creation_key(ref))
    wave = int(params.get("wave", made.action.params["wave"] if made is not None else 0))
    match action.kind, params.get("why"):
        case "create", _:
            return Change(CREATE, ref, MISSING if ref in known else NEW, wave)
        case "patch", why if why == f"undo {START}":
            return Change(REST, ref, "may not run on both sides any more", wave)
        case _:
            return Change(ACTS[action.kind], ref, str(params.get(BECAUSE, CHANGED)), wave)


def _startable(scene: Scene, action: Action) -> Iterator[Change]:
    """What may be started by the ledger that would be written, and not by the one that was."""
    before = {held.ref for held in read_ledger(scene.progress).before_cutover}
    for held in ledger_of(action.params["facts"]).before_cutover:
        if held.ref not in before:
            yield Change(LET_GO, held.ref, "may run on both sides, once before-start is open")
