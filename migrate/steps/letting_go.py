"""How what is held is let go on green, and what a person has to take away on blue before.

A Pod's scheduling gate can be taken away and never put back, and a Pod that nobody controls cannot be scaled down: so
the way back of its start is its end, and on blue it goes only by the hand of whoever wants it to move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from migrate.actions.delete import delete
from migrate.actions.patch import patch
from migrate.actions.wait import wait
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.ids import Side
from migrate.model.migration import seconds
from migrate.replay import kinds
from migrate.steps.ledger import Held


def let_go(held: Held, why: str) -> Action:
    """Release a held object; a Pod's way back deletes it, and the next replay writes it anew, held."""
    release = patch(Side.GREEN, held.ref, held.release, why=why)
    if held.ref[:2] != kinds.POD:
        return release
    return replace(release, inverse=delete(Side.GREEN, held.ref, ours=True))


def gone_by_hand(scene: Scene, group: Iterable[Held]) -> Batches:
    """Wait for the Pods that a person deletes on blue, before anything else is put to rest for them to wait for."""
    pods = [held for held in group if held.by_hand]
    if pods:
        what = f"{named(pods)} to be deleted on blue, by you"
        refs = [held.ref.as_json() for held in pods]
        deadline = seconds(scene.migration.verify.budget)
        yield [wait("workloads-off", what, deadline, side=Side.BLUE.value, refs=refs)]


def by_hand_lines(group: Iterable[Held]) -> Sequence[str]:
    """What whoever approves has to do on blue, Pod by Pod."""
    return [
        f"{held.ref}: keep its manifest for the way back, then on blue "
        f"kubectl delete pod {held.ref.name} -n {held.ref.namespace}"
        for held in group
        if held.by_hand
    ]


def named(group: Sequence[Held]) -> str:
    """The first of a group by name."""
    return ", ".join(str(held.ref) for held in group[:2]) + (" …" if len(group) > 2 else "")
