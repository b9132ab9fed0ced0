"""Every step in the order of a move, and the gate in front of it."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.engine.step import Step
from migrate.model.ids import NO_BATCH, BatchName, GateName, StepId
from migrate.model.plan import NO_GATE, PlannedStep
from migrate.steps.assess_sides import AssessSides
from migrate.steps.begin_cutover import BeginCutover
from migrate.steps.finish import Finish
from migrate.steps.freeze_blue import FreezeBlue
from migrate.steps.install_calico import InstallCalico
from migrate.steps.move_writers import MoveWriters, ReleaseLate
from migrate.steps.probe_routes import ProbeRoutes
from migrate.steps.provision_green import ProvisionGreen
from migrate.steps.ramp_routes import FullRoutes, RampRoutes
from migrate.steps.replay_objects import ReplayObjects
from migrate.steps.snapshot_blue import SnapshotBlue
from migrate.steps.soak_green import SoakGreen
from migrate.steps.start_serving import StartServing
from migrate.steps.switch_routes import SwitchRoutes
from migrate.steps.verify_green import VerifyGreen

ORDER: tuple[Step, ...] = (
    AssessSides(),
    SnapshotBlue(),
    FreezeBlue(),
    ProvisionGreen(),
    InstallCalico(),
    ReplayObjects(),
    StartServing(),
    VerifyGreen(),
    ProbeRoutes(),
    BeginCutover(),
    RampRoutes(),
    FullRoutes(),
    MoveWriters(),
    SwitchRoutes(),
    ReleaseLate(),
    SoakGreen(),
    Finish(),
)

STEPS: Mapping[StepId, Step] = {step.id: step for step in ORDER}

GATES: Mapping[StepId, GateName] = {
    ReplayObjects.id: GateName("before-replay"),
    StartServing.id: GateName("before-start"),
    BeginCutover.id: GateName("before-cutover"),
    FullRoutes.id: GateName("before-full"),
    MoveWriters.id: GateName("before-writers"),
}


def planned_steps(batch: BatchName) -> tuple[PlannedStep, ...]:
    """The steps of a move with one batch, in their order."""
    return tuple(
        PlannedStep(
            batch if step.phase.per_batch else NO_BATCH,
            step.phase,
            step.id,
            step.version,
            step.title,
            GATES.get(step.id, NO_GATE),
            step.one_way,
            step.undo,
        )
        for step in ORDER
    )
