"""HorizontalPodAutoscalers that find their target say so; none scales here, as there is no load."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import Context, conditions_with, watching
from migrate.simulation.controllers.view import Event, Key, Kinds

PERIOD = timedelta(seconds=15)
"""Between two looks of the real one, --horizontal-pod-autoscaler-sync-period; here the looks grow rarer."""

TARGETS = {
    "Deployment": Kinds.deployments,
    "StatefulSet": Kinds.stateful_sets,
    "ReplicaSet": Kinds.replica_sets,
}


class Autoscalers:
    """Tells of each whether its target is there, and whether it has replicas to scale."""

    name = "autoscalers"
    watches = watching(Kinds.autoscalers)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Autoscalers."""
        del ctx
        return () if event.deleted else (event.key,)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Write the conditions, and come back while it cannot scale."""
        live = ctx.view.get(Kinds.autoscalers, key.name, key.namespace)
        if live is None:
            return
        able, active = self._told(live, ctx)
        ctx.status(Kinds.autoscalers, live, {"conditions": conditions_with(live, ctx.stamp, able, active)})
        if not active[1]:
            age = ctx.now - datetime.fromisoformat(live["metadata"]["creationTimestamp"])
            ctx.view.later(self.name, key, ctx.now + max(PERIOD, age))

    @staticmethod
    def _told(live: Object, ctx: Context) -> tuple[tuple[str, bool, str, str], tuple[str, bool, str, str]]:
        asked = dig(live, "spec", "scaleTargetRef", default={})
        what = TARGETS.get(str(asked.get("kind")))
        space = live["metadata"]["namespace"]
        target = ctx.view.get(what, str(asked.get("name")), space) if what is not None else None
        if target is None:
            gone = f"the HPA controller was unable to get the target's current scale: {asked.get('name')}"
            return ("AbleToScale", False, "FailedGetScale", gone), ("ScalingActive", False, "", "")
        able = (
            "AbleToScale",
            True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's scale",
        )
        if not dig(target, "spec", "replicas", default=1):
            words = "scaling is disabled since the replica count of the target is zero"
            return able, ("ScalingActive", False, "ScalingDisabled", words)
        return able, (
            "ScalingActive",
            True,
            "ValidMetricFound",
            "the HPA was able to calculate a replica count",
        )
