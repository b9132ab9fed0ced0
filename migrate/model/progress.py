"""What the journal adds up to: which steps are done, which intents stand, what is in doubt, which gates are open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from migrate.errors import PlanMismatch
from migrate.model.action import BEGUN, Action, Outcome, OutcomeState
from migrate.model.entry import Entry, EntryKind
from migrate.model.ids import ActionKey, BatchName, RunId, StepId
from migrate.model.plan import Plan
from migrate.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Intent:
    """One intended act and what became of it; without an outcome it is in doubt.

    `undoes` is the number of the intent that this one takes back, 0 for a forward one; `undone` is True once such an
    undo stands, and `going` once one was begun: nothing is to build on it any more, and it is still to be taken back.
    `together` is the number of the first intent of its batch: what was intended as one was independent.
    """

    seq: int
    at: str
    batch: BatchName
    step: StepId
    action: Action
    undoes: int = 0
    outcome: Outcome | None = None
    ended: str = ""
    undone: bool = False
    going: bool = False
    together: int = 0

    @property
    def in_doubt(self) -> bool:
        """Whether nobody knows how it ended."""
        return self.outcome is None or self.outcome.state is OutcomeState.UNKNOWN

    @property
    def stands(self) -> bool:
        """Whether its effect stands in the world."""
        return not self.undone and self.outcome is not None and self.outcome.stands


@dataclass(frozen=True, slots=True)
class GateEvent:
    """What happened at a gate: `event` is reached, approved, revoked or passed; `data` as journalled."""

    at: str
    gate: str
    event: str
    data: Mapping[str, Any]


class Progress:
    """The journal, folded.

    The one value of the model that grows in place: a big run has a hundred thousand entries, and copying the tables
    at each would take hours. Only the engine feeds it; everybody else reads.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.run = RunId("")
        self.migration = ""
        self.began = ""
        self.plan: Plan | None = None
        self.gates: list[GateEvent] = []
        self.remarks: list[Entry] = []
        self.runners: list[Entry] = []
        self.steps_done: dict[tuple[BatchName, StepId], str] = {}
        self.again: dict[tuple[BatchName, StepId], Entry] = {}
        self.last: Entry | None = None
        self._intents: dict[int, Intent] = {}
        self._latest: dict[ActionKey, int] = {}
        self._attempts: dict[ActionKey, int] = {}
        self._open: dict[int, None] = {}
        self.feed(entries)

    def feed(self, entries: Iterable[Entry]) -> None:
        """Take in further entries, in their order; raises PlanMismatch for one that another release wrote."""
        for entry in entries:
            try:
                self._take(entry)
            except (KeyError, TypeError, ValueError) as error:
                # a phase or a state of another release; to pass over it would take what it guards for done
                message = f"entry {entry.seq} of the journal says what this release does not know: {error}"
                raise PlanMismatch(message, remedy="Go on with the release that began the run.") from error
            self.last = entry

    def _take(self, entry: Entry) -> None:
        match entry.kind:
            case EntryKind.INTENT:
                self._intent(entry)
            case EntryKind.OUTCOME:
                self._outcome(entry)
            case EntryKind.STEP:
                self._step(entry)
            case EntryKind.GATE:
                self.gates.append(GateEvent(entry.at, entry.key, str(entry.data["event"]), entry.data))
            case EntryKind.REVISION:
                self.plan = Plan.of_json(entry.data["plan"])
            case EntryKind.RUN:
                self.run, self.migration = RunId(entry.data["run"]), entry.data["migration"]
                self.began = entry.at
            case EntryKind.REMARK:
                self.remarks.append(entry)
            case EntryKind.RUNNER:
                self.runners.append(entry)

    def _intent(self, entry: Entry) -> None:
        undoes = int(entry.data.get("undoes", 0))
        action = Action.of_json(entry.data["action"], self.beside(undoes))
        # neighbours are of one batch, and so independent: its slices overlap, while between two batches stand outcomes
        # of the first, or the next runner's coming; what parts slices of one batch only parts them on the way back
        before = self._intents.get(entry.seq - 1)
        together = before.together if before is not None else entry.seq
        intent = Intent(
            entry.seq,
            entry.at,
            entry.batch,
            entry.step,
            action,
            undoes,
            together=together,
        )
        self._intents[entry.seq] = intent
        self._open[entry.seq] = None
        if not intent.undoes:
            self._latest[action.key] = entry.seq
            self._attempts[action.key] = self._attempts.get(action.key, 0) + 1

    def _outcome(self, entry: Entry) -> None:
        seq = int(entry.data["intent"])
        outcome = Outcome.of_json(entry.data["outcome"])
        intent = replace(self._intents[seq], outcome=outcome, ended=entry.at)
        self._intents[seq] = intent
        if not intent.in_doubt:
            self._open.pop(seq, None)
        if intent.undoes and outcome.stands:
            self._intents[intent.undoes] = replace(self._intents[intent.undoes], undone=True)
        elif intent.undoes and outcome.facts.get(BEGUN):
            self._intents[intent.undoes] = replace(self._intents[intent.undoes], going=True)

    def _step(self, entry: Entry) -> None:
        place = (entry.batch, entry.step)
        if entry.data["state"] == "done":
            self.steps_done[place] = entry.at
        else:
            self.steps_done.pop(place, None)
        if entry.data["state"] == "again":
            self.again[place] = entry
        elif entry.data["state"] != "done":
            self.again.pop(place, None)
        if entry.data["state"] == "undone":
            # what had no way back, such as a wait or a verdict, went with the step
            for seq, intent in self._intents.items():
                if (intent.batch, intent.step) == place and not intent.undoes:
                    self._intents[seq] = replace(intent, undone=True)

    def intents(self) -> Iterator[Intent]:
        """Every intent in the order of the journal."""
        yield from self._intents.values()

    def in_doubt(self) -> tuple[Intent, ...]:
        """Intents without a known outcome, in the order of the journal."""
        return tuple(self._intents[seq] for seq in self._open)

    def beside(self, undoes: int) -> Mapping[str, Any]:
        """The parameters beside which an act is journalled: of the inverse in the intent that it undoes; none for 0."""
        inverse = self._intents[undoes].action.inverse if undoes else None
        return inverse.params if inverse is not None else {}

    def of_key(self, key: str) -> Intent | None:
        """The latest forward intent of a key."""
        seq = self._latest.get(ActionKey(key))
        return self._intents[seq] if seq is not None else None

    def stands(self, key: str) -> bool:
        """Whether the latest intent of a key has its effect standing in the world, and not on its way out."""
        intent = self.of_key(key)
        return intent is not None and intent.stands and not intent.going

    def recorded(self, name: str) -> Mapping[str, Any]:
        """The facts of the latest record of that name, as the step wrote them; empty where none stands."""
        intent = self.of_key(f"record {name}")
        facts: Mapping[str, Any] = (
            intent.action.params["facts"] if intent is not None and intent.stands else {}
        )
        return facts

    def vouched(self, key: str) -> bool:
        """Whether the last that a person said of an act in doubt (`resolve`) is that it is done."""
        said = [r.data for r in self.remarks if r.data.get("what") == "resolve" and r.data.get("key") == key]
        return bool(said) and said[-1].get("as_") == "done"

    def weights(self) -> dict[str, int]:
        """Where the run last put each route, in percent on green."""
        return {
            str(i.action.params["route"]): int(i.action.params["green"])
            for i in self.intents()
            if i.action.kind == "weight" and i.outcome is not None and i.outcome.stands
        }

    def attempts(self, key: str) -> int:
        """How often an Action of that key was intended."""
        return self._attempts.get(ActionKey(key), 0)

    def effects(self) -> Iterator[Intent]:
        """The forward intents whose effects stand, in the order of the journal."""
        return (intent for intent in self._intents.values() if intent.stands and not intent.undoes)

    def standing(self, batch: BatchName, step: StepId) -> Iterator[Intent]:
        """Those of one step."""
        return (intent for intent in self.effects() if (intent.batch, intent.step) == (batch, step))

    def since_again(self, batch: BatchName, step: StepId) -> Iterator[Intent]:
        """What a step has done since it was last opened again, acts back among it; nothing where it never was."""
        opened = self.again.get((batch, step))
        for intent in reversed(self._intents.values()):
            if opened is None or intent.seq < opened.seq:
                return
            if (intent.batch, intent.step) == (batch, step):
                yield intent

    def done(self, batch: BatchName, step: StepId) -> bool:
        """Whether a step is done."""
        return (batch, step) in self.steps_done

    def verdicts(self, batch: BatchName) -> tuple[Verdict, ...]:
        """The latest verdicts of a batch and of the phases that happen once, one a check, by name."""
        found: dict[str, Verdict] = {}
        for intent in self._intents.values():
            if intent.batch in {batch, BatchName("")} and intent.outcome is not None and not intent.undone:
                found.update({v.check: v for v in intent.outcome.verdicts})
        return tuple(found[check] for check in sorted(found))

    def gate_events(self, gate: str) -> tuple[GateEvent, ...]:
        """What happened at one gate, in order; `gate` is "batch/name"."""
        return tuple(event for event in self.gates if event.gate == gate)
