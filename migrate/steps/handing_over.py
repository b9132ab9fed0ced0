"""Hand the data of claims over, while the writers that mount them are off on blue and not yet on on green."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from migrate.actions.copying import copying, copying_key
from migrate.actions.create import creation_key
from migrate.actions.engaging import engage, engage_key
from migrate.actions.merging import stands
from migrate.actions.patch import patch
from migrate.actions.retain import POLICY
from migrate.actions.wait import wait
from migrate.doors.mover import Phase as CopyPhase
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.ids import Side
from migrate.model.migration import seconds
from migrate.model.objects import Object, Ref, ref_of
from migrate.model.reasons import Why
from migrate.replay import kinds
from migrate.replay.brought import may_bring
from migrate.replay.handover import COPY, REATTACH, Handover, volumes_to_keep
from migrate.replay.storage import data_of
from migrate.steps.afresh import Source, make
from migrate.steps.base import patches
from migrate.steps.ledger import Held, read_ledger

_READ = (kinds.PERSISTENT_VOLUME, kinds.CLAIM, kinds.NAMESPACE, ("", "Node"))


def kept_on_blue(scene: Scene) -> Batches:
    """Set blue's volumes that green will take over, or have as well, to Retain, with the prior policy as the way back."""
    said = any(data.as_ == REATTACH for data in scene.migration.workloads.volumes)
    if not said and not may_bring(scene.migration):
        return
    blue = read_inventory(scene.doors.blue, only=_READ)
    yield from patches(scene, _keeps(volumes_to_keep(blue, scene.migration)))


def copied_warm(scene: Scene) -> Batches:
    """Copy once what will be copied again while its writers are off: then only what came since is left to copy."""
    for volume in read_ledger(scene.progress).volumes:
        if volume.how == COPY:
            yield from _copied(scene, volume, "warm")


def hand_over(scene: Scene, volumes: Sequence[Handover], source: Source) -> Batches:
    """Bring the data of claims to green; the caller has put to rest what mounts them on blue."""
    yield from _take_over(scene, [v for v in volumes if v.how == REATTACH], source)
    copies = [v for v in volumes if v.how == COPY]
    left = [v for v in copies if not scene.progress.stands(copying_key(v.claim, "final"))]
    if left:
        what = f"{_named(left)} to be used by nobody on blue"
        yield [_wait("claims-unused", what, seconds(scene.migration.verify.budget), Side.BLUE, left)]
    for volume in left:
        yield from _copied(scene, volume, "final")


def _take_over(scene: Scene, taken: Sequence[Handover], source: Source) -> Batches:
    """Fence each volume on blue, then make it and its claim on green, and see them bound.

    The way back passes here between green's users going off and blue's coming on: green lets go before its objects go,
    and its volume, which is kept, leaves the data where it is.
    """
    if not taken:
        return
    deadline, names = seconds(scene.migration.verify.budget), _named(taken)
    fresh = [v for v in taken if not scene.progress.stands(creation_key(v.claim))]
    if fresh:
        yield from kept_on_blue(scene)
        yield [_wait("volumes-free", f"{_named(fresh)} to be let go of on blue", deadline, Side.BLUE, fresh)]
        yield from make(scene, [v.volume for v in fresh], source)
        yield from make(scene, [v.claim for v in fresh], source)
    back = _wait("volumes-free", f"{names} to be let go of on green", deadline, Side.GREEN, taken)
    bound = _wait(
        "volumes-bound", f"{names} to be bound on green", deadline, Side.GREEN, taken, failureEnds=True
    )
    yield [replace(bound, inverse=back)]


def _copied(scene: Scene, volume: Handover, phase: CopyPhase) -> Batches:
    """One pass over one claim, a batch of its own: the lease must last for each."""
    key = copying_key(volume.claim, phase)
    if not scene.progress.stands(key):
        data = data_of(scene.migration, volume.claim)
        spec = data.mover if data is not None else None
        attempt = scene.progress.attempts(key) + 1
        deadline = seconds(spec.deadline) if spec is not None else 0.0
        if not scene.progress.stands(engage_key(volume.claim, phase)):
            yield [engage(volume.claim, phase)]
        yield [copying(volume.claim, phase, attempt=attempt, deadline=deadline)]


def unmounted(volumes: Iterable[Handover]) -> list[Handover]:
    """What nothing in the ledger mounts: an operator's pods do, or nobody's; it is there before any writer starts."""
    return [v for v in volumes if not v.users]


def of_users(volumes: Iterable[Handover], users: Collection[Ref]) -> list[Handover]:
    """What some of these mount."""
    return [v for v in volumes if any(user in users for user in v.users)]


def parties(group: Sequence[Held], volumes: Sequence[Handover], size: int) -> Iterator[list[Held]]:
    """Cut a group into parties of about `size`: who shares a claim moves together, else one would wait for the other."""
    party: list[Held] = []
    left = {held.ref: held for held in group}
    for held in group:
        if held.ref not in left:
            continue
        together = [left.pop(ref) for ref in sorted(_sharing(held.ref, volumes) & left.keys())]
        if party and len(party) + len(together) > size:
            yield party
            party = []
        party += together
    if party:
        yield party


def _sharing(ref: Ref, volumes: Sequence[Handover]) -> set[Ref]:
    """Who has to be off when one is, because they mount one claim, or are linked by others that do."""
    found, open_ = {ref}, [ref]
    while open_:
        one = open_.pop()
        more = {user for v in volumes if one in v.users for user in v.users} - found
        found |= more
        open_ += more
    return found


def _keeps(volumes: Iterable[Object]) -> Iterator[tuple[Action, Object]]:
    for volume in volumes:
        if not stands(volume, POLICY):
            yield patch(Side.BLUE, ref_of(volume), POLICY, why=Why.KEEP, gone_is_fine=True), volume


def _wait(
    condition: str, what: str, deadline: float, side: Side, taken: Sequence[Handover], **more: Any
) -> Action:
    pairs: list[dict[str, Any]] = [{"claim": v.claim.as_json(), "volume": v.volume.as_json()} for v in taken]
    return wait(condition, what, deadline, side=side.value, claims=pairs, **more)


def _named(volumes: Sequence[Handover]) -> str:
    return ", ".join(str(v.claim) for v in volumes[:2]) + (" …" if len(volumes) > 2 else "")
