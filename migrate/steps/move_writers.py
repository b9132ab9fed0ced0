"""Move what must not run twice: blue's off and its pods gone, then green's on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from migrate.actions.conditions.workloads import ENDED, READ
from migrate.actions.count import count_from_now
from migrate.actions.create import creation_key
from migrate.actions.patch import patch
from migrate.actions.record import record
from migrate.actions.wait import wait
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action, OutcomeState
from migrate.model.decision import Form
from migrate.model.ids import Phase, Side, StepId
from migrate.model.migration import seconds
from migrate.model.objects import Object, Ref, dig, end_of_job
from migrate.model.verdict import passed
from migrate.replay import kinds
from migrate.replay.missed import missed, told, unread
from migrate.replay.runs import RUNS, end_of_run
from migrate.steps.afresh import Source, make
from migrate.steps.at_stake import no_claim_ends
from migrate.steps.base import BaseStep
from migrate.steps.canaries import tried_before_blue_rests
from migrate.steps.drift import drift_lines, unchanged
from migrate.steps.handing_over import hand_over, of_users, parties, unmounted
from migrate.steps.ledger import Held, listed, read_ledger
from migrate.steps.letting_go import by_hand_lines, gone_by_hand, let_go, named
from migrate.steps.linking import linked_late
from migrate.steps.parents import move_parents, resting_lines
from migrate.steps.reading_back import read_back
from migrate.steps.start_serving import wait_ready
from migrate.steps.waking import woken

RELEASE = "release"
"""Why something held is let go at the cutover."""

REST = "rest"
"""Why blue's twin is patched; what it was is written into it, for whoever has no journal."""

ONCE = RUNS | {kinds.JOB, kinds.POD}
"""What does its work once, and may have done it on blue before it is off there."""

TOGETHER = 10
"""Twins moved at a time: each is off for as long as the slowest of its group takes to stop."""


class MoveWriters(BaseStep):
    """Turn blue's exclusive workloads off, prove it, and turn green's on; CronJobs are made afresh."""

    id: ClassVar[StepId] = StepId("cutover.writers")
    phase: ClassVar[Phase] = Phase.CUTOVER
    title: ClassVar[str] = "move what must not run twice: off on blue, then on on green"
    undo: ClassVar[str] = "green's off, then blue's on"
    one_way: ClassVar[str] = "what green's writers wrote since is not on blue"

    def batches(self, scene: Scene) -> Batches:
        """Put to rest on blue what would act against the move, then move group after group; never the same twice.

        While blue is still whole it is held against what was replayed: once its writers are off it is no source any
        more, and what green lacks then would be lost. Green has to take the pods as well, as it stands today.
        """
        ledger = read_ledger(scene.progress)
        moving, first = ledger.moving(), (*ledger.tended(), *ledger.off_first())
        source = _source(scene, moving)
        touched = [*first, *(held for group in moving for held in group)]
        if touched and not any(_begun(scene, held) for held in touched):
            yield [unchanged(scene, gone=_by_hand(ledger.held))]
            yield from tried_before_blue_rests(
                scene, ledger, lambda: _source(scene, [*moving, *ledger.later()]).decided
            )
        left = [h for group in moving for h in group if not _moved(scene, h)]
        # what pauses an autoscaler, or asks a person to delete a Pod, ends the last user as well
        yield from no_claim_ends(scene, [h.ref for h in left if h.by_hand or _due(scene, h)])
        yield from gone_by_hand(scene, left)
        yield from _off(scene, first)
        source = _source(scene, moving)
        yield from hand_over(scene, unmounted(ledger.volumes), source)
        for group in moving:
            todo = [h for h in group if not _moved(scene, h)]
            if todo and ledger.of_parents(group):
                yield from move_parents(scene, group, ledger, source, _off, RELEASE)
            else:
                for party in parties(todo, ledger.volumes, TOGETHER):
                    yield from _move(scene, party, source)
            again = woken(scene, ledger.children) if ledger.of_parents(group) else []
            yield from wait_ready(scene, [*_awake(scene, group), *again], "moved workloads on green")
            yield from read_back(scene, group)
            yield from _tell_missed(scene, group, source)

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """What goes off on blue and on on green, and what that makes of the way back."""
        ledger = read_ledger(scene.progress)
        return [
            *drift_lines(scene, gone=_by_hand(ledger.held)),
            *listed(
                "must be deleted on blue, by you, before it goes on on green", by_hand_lines(ledger.held)
            ),
            *listed("goes off on blue at once, and on on green last of all", ledger.off_first()),
            *listed("goes off on blue, then on on green", ledger.writers()),
            *listed(
                "goes off on blue after who makes it, and is made again on green by that",
                resting_lines(ledger.children),
            ),
            *listed("handed over once nothing of blue uses it any more", ledger.volumes),
            *listed("then opens on green, so that switched routes can be asked", ledger.opening()),
            *_restored(scene),
            f"way back after this: cnimigrate rollback --accept-data-loss; {self.one_way}",
        ]


class ReleaseLate(BaseStep):
    """Release what only makes sense once the traffic is on green, turn by turn: what acts on others comes last."""

    id: ClassVar[StepId] = StepId("cutover.release")
    phase: ClassVar[Phase] = Phase.CUTOVER
    title: ClassVar[str] = "release what was held until the traffic had moved"
    undo: ClassVar[str] = "put them back to their dormant form"

    def batches(self, scene: Scene) -> Batches:
        """Release the rest of the ledger; blue's twin is proven off first, where there is one."""
        later = read_ledger(scene.progress).later()
        source = _source(scene, later)
        for group in later:
            todo = [h for h in group if not _moved(scene, h)]
            if todo:
                yield from _move(scene, todo, source)
            yield from wait_ready(scene, _awake(scene, group), "what was released last on green")
            yield from read_back(scene, group)
            yield from _tell_missed(scene, group, source)
        yield from linked_late(scene)


def _by_hand(group: Sequence[Held]) -> frozenset[Ref]:
    return frozenset(h.ref for h in group if h.by_hand)


def _source(scene: Scene, groups: Sequence[Sequence[Held]]) -> Source:
    return Source(
        scene,
        {
            *(h.ref for group in groups for h in group if h.form == Form.DEFERRED),
            *(ref for v in read_ledger(scene.progress).volumes for ref in (v.claim, v.volume)),
        },
    )


def _off(scene: Scene, group: Sequence[Held]) -> Batches:
    """Put blue's twins to rest, and wait until what runs pods has none: a pod that is being ended acts to its last."""
    twins = [h for h in group if h.rest_blue is not None]
    todo = [h for h in twins if _due(scene, h)]
    if todo:
        yield from no_claim_ends(scene, [h.ref for h in todo])
        yield [_rest(h) for h in todo]
    counting = [a for a in map(_counting, filter(_wakes, twins)) if not scene.progress.stands(a.key)]
    if counting:
        yield counting
    names, deadline = named(group), seconds(scene.migration.verify.budget)
    resting = [h for h in group if h.by_hand or (h.rest_blue is not None and h.ref[:2] in READ)]
    refs = [h.ref.as_json() for h in resting]
    if refs:
        # the way back passes here between green's going off and blue's coming on, and waits the other way round
        back = wait(
            "workloads-off", f"{names} to be off on green", deadline, side=Side.GREEN.value, refs=refs
        )
        off = wait("workloads-off", f"{names} to be off on blue", deadline, side=Side.BLUE.value, refs=refs)
        yield [replace(off, inverse=back)]
    yield from _freed(scene, [h for h in twins if h.ref[:2] == kinds.SERVICE])


def _freed(scene: Scene, services: Sequence[Held]) -> Batches:
    """Wait until addresses are free before green asks for them; on the way back, before blue does.

    Where who announces them moves as well it is at rest by now: nobody announces, and nobody would say so.
    """
    if not services or read_ledger(scene.progress).announced:
        return
    names, deadline = named(services), seconds(scene.migration.verify.budget)
    refs = [h.ref.as_json() for h in services]
    back = wait("addresses-freed", f"{names} to be free on green", deadline, side=Side.GREEN.value, refs=refs)
    free = wait("addresses-freed", f"{names} to be free on blue", deadline, side=Side.BLUE.value, refs=refs)
    yield [replace(free, inverse=back)]


def _move(scene: Scene, group: Sequence[Held], source: Source) -> Batches:
    yield from _off(scene, group)
    ended = _ended_on_blue(scene, [h for h in group if h.by_hand or h.rest_blue is not None])
    for ref, how in ended.items():
        yield [_left_at_rest(ref, how)]
    moving = [h for h in group if h.ref not in ended]
    volumes = of_users(read_ledger(scene.progress).volumes, {h.ref for h in moving})
    yield from hand_over(scene, volumes, source)
    yield from _release(scene, moving, source)


def _ended_on_blue(scene: Scene, twins: Sequence[Held]) -> Mapping[Ref, str]:
    """The Jobs, runs and Pods that had done their work on blue before they were off there, and how they ended.

    Asked once blue's are at rest, when none can end any more: on green they would do their work a second time.
    """
    once = [h.ref for h in twins if h.form == Form.HELD and h.ref[:2] in ONCE]
    if not once:
        return {}
    blue = read_inventory(scene.doors.blue, only={ref[:2] for ref in once})
    ended = {ref: (_end_of_pod if ref[:2] == kinds.POD else _end)(blue.find(ref)) for ref in once}
    return {ref: how for ref, how in ended.items() if how}


def _end(run: Object | None) -> str:
    """How a Job or a run ended; nothing where it has not. What its time to live took away has ended as well."""
    if run is None:
        return "is gone from blue"
    end = end_of_job(run) or end_of_run(run)
    return f"has ended on blue ({end})" if end else ""


def _end_of_pod(pod: Object | None) -> str:
    """How a Pod ended by itself; nothing of one that is gone, as whoever wants it to move deletes it."""
    phase = dig(pod, "status", "phase")
    return f"has ended on blue ({phase})" if phase in ENDED else ""


def _left_at_rest(ref: Ref, how: str = "") -> Action:
    rests = "suspended" if ref[:2] == kinds.JOB else "at rest"
    said = f"{ref} {how}, and stays {rests} on green: it would run a second time"
    return record(f"{ref} stays at rest", [passed(f"{ref} runs once", said)])


def _rest(held: Held) -> Action:
    return patch(Side.BLUE, held.ref, held.rest_blue or {}, why=REST, gone_is_fine=True, note=True)


def _due(scene: Scene, held: Held) -> bool:
    """Whether blue's twin is still to be put to rest."""
    return held.rest_blue is not None and not scene.progress.stands(_rest(held).key)


def _wakes(held: Held) -> bool:
    """Whether blue's is a CronJob that the way back wakes: one that slept before goes on sleeping."""
    return held.ref[:2] == kinds.CRON_JOB and not dig(held.prior, "spec", "suspend")


def _counting(held: Held) -> Action:
    """Nothing on the way there; on the way back blue's CronJob counts from now before it wakes, as green ran what was due."""
    said = f"{held.ref} sleeps on blue; on the way back it counts from the moment when it wakes"
    asleep = record(f"{held.ref} sleeps on blue", [passed(f"{held.ref} runs once", said)])
    return replace(asleep, inverse=count_from_now(Side.BLUE, held.ref))


def _release(scene: Scene, group: Sequence[Held], source: Source) -> Batches:
    held = [h for h in group if h.form == Form.HELD]
    deferred = [h for h in group if h.form == Form.DEFERRED]
    if held:
        yield [let_go(h, RELEASE) for h in held]
    if deferred:
        yield from make(scene, [h.ref for h in deferred], source)


def _restored(scene: Scene) -> Iterator[str]:
    """Whose data the operator has brought over by himself: between off and on nothing waits for it."""
    for data in scene.migration.workloads.volumes:
        if data.as_ == "restored":
            yield f"its data must be on green by now: claim {data.namespace}/{data.name} ({data.reason})"


def _awake(scene: Scene, group: Sequence[Held]) -> list[Ref]:
    """What was let go: what had ended on blue stays at rest, and will not be Ready."""
    return [h.ref for h in group if not scene.progress.stands(_left_at_rest(h.ref).key)]


def _tell_missed(scene: Scene, group: Sequence[Held], source: Source) -> Batches:
    """Name what CronJobs were due for between blue's last moment and green's first: neither side runs that."""
    crons = [h for h in group if (h.ref.group, h.ref.kind) == kinds.CRON_JOB]
    if not crons:
        return
    ended = {intent.action.key: intent for intent in scene.progress.effects()}
    records = []
    for held in crons:
        off, on = ended.get(_rest(held).key), ended.get(creation_key(held.ref))
        if off is None or on is None or on.outcome is None:
            continue
        # the journal's words, not the clock's: a run that is cut off here and goes on later says the same
        source_of = source.decided[0].find(held.ref) or {}
        # what was in doubt stood from its intent on, not from when somebody looked
        adopted = on.outcome.state is OutcomeState.ADOPTED
        since = datetime.fromisoformat(on.at if adopted else on.ended)
        times = missed(source_of, datetime.fromisoformat(off.at), since)
        words = told(source_of, times) if times else "; ".join(unread(source_of))
        if words:
            records.append(record(f"missed times of {held.ref}", [passed(f"{held.ref}", words)]))
    todo = [action for action in records if not scene.progress.stands(action.key)]
    if todo:
        yield todo


def _begun(scene: Scene, held: Held) -> bool:
    """Whether this run has touched it on either side."""
    return scene.progress.stands(_rest(held).key) or _moved(scene, held)


def _moved(scene: Scene, held: Held) -> bool:
    """Whether this run has released it, or left it at rest for good, and nobody took that back."""
    if held.form == Form.DEFERRED:
        return scene.progress.stands(creation_key(held.ref))
    return any(
        scene.progress.stands(action.key) for action in (let_go(held, RELEASE), _left_at_rest(held.ref))
    )
