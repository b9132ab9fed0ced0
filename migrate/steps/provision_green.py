"""Make green, or take the one that is there."""

from __future__ import annotations

import shlex
from typing import ClassVar

from migrate.actions.provision import provision
from migrate.actions.record import record
from migrate.engine.step import Batches, Scene
from migrate.model.action import State
from migrate.model.ids import Phase, StepId
from migrate.model.migration import seconds
from migrate.model.verdict import passed
from migrate.steps.base import BaseStep

IDENTITY = "green's identity"
"""Recorded when green is first read: from then on no other cluster may stand in its place."""


class ProvisionGreen(BaseStep):
    """Provision green, if this run makes it."""

    id: ClassVar[StepId] = StepId("build.provision")
    phase: ClassVar[Phase] = Phase.BUILD
    title: ClassVar[str] = "provision green"
    undo: ClassVar[str] = "unmake green, if this run made it"

    def batches(self, scene: Scene) -> Batches:
        """Provision unless green stands."""
        spec = scene.migration.green.provisioner
        provisioner = scene.doors.provisioner
        action = provision(
            spec.kind,
            command=shlex.join(spec.create) or f"green is there ({spec.kind})",
            undo=shlex.join(spec.destroy),
            deadline=seconds(spec.deadline),
            makes=provisioner.makes,
        )
        if provisioner.observe().state is not State.DONE:
            yield [action]
        if not scene.progress.stands(f"record {IDENTITY}"):
            identity = scene.doors.green.identity()
            said = passed(IDENTITY, f"green is {scene.doors.green.name}, {identity.version}")
            yield [record(IDENTITY, [said], facts={"uid": identity.uid})]
