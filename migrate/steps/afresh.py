"""What stands on green only from the cutover on: made from blue as it was before its twins were put to rest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from migrate import replay
from migrate.actions.create import create
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model import marks
from migrate.model.inventory import Inventory
from migrate.model.objects import Ref, annotations_of, metadata_of
from migrate.steps.base import blue_decided, body_of


@dataclass
class Source:
    """Blue as a step reads it when it first needs it, as it was before its twins were put to rest (`as_it_was`)."""

    scene: Scene
    deferred: Collection[Ref]

    @cached_property
    def decided(self) -> tuple[Inventory, replay.Decisions]:
        """Blue, and what is decided of what is made only now."""
        return blue_decided(self.scene, only=frozenset(self.deferred))


def make(scene: Scene, deferred: Sequence[Ref], source: Source) -> Batches:
    """Create what stands on green only from now on, one batch of it; what stands there by this run is left."""
    blue, decisions = source.decided
    green = read_inventory(scene.doors.green, only={(ref.group, ref.kind) for ref in deferred})
    bodies, actions = {}, []
    for ref in deferred:
        decision = decisions.of(ref)
        if decision is None or decision.target is None:
            continue  # gone from blue since the replay
        found = green.find(ref) or {}
        going = "deletionTimestamp" in metadata_of(found)  # as a way back that was cut off has left it
        if annotations_of(found).get(marks.RUN) == scene.run and not going:
            continue
        body = body_of(scene, blue, decision)
        wanted = annotations_of(body)[marks.SOURCE_HASH]
        action = create(ref, key_hash=wanted, rule=decision.rule, wave=0, command="")
        bodies[action.key] = body
        actions.append(action)
    if actions:
        scene.bodies.offer(bodies)
        yield actions
