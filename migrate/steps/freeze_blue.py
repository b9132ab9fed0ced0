"""Pause what would write blue or green behind our back: the ledger of what was paused, with prior values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from migrate.actions.merging import stands
from migrate.actions.patch import patch
from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.ids import Phase, Side, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, ref_of
from migrate.model.reasons import Why
from migrate.model.verdict import failed, passed
from migrate.replay import kinds
from migrate.replay.edits import nested
from migrate.replay.gitops import AUTOMATED, DISABLED, TEMPLATE_AUTOMATED, Keepers
from migrate.steps.base import CUTOVER, BaseStep, chunks
from migrate.steps.handing_over import kept_on_blue

PAUSED = (
    kinds.FLUX_INSTANCE,
    kinds.RESOURCE_SET,
    kinds.KUSTOMIZATION,
    kinds.HELM_RELEASE,
    kinds.APPLICATION_SET,
    kinds.APPLICATION,
)
"""What applies Git's state by itself. A source that goes on being fetched changes nothing."""


SHOWN = 5
"""What goes on again, as far as a verdict spells it out."""

_REMEDY = (
    "Find what switched it on (an Application or Kustomization above it, an operator, a person), pause that and then "
    "these: flux suspend, argocd app set --sync-policy none. Then run again."
)


class FreezeBlue(BaseStep):
    """Pause Argo CD's automated sync, Flux's and the Flux Operator's reconciliations on blue: they would undo held forms."""

    id: ClassVar[StepId] = StepId("prepare.freeze")
    phase: ClassVar[Phase] = Phase.PREPARE
    title: ClassVar[str] = "pause GitOps controllers on blue, keep the volumes that green will take over"
    undo: ClassVar[str] = "resume what was paused, with its prior values"
    again_until: ClassVar[StepId | None] = CUTOVER

    def batches(self, scene: Scene) -> Batches:
        """Patch what is not paused yet, from the top: what keeps others would put them back."""
        served = {(r.group, r.kind) for r in scene.doors.blue.resources()}
        wanted = [kind for kind in PAUSED if kind in served]
        if wanted:
            # by what Argo CD tracks is in a ConfigMap of its
            settings = [kinds.CONFIG_MAP] if kinds.APPLICATION in wanted else []
            inventory = read_inventory(scene.doors.blue, only=[*wanted, *settings])
            yield from chunks(pauses(inventory))
        yield from kept_on_blue(scene)


def pauses(inventory: Inventory) -> Iterator[Action]:
    """The patches that pause what is not paused yet, each after those of what stands above it."""
    keepers = Keepers(inventory)
    found = [obj for group, kind in PAUSED for obj in inventory.of(kind, group)]
    for obj in sorted(found, key=keepers.depth):  # stable: at one depth in the order of the kinds
        change, command = _pause(obj)
        if not stands(obj, change):
            yield patch(Side.BLUE, ref_of(obj), change, why=Why.PAUSE, command=command, note=True)


def still_paused(blue_now: Inventory) -> Iterator[Action]:
    """Record whether blue's GitOps still rests; nothing where blue has none."""
    if not any(blue_now.of(kind, group) for group, kind in PAUSED):
        return
    going = [str(Ref.of_json(action.params["ref"])) for action in pauses(blue_now)]
    check = "GitOps on blue"
    if going:
        more = f" and {len(going) - SHOWN} more" if len(going) > SHOWN else ""
        said = f"goes on again, and would start what is put to rest: {', '.join(going[:SHOWN])}{more}"
        verdict = failed(check, said, _REMEDY)
    else:
        verdict = passed(check, "rests")
    yield record(check, [verdict])


def _pause(obj: Object) -> tuple[Object, str]:
    match ref_of(obj)[:2]:
        case kinds.APPLICATION:
            return nested(AUTOMATED, None), "argocd app set --sync-policy none"
        case kinds.APPLICATION_SET:
            # the Applications that it makes follow its template, those that it is yet to make as well
            return nested(TEMPLATE_AUTOMATED, None), "kubectl patch applicationset"
        case kinds.FLUX_INSTANCE | kinds.RESOURCE_SET:
            change = nested(DISABLED, "disabled")
            return change, "kubectl annotate fluxcd.controlplane.io/reconcile=disabled"
        case _:
            return {"spec": {"suspend": True}}, "flux suspend"
