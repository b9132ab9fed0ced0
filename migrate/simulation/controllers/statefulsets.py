"""StatefulSet to pods with ordinals and their claims, in order unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.errors import AlreadyExists
from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import Context, owner_key, pod_from, watching
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.replicasets import delete_pod
from migrate.simulation.controllers.revisions import revision_of
from migrate.simulation.controllers.view import Event, Key, Kinds

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"


class StatefulSets:
    """Creates ordinals upwards and deletes them downwards; claims outlive their pods."""

    name = "statefulsets"
    watches = watching(Kinds.stateful_sets, Kinds.pods)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The sets themselves, and those whose pods changed."""
        del ctx
        if event.plural == "statefulsets":
            return () if event.deleted else (event.key,)
        return owner_key(event, "StatefulSet")

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Create what is missing, delete what is too much or out of date, and tell the status."""
        live = ctx.view.get(Kinds.stateful_sets, key.name, key.namespace)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        revision = revision_of(live, ctx)
        pods = {pod.key.name: pod for pod in ctx.index.owned(live["metadata"]["uid"])}
        self._tell(live, list(pods.values()), revision, ctx)
        first = dig(live, "spec", "ordinals", "start", default=0)
        wanted = [f"{key.name}-{first + number}" for number in range(live["spec"].get("replicas", 1))]
        parallel = live["spec"].get("podManagementPolicy") == "Parallel"
        for name in wanted:
            if name not in pods:
                self._create(live, name, revision, ctx)
            if not parallel and not (name in pods and pods[name].ready and not pods[name].terminating):
                return
        surplus = sorted(
            (pod for name, pod in pods.items() if name not in wanted), key=_ordinal, reverse=True
        )
        for pod in surplus if parallel else surplus[:1]:
            if not pod.terminating:
                delete_pod(pod, ctx)
        if not surplus:
            self._roll(live, [pods[name] for name in wanted if name in pods], revision, ctx)

    def _roll(self, live: Object, pods: list[Pod], revision: str, ctx: Context) -> None:
        """Replace the highest pod of an older revision, one at a time, down to the partition."""
        if dig(live, "spec", "updateStrategy", "type") == "OnDelete":
            return
        partition = dig(live, "spec", "updateStrategy", "rollingUpdate", "partition", default=0) or 0
        if not all(pod.ready and not pod.terminating for pod in pods):
            return
        for pod in sorted(pods, key=_ordinal, reverse=True):
            if pod.labels.get(REVISION) not in {None, revision} and _ordinal(pod) >= partition:
                delete_pod(pod, ctx)
                return

    def _create(self, live: Object, name: str, revision: str, ctx: Context) -> None:
        namespace = live["metadata"]["namespace"]
        ordinal = name.rpartition("-")[2]
        template = live["spec"]["template"]
        pod = pod_from(template, live, name, **{POD_NAME: name, POD_INDEX: ordinal, REVISION: revision})
        spec: dict[str, Any] = pod["spec"]
        spec["hostname"] = name
        if live["spec"].get("serviceName"):
            spec["subdomain"] = live["spec"]["serviceName"]
        claims = live["spec"].get("volumeClaimTemplates") or ()
        volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
        for claim in claims:
            word = claim["metadata"]["name"]
            wanted = f"{word}-{name}"
            volumes[word] = {"name": word, "persistentVolumeClaim": {"claimName": wanted}}
            if ctx.view.get(Kinds.claims, wanted, namespace) is None:
                ctx.create(Kinds.claims, _claim(live, claim, wanted))
        if volumes:
            spec["volumes"] = list(volumes.values())
        try:
            ctx.create(Kinds.pods, pod)
        except AlreadyExists:  # the pod of that name is somebody else's, or the index is a round behind
            return

    def _tell(self, live: Object, pods: list[Pod], revision: str, ctx: Context) -> None:
        active = [pod for pod in pods if pod.active]
        ready = sum(1 for pod in active if pod.ready)
        updated = sum(1 for pod in active if pod.labels.get(REVISION) == revision)
        wanted = live["spec"].get("replicas", 1)
        done = updated == len(active) == wanted
        status = {
            "observedGeneration": live["metadata"].get("generation", 1),
            "replicas": len(active),
            "readyReplicas": ready or None,
            "availableReplicas": ready,
            "currentReplicas": updated or None,
            "updatedReplicas": updated or None,
            "updateRevision": f"{live['metadata']['name']}-{revision}",
            "collisionCount": 0,
        }
        if done or not dig(live, "status", "currentRevision"):
            status["currentRevision"] = status["updateRevision"]
        ctx.status(Kinds.stateful_sets, live, status)


def _claim(live: Object, template: Mapping[str, Any], name: str) -> dict[str, Any]:
    labels = {
        **((template.get("metadata") or {}).get("labels") or {}),
        **(dig(live, "spec", "selector", "matchLabels", default={}) or {}),
    }
    metadata: dict[str, Any] = {"name": name, "namespace": live["metadata"]["namespace"], "labels": labels}
    if (template.get("metadata") or {}).get("annotations"):
        metadata["annotations"] = dict(template["metadata"]["annotations"])
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template["spec"],
    }


def _ordinal(pod: Pod) -> int:
    word = pod.key.name.rpartition("-")[2]
    return int(word) if word.isdigit() else -1
