"""A workload of a kind that another workload tends is off before that one is, there and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.cli.project import Project
from migrate.engine.events import Event as Told
from migrate.errors import Unreachable
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Ref, Resource, dig, labels_of
from migrate.model.verdict import Result
from migrate.simulation.controllers import manager
from migrate.simulation.controllers.context import (
    Context,
    Controller,
    owner_key,
    owner_reference,
    watching,
)
from migrate.simulation.controllers.view import Event, Key, Kinds
from tests.scenario.hands import DEPLOYMENTS, created
from tests.scenario.moves import FILE, Life, opened, roll_back_to, run, seeded, world_of

ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout", namespaced=True)
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


class Tending:
    """A controller of Rollouts: while its Deployment runs in a cluster, each has a ReplicaSet as large as it says."""

    name = "argo-rollouts"
    watches = frozenset({*watching(Kinds.replica_sets, Kinds.deployments), (ROLLOUTS.group, ROLLOUTS.plural)})

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The Rollouts themselves; all of them when the controller itself has changed."""
        if event.plural == ROLLOUTS.plural:
            return () if event.deleted else (event.key,)
        if event.plural == "deployments":
            found = ctx.view.list(ROLLOUTS)
            return [Key(o["metadata"]["namespace"], o["metadata"]["name"]) for o in found]
        return owner_key(event, ROLLOUTS.kind)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Make the ReplicaSet, or set its replicas."""
        rollout = ctx.view.get(ROLLOUTS, key.name, key.namespace)
        itself = ctx.view.get(Kinds.deployments, "argo-rollouts", "argo")
        if rollout is None or not dig(itself, "status", "readyReplicas"):
            return
        name, wanted = f"{key.name}-6b7f9c", rollout["spec"]["replicas"]
        live = ctx.view.get(Kinds.replica_sets, name, key.namespace)
        if live is None:
            metadata = {
                "name": name,
                "namespace": key.namespace,
                "ownerReferences": [owner_reference(rollout)],
            }
            spec = {"replicas": wanted, **{k: rollout["spec"][k] for k in ("selector", "template")}}
            ctx.create(
                Kinds.replica_sets,
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec},
            )
        elif live["spec"].get("replicas") != wanted:
            ctx.patch(Kinds.replica_sets, live, {"spec": {"replicas": wanted}})
        ctx.status(ROLLOUTS, rollout, {"observedGeneration": str(rollout["metadata"].get("generation", 1))})


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clusters have the controller's program beside those of Kubernetes."""
    real = manager.controllers

    def with_tending() -> tuple[Controller, ...]:
        return (*real(), Tending())

    monkeypatch.setattr(manager, "controllers", with_tending)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A blue with a worker that is a Rollout, and with who tends it: both may not run twice."""
    project = seeded(tmp_path / "move", FILE)
    names = {"plural": "rollouts", "singular": "rollout", "kind": "Rollout", "listKind": "RolloutList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": schema,
        "subresources": {"status": {}},
    }
    spec: dict[str, Any] = {
        "group": "argoproj.io",
        "names": names,
        "scope": "Namespaced",
        "versions": [version],
    }
    created(project, Side.BLUE, DEFINITIONS, "/rollouts.argoproj.io", spec=spec)
    created(project, Side.BLUE, NAMESPACES, "/argo")
    created(project, Side.BLUE, DEPLOYMENTS, "argo/argo-rollouts", spec=_spec("argo-rollouts", "Recreate"))
    with world_of(project) as world:
        world.clock().sleep(30)
    created(project, Side.BLUE, ROLLOUTS, "argo/worker", spec=_spec("worker"))
    with world_of(project) as world:
        world.clock().sleep(60)
    assert len(workers(project, Side.BLUE)) == 1
    return project


def _spec(name: str, strategy: str = "") -> Object:
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": f"example/{name}:1"}]}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {**spec, "strategy": {"type": strategy}} if strategy else spec


def workers(project: Project, side: Side) -> list[str]:
    """The pods of the Rollout that a side has."""
    with world_of(project) as world:
        try:
            found = [p for page in world.cluster(side).pages(PODS, namespace="argo") for p in page]
        except Unreachable:  # green is not made yet
            return []
    return [p["metadata"]["name"] for p in found if labels_of(p).get("app") == "worker"]


class Watching:
    """Looks at both sides whenever the run says a word, and keeps the words at which both had the worker."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.both: list[str] = []

    def __call__(self, event: Told) -> None:
        """Look."""
        if workers(self._project, Side.BLUE) and workers(self._project, Side.GREEN):
            self.both.append(f"{event.step} {event.text}")


def counted(project: Project) -> tuple[int, int]:
    """The workers of blue and of green, once nothing moves any more."""
    with world_of(project) as world:
        world.clock().sleep(60)
    return len(workers(project, Side.BLUE)), len(workers(project, Side.GREEN))


def test_there_and_back_and_there_again_it_never_runs_twice(project: Project) -> None:
    """Its pods are gone before who ends them is at rest; a wait that nobody fulfils would end the run."""
    watching_ = Watching(project)
    assert run(project, Life(tell=watching_))
    assert counted(project) == (0, 1)
    roll_back_to(project, Phase.VERIFY, Life(tell=watching_))
    assert counted(project) == (1, 0)
    assert run(project, Life(tell=watching_))
    assert counted(project) == (0, 1)
    assert watching_.both == []


def test_it_is_off_once_it_has_no_pods(project: Project) -> None:
    """Its ReplicaSet's pods are its own, and its generation is a string."""
    assert run(project)
    assert counted(project) == (0, 1)
    ref = Ref("argoproj.io", "Rollout", "argo", "worker").as_json()
    with opened(project) as begun:
        found = [
            CONDITIONS["workloads-off"](begun.scene.doors, {"side": side.value, "refs": [ref]})[0]
            for side in (Side.BLUE, Side.GREEN)
        ]
    assert [v.result for v in found] == [Result.PASS, Result.INCONCLUSIVE]
    assert "still has 1 pods" in found[1].evidence
