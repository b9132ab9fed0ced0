"""The write protocol, in one place: lease, intent, act, outcome; and what to do with what is in doubt."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from migrate.engine.events import Event, Tell
from migrate.engine.journal import Journal
from migrate.engine.lock import SharedLock
from migrate.engine.signals import Stop
from migrate.engine.step import Handler, SeesMany
from migrate.errors import (
    ClusterUnreachable,
    CnimigrateError,
    DoorError,
    FailedMidway,
    ForeignObject,
    OutcomeUnknown,
    PlanMismatch,
    Refused,
    StateNotWritable,
    StoppedAtBorder,
)
from migrate.model.action import BEGUN, Action, Observation, Outcome, OutcomeState, State
from migrate.model.entry import Draft, Entry, EntryKind
from migrate.model.ids import NO_BATCH, BatchName, StepId
from migrate.model.progress import Intent, Progress

ANEW = 3
"""Further intents for an act whose object changed between the look and the act."""

SLICE = 130
"""Acts whose intents are committed together; while they are under way, the next ones are intended and sent."""

AHEAD = 2
"""Slices that are sent beyond the one that is waited for: with one, the server has nothing to do whenever a sync is slow."""

UNTRIED = Outcome(OutcomeState.ABSENT, "not tried, as the run was to end with what was tried before it")
"""What the rest of a batch gets where an earlier slice of it ends the run; it was not intended, and is not journalled."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A slice of a batch that was intended and sent, with its outcomes to come."""

    actions: Sequence[Action]
    seqs: Sequence[int]
    pending: Iterable[Outcome]


class Acting:
    """Does batches of Actions under the journal's protocol; the one writer of a run."""

    def __init__(
        self,
        journal: Journal,
        progress: Progress,
        handlers: Mapping[str, Handler],
        lock: SharedLock,
        stop: Stop,
        tell: Tell,
    ) -> None:
        self.tell = tell
        self._journal = journal
        self._progress = progress
        self._handlers = handlers
        self._lock = lock
        self._stop = stop

    def border(self) -> None:
        """Stand at a safe border: nothing is open, so a signal may end the run here."""
        self.refresh()
        if self._stop.asked:
            message = f"stopped at a safe border ({self._stop.name}); nothing is half done"
            raise StoppedAtBorder(message, remedy="Run the same command to go on.")

    def refresh(self) -> None:
        """Take in what other terminals wrote: approvals, revocations, remarks."""
        last = self._progress.last.seq if self._progress.last else 0
        if self._journal.head()[0] > last:
            self._progress.feed(self._journal.entries(after=last))

    def keep_lease(self) -> None:
        """Renew the shared lock while nothing is done, as at a gate."""
        self._lock.renew(0.0, self._journal.head()[1])

    def write(self, drafts: Sequence[Draft]) -> Sequence[Entry]:
        """Commit entries and take them into the progress; a full or lost disk ends the run without a half act."""
        self.refresh()
        try:
            entries = self._journal.append(drafts)
        except StateNotWritable as error:
            if any(True for _ in self._progress.intents()):
                raise FailedMidway(error.message, remedy=error.remedy) from error
            raise
        last = self._progress.last.seq if self._progress.last else 0
        if entries and entries[0].seq != last + 1:
            self.refresh()  # another terminal wrote in between; what it said must not be passed over
        else:
            self._progress.feed(entries)
        return entries

    def do(
        self,
        batch: BatchName,
        step: StepId,
        actions: Sequence[Action],
        *,
        past_refusals: bool = False,
    ) -> Sequence[Outcome]:
        """Do one batch of Actions of one kind; outcomes in the same order, all of them known.

        What was stale when it was to be done is prepared and intended anew, a few times: its way back would not have
        fitted. Once something failed, no further slice is sent, and the rest is `UNTRIED`; with `past_refusals` an
        object's own refusal is no such failure. Raises OutcomeUnknown or ForeignObject where a person must look, FailedMidway where the other end was
        lost.
        """
        outcomes = self._once(batch, step, actions, past_refusals=past_refusals)
        for _ in range(ANEW):
            stale = [i for i, o in enumerate(outcomes) if o.facts.get("stale")]
            if not stale:
                break
            some = [actions[i] for i in stale]
            again = self._once(batch, step, some, past_refusals=past_refusals)
            for index, outcome in zip(stale, again, strict=True):
                outcomes[index] = outcome
        return outcomes

    def _once(
        self,
        batch: BatchName,
        step: StepId,
        actions: Sequence[Action],
        *,
        past_refusals: bool,
    ) -> list[Outcome]:
        """Prepare, intend, act and record one batch."""
        handler = self._handler(actions[0].kind)
        prepared = self._prepared(handler, actions)
        outcomes: list[Outcome] = []
        under_way: deque[_UnderWay] = deque()
        lost: DoorError | None = None
        failed = False
        try:
            for first in range(0, len(prepared), SLICE):
                if first and (lost is not None or failed or self._stop.asked):
                    break
                some = prepared[first : first + SLICE]
                try:
                    self._lock.renew(max(a.deadline for a in some), self._journal.head()[1])
                except DoorError as error:
                    lost = error
                    break
                seqs = self._intend(batch, step, some)
                under_way.append(_UnderWay(some, seqs, handler.act(some)))
                if len(under_way) > AHEAD:
                    known = len(outcomes)
                    lost = self._ended(handler, under_way.popleft(), outcomes)
                    failed = any(_ends(o, past_refusals=past_refusals) for o in islice(outcomes, known, None))
                    self._tell_progress(batch, step, len(outcomes), len(prepared))
            while under_way:
                lost = self._ended(handler, under_way.popleft(), outcomes) or lost
        except CnimigrateError:
            self._drain(handler, under_way, outcomes)
            raise
        if lost is not None:
            raise self.lost(lost) from lost
        self._refuse_unknown(prepared[: len(outcomes)], outcomes)
        untried = len(prepared) - len(outcomes)
        if untried and not failed:
            self.border()  # a signal was heard between two slices: this ends the run
        return [*outcomes, *[UNTRIED] * untried]

    def _drain(self, handler: Handler, under_way: deque[_UnderWay], outcomes: list[Outcome]) -> None:
        """Wait for what is under way although the run ends, and record what the journal still takes."""
        while under_way:
            with suppress(CnimigrateError):  # what ended the run is raised; the unrecorded stays in doubt
                self._ended(handler, under_way.popleft(), outcomes)

    def _ended(self, handler: Handler, acts: _UnderWay, outcomes: list[Outcome]) -> DoorError | None:
        """Wait for the outcomes of a slice, and record them; returns the error after which nothing can be seen."""
        found = list(acts.pending)
        lost = self._look_up(handler, acts.actions, found)
        self._record(zip(acts.seqs, found, strict=True))
        outcomes += found
        return lost

    def _tell_progress(self, batch: BatchName, step: StepId, done: int, of: int) -> None:
        """Say how far a batch is: behind a slow server one alone may take minutes."""
        told = f"{done} of {of} acts of this batch ended"
        self.tell(Event("acting", told, batch, step=step, fields={"ended": done, "of": of}))

    def settle(self) -> None:
        """Look at everything in doubt, and record what is found; raises where a person must decide."""
        doubtful = self._progress.in_doubt()
        if not doubtful:
            return
        fact = f"looking at {len(doubtful)} act{'s' if len(doubtful) != 1 else ''} in doubt"
        self.tell(Event("settling", fact, fields={"inDoubt": len(doubtful)}))
        for chunk in _by_kind(doubtful):
            handler = self._handler(chunk[0].action.kind)
            outcomes = self._look(handler, [intent.action for intent in chunk])
            self._record(zip([intent.seq for intent in chunk], outcomes, strict=True))
            self._refuse_unknown([intent.action for intent in chunk], outcomes)

    def _handler(self, kind: str) -> Handler:
        handler = self._handlers.get(kind)
        if handler is None:
            message = f"this release cannot do an action of kind {kind!r}"
            raise PlanMismatch(message, remedy="Go on with the release that began the run.")
        return handler

    def _prepared(self, handler: Handler, actions: Sequence[Action]) -> Sequence[Action]:
        try:
            return handler.prepare(actions)
        except DoorError as error:
            raise self.lost(error) from error

    def _intend(self, batch: BatchName, step: StepId, actions: Sequence[Action]) -> list[int]:
        drafts = []
        for action in actions:
            data: dict[str, object] = {"action": action.as_json(self._progress.beside(action.undoes))}
            if action.undoes:
                data["undoes"] = action.undoes
            drafts.append(Draft(EntryKind.INTENT, data, batch, step, action.key))
        return [entry.seq for entry in self.write(drafts)]

    def _record(self, ended: Iterable[tuple[int, Outcome]]) -> None:
        self.write(
            [
                Draft(
                    EntryKind.OUTCOME, {"intent": seq, "outcome": outcome.as_json()}, NO_BATCH, key=str(seq)
                )
                for seq, outcome in ended
            ]
        )

    @staticmethod
    def _look_up(handler: Handler, actions: Sequence[Action], outcomes: list[Outcome]) -> DoorError | None:
        """Decide unknown outcomes, in place, by looking; returns the error after which nothing more can be seen.

        Where looking is refused, and not lost, the outcome stays as the handler said it: a person must look.
        """
        for index, outcome in enumerate(outcomes):
            if outcome.state is not OutcomeState.UNKNOWN:
                continue
            if outcome.facts.get("foreign"):
                continue  # the handler has looked, and says more of it than a second look would
            try:
                outcomes[index] = settled(handler.observe(actions[index]), outcome.evidence)
            except Refused as error:
                if not outcome.evidence:
                    return error
            except DoorError as error:
                return error
        return None

    def _look(self, handler: Handler, actions: Sequence[Action]) -> list[Outcome]:
        """Decide acts in doubt by looking at the world; what cannot be seen leaves them in doubt."""
        try:
            if isinstance(handler, SeesMany):
                return [settled(seen) for seen in handler.observe_many(actions)]
            return [settled(handler.observe(action)) for action in actions]
        except DoorError as error:
            raise self.lost(error) from error

    def lost(self, error: DoorError) -> CnimigrateError:
        """What a door's failure outside an act ends the run with: 30 before the first act, 32 after it."""
        kind = FailedMidway if any(True for _ in self._progress.intents()) else ClusterUnreachable
        return kind(str(error), remedy="Mend it, then run the same command: it looks before it acts again.")

    @staticmethod
    def _refuse_unknown(actions: Sequence[Action], outcomes: Sequence[Outcome]) -> None:
        unknown = [(a, o) for a, o in zip(actions, outcomes, strict=True) if o.state is OutcomeState.UNKNOWN]
        if not unknown:
            return
        action, outcome = unknown[0]
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        kind = ForeignObject if outcome.facts.get("foreign") else OutcomeUnknown
        raise kind(
            f"{outcome.evidence}{more}",
            remedy=outcome.remedy
            or f'Look at it, then: cnimigrate resolve "{action.key}" --as done|absent --reason TEXT',
        )


def settled(seen: Observation, said: str = "") -> Outcome:
    """Turn what was observed of an act in doubt into its outcome; what is begun may be done again whole.

    `said` is why it was in doubt, in the door's words, where they are known.
    """
    evidence = f"{seen.evidence}, after {said}" if said else seen.evidence
    match seen.state:
        case State.DONE:
            return Outcome(OutcomeState.ADOPTED, evidence)
        case State.ABSENT:
            return Outcome(OutcomeState.ABSENT, evidence)
        case State.PARTIAL:
            return Outcome(OutcomeState.ABSENT, evidence, facts={BEGUN: True})
        case State.FOREIGN:
            return Outcome(OutcomeState.UNKNOWN, evidence, facts={"foreign": True})


def _ends(outcome: Outcome, *, past_refusals: bool) -> bool:
    """Whether an outcome keeps the rest of its batch from being sent; what was stale is tried again by itself."""
    passed_over = outcome.facts.get("stale") or (past_refusals and outcome.refused)
    return not outcome.stands and not passed_over


def _by_kind(intents: Sequence[Intent]) -> list[list[Intent]]:
    chunks: list[list[Intent]] = []
    for intent in intents:
        if chunks and chunks[-1][0].action.kind == intent.action.kind:
            chunks[-1].append(intent)
        else:
            chunks.append([intent])
    return chunks
