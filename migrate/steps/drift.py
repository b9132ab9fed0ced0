"""Whether blue is still as this run wrote it to green, asked while blue is the source; read by steps and gates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from migrate import replay
from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Scene
from migrate.model.action import Action
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref
from migrate.replay import accepted, drift
from migrate.replay.parity import as_accepted
from migrate.steps.base import blue_decided
from migrate.steps.ledger import listed, read_ledger


def as_written(
    scene: Scene, blue: Inventory, decisions: replay.Decisions, green: Inventory
) -> replay.Decisions:
    """The decisions on blue, with the replicas that this run wrote where an autoscaler of blue decides."""
    return drift.as_written(decisions, green, _releases(scene), drift.autoscaled(blue))


def unchanged(
    scene: Scene, blue_now: Inventory | None = None, *, followed: bool = False, gone: Collection[Ref] = ()
) -> Action:
    """Record whether blue, read unless `blue_now` is it, is as it was replayed; what green lacks fails by name.

    Blue is `followed` as long as the next run brings over what has changed there. That what is to be off is `gone`
    already is as it should be.
    """
    found, total = _drift(scene, blue_now, gone)
    stays = as_accepted(drift.CHECK, found, total)
    return record(drift.CHECK, [drift.judged(accepted.opened(found), total, followed=followed), *stays])


def drift_lines(
    scene: Scene, blue_now: Inventory | None = None, *, gone: Collection[Ref] = ()
) -> Sequence[str]:
    """What has changed on blue since the replay, in lines for whoever approves; none where nothing has."""
    return listed("not on green as they are on blue now", _drift(scene, blue_now, gone)[0])


def written(scene: Scene) -> drift.Record:
    """What this run has written to green, by the journal."""
    return drift.recorded(scene.progress, _releases(scene))


def _drift(
    scene: Scene, blue_now: Inventory | None = None, gone: Collection[Ref] = ()
) -> tuple[Sequence[replay.Difference], int]:
    known = written(scene)
    blue, decisions = blue_decided(scene, blue_now)
    # what runs on green by itself, pods above all, is most of it and is held against nothing
    today = {(d.ref.group, d.ref.kind) for d in decisions if d.target is not None}
    green = read_inventory(scene.doors.green, only=concerned(known) | today, needed=False, at=decisions.at)
    decisions = as_written(scene, blue, decisions, green)
    found = drift.drift(decisions, known, blue=blue, green=green, key=scene.key)
    found = tuple(d for d in found if not (d.what == drift.GONE and d.ref in gone))
    return accepted.split(found, scene.migration.verify.accept), len(known)


def concerned(known: drift.Record) -> frozenset[tuple[str, str]]:
    """The kinds of what this run wrote."""
    return frozenset((ref.group, ref.kind) for ref in (*known.hashes, *known.merges, *known.releases))


def _releases(scene: Scene) -> Mapping[Ref, Object]:
    """How the ledger lets go of what is held or deferred."""
    return {held.ref: held.release for held in read_ledger(scene.progress).held}
