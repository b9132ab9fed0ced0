"""ReplicaSet (and ReplicationController) to pods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from migrate.doors.cluster import Verb, Write
from migrate.errors import AlreadyExists, DoorError
from migrate.model.objects import Object, Resource
from migrate.simulation.controllers.context import Context, own_key, owner_key, pod_from, suffix, watching
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.view import Event, Key, Kinds
from migrate.simulation.served import resource


class ReplicaSets:
    """Keeps as many active pods as `spec.replicas` says; pods' names depend on the set's name alone."""

    def __init__(self, name: str, kind: str, what: Resource) -> None:
        self.name = name
        self._kind = kind
        self._what = what
        self.watches = watching(what, Kinds.pods)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The sets themselves, and those whose pods changed."""
        if event.plural == self._what.plural:
            return own_key(event, ctx)
        return owner_key(event, self._kind)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Create or delete pods, and tell the status."""
        live = ctx.view.get(self._what, key.name, key.namespace)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        owned = ctx.index.owned(live["metadata"]["uid"])
        active = [pod for pod in owned if pod.active]
        wanted = live["spec"].get("replicas", 1)
        made = self._create(live, {pod.key.name for pod in owned}, wanted - len(active), ctx)
        refused = [error for error in made if isinstance(error, DoorError)]
        # Told before anything is raised: a refused pod must not leave the status behind.
        self._tell(live, active, len(made) - len(refused), ctx)
        for error in refused:
            if not isinstance(error, AlreadyExists):
                raise error
        for pod in sorted(active, key=_first_to_go)[: max(len(active) - wanted, 0)]:
            delete_pod(pod, ctx)

    def _create(
        self, live: Object, taken: set[str], count: int, ctx: Context
    ) -> Sequence[Object | DoorError]:
        writes: list[Write] = []
        number = 0
        while len(writes) < count:
            name = f"{live['metadata']['name'][:57]}-{suffix(live['metadata']['name'], number)}"
            number += 1
            if name not in taken:
                taken.add(name)
                pod = pod_from(live["spec"]["template"], live, name)
                writes.append(Write(Verb.CREATE, Kinds.pods, name, live["metadata"]["namespace"], pod))
        return ctx.cluster.write_many(writes)

    def _tell(self, live: Object, active: list[Pod], made: int, ctx: Context) -> None:
        count = len(active) + made
        ready = sum(1 for pod in active if pod.ready)
        status = {
            "observedGeneration": live["metadata"].get("generation", 1),
            "replicas": count,
            "fullyLabeledReplicas": count or None,
            "readyReplicas": ready or None,
            "availableReplicas": ready or None,
        }
        ctx.status(self._what, live, status)


def replica_sets() -> tuple[ReplicaSets, ReplicaSets]:
    """Both kinds that are the same thing."""
    return (
        ReplicaSets("replicasets", "ReplicaSet", Kinds.replica_sets),
        ReplicaSets("replicationcontrollers", "ReplicationController", resource("replicationcontrollers")),
    )


def delete_pod(pod: Pod, ctx: Context) -> None:
    """Delete this very pod with its own grace."""
    ctx.cluster.write(Write(Verb.DELETE, Kinds.pods, pod.key.name, pod.key.namespace, uid=pod.uid))


def _first_to_go(pod: Pod) -> tuple[bool, bool, str]:
    return pod.ready, bool(pod.node), pod.key.name
