"""Write blue's status behind the objects of a stage, where the operator's rule says so and green has none of its own."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.actions.reach import target_of
from migrate.actions.record import record
from migrate.actions.status import STATUS, state
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model import marks
from migrate.model.canonical import keyed_digest
from migrate.model.decision import Decision
from migrate.model.objects import annotations_of, metadata_of
from migrate.model.verdict import failed
from migrate.steps.base import chunks


def stated(scene: Scene, stage: Sequence[Decision]) -> Batches:
    """Write what a stage still lacks; what green did not take is recorded, and ends the run."""
    wanted = [d for d in stage if d.status is not None]
    if not wanted:
        return
    green = read_inventory(scene.doors.green, only={(d.ref.group, d.ref.kind) for d in wanted})
    bodies, actions = {}, []
    for decision in wanted:
        found = green.find(decision.ref)
        if found is None or found.get(STATUS) or annotations_of(found).get(marks.RUN) != scene.run:
            continue  # refused, or green's own operator has spoken
        metadata, status = metadata_of(found), decision.status or {}
        hashed, uid = keyed_digest(scene.key, status), str(metadata.get("uid", ""))
        action = state(decision.ref, uid=uid, key_hash=hashed, wave=decision.wave)
        version = (decision.target or {}).get("apiVersion", "")
        read = {"resourceVersion": metadata.get("resourceVersion", "")}
        bodies[action.key] = {"apiVersion": version, "metadata": read, STATUS: status}
        actions.append(action)
    refused = []
    for batch in chunks(actions):
        scene.bodies.offer({action.key: bodies.pop(action.key) for action in batch})
        for action, outcome in zip(batch, (yield batch), strict=True):
            if not outcome.stands:
                refused.append(failed(f"status of {target_of(action)[1]}", outcome.evidence, outcome.remedy))
    if refused:
        yield [record(f"status of wave {stage[0].wave}", refused)]
