"""Deployment to ReplicaSets: one per template, old ones scaled away once the new one is ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import (
    Context,
    conditions_with,
    own_key,
    owner_key,
    owner_reference,
    suffix,
    watching,
)
from migrate.simulation.controllers.view import Event, Key, Kinds

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    """Rolls by replacing at once: the new set goes up, the old ones go down when it is ready (Recreate: before)."""

    name = "deployments"
    watches = watching(Kinds.deployments, Kinds.replica_sets)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Deployments themselves, and those whose ReplicaSets changed."""
        if event.plural == "deployments":
            return own_key(event, ctx)
        return owner_key(event, "Deployment")

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Make the ReplicaSet of the current template, scale all of them, and tell the status."""
        live = ctx.view.get(Kinds.deployments, key.name, key.namespace)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        sets = [obj for what, obj in ctx.view.owned(live["metadata"]["uid"]) if what.plural == "replicasets"]
        current = next((item for item in sets if _template(item) == _template(live)), None)
        if current is None and not live["spec"].get("paused"):
            current = self._create(live, sets, ctx)
            sets.append(current)
        self._scale(live, current, sets, ctx)
        self._tell(live, current, sets, ctx)

    def _create(self, live: Object, sets: list[Object], ctx: Context) -> Object:
        template = live["spec"]["template"]
        word = suffix(live["metadata"]["name"], _template(live), length=10)
        labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH: word}
        revision = str(1 + max((int(_revision(item)) for item in sets), default=0))
        selector = dict(live["spec"]["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: word}
        if dig(live, "metadata", "annotations", REVISION) != revision:
            ctx.patch(Kinds.deployments, live, {"metadata": {"annotations": {REVISION: revision}}})
        made = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{live['metadata']['name']}-{word}",
                "namespace": live["metadata"]["namespace"],
                "labels": labels,
                "annotations": {REVISION: revision},
                "ownerReferences": [owner_reference(live)],
            },
            "spec": {
                # beside an older one it grows by `_scale`, which knows in what order
                "replicas": 0 if sets else live["spec"].get("replicas", 1),
                "selector": selector,
                "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
            },
        }
        return ctx.create(Kinds.replica_sets, made)

    def _scale(self, live: Object, current: Object | None, sets: list[Object], ctx: Context) -> None:
        wanted = live["spec"].get("replicas", 1)
        old = [item for item in sets if item is not current]
        if current is None:
            return
        recreate = dig(live, "spec", "strategy", "type") == "Recreate"
        still = any(dig(item, "status", "replicas", default=0) for item in old)
        if not (recreate and still):
            _set_replicas(current, wanted, ctx)
        ready = dig(current, "status", "readyReplicas", default=0)
        if recreate or ready >= wanted:
            for item in old:
                _set_replicas(item, 0, ctx)

    def _tell(self, live: Object, current: Object | None, sets: list[Object], ctx: Context) -> None:
        wanted = live["spec"].get("replicas", 1)
        total = sum(dig(item, "status", "replicas", default=0) for item in sets)
        ready = sum(dig(item, "status", "readyReplicas", default=0) for item in sets)
        updated = dig(current, "status", "replicas", default=0) if current else 0
        enough = ready >= wanted - _spare(live, wanted)
        done = updated >= wanted and total == updated and ready >= wanted
        name = current["metadata"]["name"] if current else ""
        status = {
            "observedGeneration": live["metadata"].get("generation", 1),
            "replicas": total or None,
            "updatedReplicas": updated or None,
            "readyReplicas": ready or None,
            "availableReplicas": ready or None,
            "unavailableReplicas": max(wanted - ready, 0) or None,
            "conditions": conditions_with(
                live,
                ctx.stamp,
                ("Available", enough, *_AVAILABLE[enough]),
                (
                    "Progressing",
                    True,
                    "NewReplicaSetAvailable" if done else "ReplicaSetUpdated",
                    f'ReplicaSet "{name}" {"has successfully progressed" if done else "is progressing"}.',
                ),
            ),
        }
        ctx.status(Kinds.deployments, live, status)


_AVAILABLE = {
    True: ("MinimumReplicasAvailable", "Deployment has minimum availability."),
    False: ("MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
}


def _spare(live: Object, wanted: int) -> int:
    """How many replicas may be missing; a percentage is rounded down, as documented for maxUnavailable."""
    value = dig(live, "spec", "strategy", "rollingUpdate", "maxUnavailable", default=0)
    if isinstance(value, str) and value.endswith("%"):
        return wanted * int(value[:-1]) // 100
    return int(value or 0)


def _template(obj: Object) -> Mapping[str, Any]:
    """The pod template without the hash label, which is how a ReplicaSet is found again."""
    template: dict[str, Any] = dict(obj["spec"]["template"])
    metadata = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    metadata.pop("creationTimestamp", None)
    return {**template, "metadata": {**metadata, "labels": labels}}


def _revision(item: Object) -> str:
    return str(dig(item, "metadata", "annotations", REVISION, default="0"))


def _set_replicas(item: Object, wanted: int, ctx: Context) -> None:
    if item["spec"].get("replicas") != wanted:
        ctx.patch(Kinds.replica_sets, item, {"spec": {"replicas": wanted}})
