"""Keep blue as it was in files, before anything is touched."""

from __future__ import annotations

from typing import ClassVar

from migrate.actions.snapshot import snapshot
from migrate.engine.step import Batches, Scene
from migrate.model.ids import Phase, StepId
from migrate.steps.base import BaseStep


class SnapshotBlue(BaseStep):
    """Write the snapshot once."""

    id: ClassVar[StepId] = StepId("prepare.snapshot")
    phase: ClassVar[Phase] = Phase.PREPARE
    title: ClassVar[str] = "write blue's objects to files"

    def batches(self, scene: Scene) -> Batches:
        """Take the snapshot, unless this run has it."""
        action = snapshot(scene.migration.snapshot.secrets_key)
        if not scene.progress.stands(action.key):
            yield [action]
