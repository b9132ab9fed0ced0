"""Walk done steps backwards: each standing intent's inverse, last wave first, as acts with intents of their own.

Nothing but the journal is needed: the inverse was computed with the prior value and written into the intent.
Inside a wave the newest goes first, batch by batch as they were done: so ranks go backwards, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from migrate.engine.acting import Acting
from migrate.engine.events import Event
from migrate.engine.gates import gate_id
from migrate.errors import CheckFailed, Stopped
from migrate.model.action import Action, Outcome
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import ActionKey, Phase
from migrate.model.plan import Plan, PlannedStep
from migrate.model.progress import Intent, Progress

CHUNK = 200
"""Acts a batch; a signal is heard between two batches."""

LOOKS = 3
"""Looks for what must be secured before a step is gone back over: what is bound meanwhile is seen by the next."""

Securing = Callable[[Sequence[Action]], Sequence[Action]]
"""What must stand before some acts back are done, and does not yet, as Actions; it looks at the world."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """What a rollback would do: the steps in backward order, and the points of no return among them."""

    steps: tuple[tuple[PlannedStep, tuple[Intent, ...]], ...]

    @property
    def acts(self) -> int:
        """How many acts would be taken back."""
        return sum(1 for _, intents in self.steps for i in intents if i.action.inverse is not None)

    @property
    def one_way(self) -> tuple[PlannedStep, ...]:
        """Steps on the way that cannot be gone back over without losing data."""
        return tuple(planned for planned, intents in self.steps if planned.one_way and intents)


def way_back(plan: Plan, progress: Progress, to: Phase | None) -> WayBack:
    """Find what to take back so that the run stands at the end of phase `to`; None takes everything back."""
    order = list(Phase)
    keep = order.index(to) if to is not None else -1
    found = []
    for planned in reversed(plan.steps):
        intents = tuple(progress.standing(planned.batch, planned.step))
        begun = intents or progress.done(planned.batch, planned.step)
        if order.index(planned.phase) > keep and begun:
            found.append((planned, _backwards(intents)))
    return WayBack(tuple(found))


def _backwards(intents: Sequence[Intent]) -> tuple[Intent, ...]:
    """Last wave first, and in a wave newest first.

    The journal's order alone would not do: what a resumed replay adds to an early wave, a policy say, is newer than the
    pods of a late one. An act that names no wave was done in that of the act before it; one that names a rank goes back by
    that, and the acts behind it were not done in it.
    """
    waves: list[tuple[int, int]] = []
    wave = 0
    for intent in intents:
        params = intent.action.params
        wave = int(params.get("wave", wave))
        waves.append((int(params.get("rank", wave)), intent.seq))
    by_seq = {intent.seq: intent for intent in intents}
    return tuple(by_seq[seq] for _, seq in sorted(waves, reverse=True))


def roll_back(
    way: WayBack,
    acting: Acting,
    plan: Plan,
    *,
    accept_data_loss: bool,
    guard: Callable[[PlannedStep], None] = lambda _: None,
    securing: Securing = lambda _: (),
) -> None:
    """Take back what `way` names; raises Stopped before a point of no return unless the loss is accepted.

    `guard` is asked before each step is gone back over, and raises where that would do harm. What `securing` names for
    a step's acts back stands before the first of them; it is not taken back itself.
    """
    acting.settle()
    if way.one_way and not accept_data_loss:
        step = way.one_way[0]
        message = f"going back over {step.step} loses data: {step.one_way}"
        raise Stopped(message, remedy="If that is what you want: cnimigrate rollback --accept-data-loss")
    for planned, intents in way.steps:
        guard(planned)
        acting.tell(
            Event("undo-began", f"back over {planned.title}", planned.batch, planned.phase, planned.step)
        )
        # from the first act back the step is done no longer: a run that goes forward from here does it again
        drafts = [Draft(EntryKind.STEP, {"state": "undoing"}, planned.batch, planned.step)]
        if planned.gate:
            # what was approved is being taken back; going forward again asks again
            gone = {"event": "revoked", "fingerprint": plan.fingerprint, "verdicts": "", "by": "rollback"}
            drafts.append(Draft(EntryKind.GATE, gone, key=gate_id(planned.batch, planned.gate)))
        acting.write(drafts)
        _secure(planned, intents, acting, securing)
        for chunk in _chunks(intents):
            acting.border()
            _take_back(planned, chunk, acting)
        acting.write([Draft(EntryKind.STEP, {"state": "undone"}, planned.batch, planned.step)])


def _secure(planned: PlannedStep, intents: Sequence[Intent], acting: Acting, securing: Securing) -> None:
    """Do what must stand before the acts back, and look whether it does."""
    inverses = [i.action.inverse for i in intents if i.action.inverse is not None]
    for _ in range(LOOKS):
        wanted = securing(inverses)
        if not wanted:
            return
        acting.border()
        outcomes = acting.do(planned.batch, planned.step, wanted)
        for outcome in outcomes:
            acting.tell(Event("secured", outcome.evidence, planned.batch, planned.phase, planned.step))
        _insist(planned, wanted, outcomes)
    message = f"going back over {planned.title}: {wanted[0].key} does not last"
    raise CheckFailed(
        message, remedy="Something sets it back; stop that, then run cnimigrate rollback again."
    )


def _insist(planned: PlannedStep, actions: Sequence[Action], outcomes: Sequence[Outcome]) -> None:
    for action, outcome in zip(actions, outcomes, strict=True):
        if not outcome.stands:
            message = f"going back over {planned.title}: {outcome.evidence or action.key}"
            raise CheckFailed(
                message, remedy=outcome.remedy or "Mend it, then run cnimigrate rollback again."
            )


def taken_back(intents: Iterable[Intent]) -> Iterator[Sequence[Action]]:
    """The acts that take standing intents back, in batches, last wave first; what has no way back is passed over."""
    for chunk in _chunks([i for i in _backwards(tuple(intents)) if i.action.inverse is not None]):
        yield [action for intent in chunk if (action := _inverse(intent)) is not None]


def _inverse(intent: Intent) -> Action | None:
    inverse = intent.action.inverse
    if inverse is None:
        return None
    key = ActionKey(f"undo:{intent.seq}:{inverse.key}")
    return replace(inverse, key=key, inverse=None, undoes=intent.seq)


def _take_back(planned: PlannedStep, intents: Sequence[Intent], acting: Acting) -> None:
    actions = [action for intent in intents if (action := _inverse(intent)) is not None]
    if not actions:
        return
    outcomes = acting.do(planned.batch, planned.step, actions)
    acting.border()  # a wait that a signal cut short did not fail
    _insist(planned, actions, outcomes)


def _chunks(intents: Sequence[Intent]) -> Iterator[list[Intent]]:
    """Group neighbours that were done as one batch and whose inverses are of one kind, at most CHUNK together."""
    chunk: list[Intent] = []
    kind = ""
    for intent in intents:
        inverse: Action | None = intent.action.inverse
        this = inverse.kind if inverse else kind
        alike = bool(chunk) and this == kind and intent.together == chunk[0].together
        if chunk and (not alike or len(chunk) >= CHUNK):
            yield chunk
            chunk = []
        chunk.append(intent)
        kind = this
    if chunk:
        yield chunk
