"""Pause what would write blue or green behind our back: the ledger of what was paused, with prior values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from migrate.actions.merging import stands
from migrate.actions.patch import patch
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.ids import Phase, Side, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import dig, ref_of
from migrate.steps.base import BaseStep, chunks
from migrate.steps.handing_over import kept_on_blue

WHY = "pause"

FLUX = (
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
)
ARGO = ("argoproj.io", "Application")


class FreezeBlue(BaseStep):
    """Pause Argo CD's automated sync and Flux's reconciliations on blue; their controllers would undo held forms."""

    id: ClassVar[StepId] = StepId("prepare.freeze")
    phase: ClassVar[Phase] = Phase.PREPARE
    title: ClassVar[str] = "pause GitOps controllers on blue, keep the volumes that green will take over"
    undo: ClassVar[str] = "resume what was paused, with its prior values"

    def batches(self, scene: Scene) -> Batches:
        """Patch what is not paused yet."""
        served = {(r.group, r.kind) for r in scene.doors.blue.resources()}
        kinds = [kind for kind in (*FLUX, ARGO) if kind in served]
        if kinds:
            inventory = read_inventory(scene.doors.blue, only=kinds)
            yield from chunks(_pauses(inventory))
        yield from kept_on_blue(scene)


def _pauses(inventory: Inventory) -> Iterator[Action]:
    for group, kind in FLUX:
        for obj in inventory.of(kind, group):
            change = {"spec": {"suspend": True}}
            if not stands(obj, change):
                yield patch(Side.BLUE, ref_of(obj), change, why=WHY, command="flux suspend")
    for obj in inventory.of(ARGO[1], ARGO[0]):
        if dig(obj, "spec", "syncPolicy", "automated") is not None:
            yield patch(
                Side.BLUE,
                ref_of(obj),
                {"spec": {"syncPolicy": {"automated": None}}},
                why=WHY,
                command="argocd app set --sync-policy none",
            )
