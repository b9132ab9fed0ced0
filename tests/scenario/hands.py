"""What others do to a side while a move is under way: they write, and controllers are late."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from migrate.cli.project import Project
from migrate.doors.cluster import Verb, Write
from migrate.engine.events import Event, Tell
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource
from migrate.simulation.faults import Fuse
from migrate.simulation.server import SimulatedCluster
from migrate.simulation.world import World
from tests.scenario.moves import world_of

_Result = TypeVar("_Result")

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob", namespaced=True)
AUTOSCALERS = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", namespaced=True
)

PERSON = "kubectl-edit"
"""The field manager of whoever writes here: neither the run nor a controller."""


def by_hand(world: World, side: Side) -> SimulatedCluster:
    """A side of the world as somebody else than the run writes to it."""
    return SimulatedCluster(world.store, side, manager=PERSON)


def patched(project: Project, side: Side, resource: Resource, where: str, body: Mapping[str, Any]) -> None:
    """Merge-patch an object, `where` as namespace/name, as somebody else than the run."""
    namespace, _, name = where.partition("/")
    with world_of(project) as world:
        by_hand(world, side).write(Write(Verb.PATCH, resource, name, namespace, body))


def created(project: Project, side: Side, resource: Resource, where: str, **body: Any) -> None:
    """Create an object as somebody else than the run."""
    namespace, _, name = where.partition("/")
    whole = {
        "apiVersion": f"{resource.group}/{resource.version}" if resource.group else resource.version,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": namespace},
        **body,
    }
    with world_of(project) as world:
        by_hand(world, side).write(Write(Verb.CREATE, resource, name, namespace, whole))


def deleted(project: Project, side: Side, resource: Resource, where: str) -> None:
    """Delete an object as somebody else than the run."""
    namespace, _, name = where.partition("/")
    with world_of(project) as world:
        by_hand(world, side).write(Write(Verb.DELETE, resource, name, namespace))


def scaled_by_an_autoscaler(project: Project, name: str) -> None:
    """Let blue have a HorizontalPodAutoscaler for a Deployment of the shop."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9}
    created(project, Side.BLUE, AUTOSCALERS, f"shop/{name}", spec=spec)


def once_done(step: str, act: Callable[[], None]) -> Tell:
    """Somebody who acts as soon as a step of the run is done, and before the next begins."""

    def hear(event: Event) -> None:
        if (event.what, event.step) == ("step-done", step):
            act()

    return hear


Spoil = Callable[[Object], Object]


class Late(Fuse):
    """Controllers that are late: what they write (`of`, as "green nodes") is seen spoilt until so many sleeps passed."""

    def __init__(self, of: Collection[str], spoil: Spoil, *, sleeps: float) -> None:
        super().__init__()
        self._of = {f"read {kind}" for kind in of}
        self._spoil = spoil
        self._sleeps = sleeps

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Make the call; count the sleeps, and spoil what is listed before the last of them."""
        result = call()
        self._sleeps -= words.startswith("clock sleep")
        if self._sleeps > 0 and words in self._of and isinstance(result, list):
            result[:] = [self._spoil(obj) for obj in result]
        return result
