"""What a custom resource controls and may not run twice goes off on blue behind its controller, before green's makes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.events import Event as Told
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, Unreachable
from migrate.model.ids import GateName, Phase, Side
from migrate.model.objects import Object, Resource, dig, labels_of
from migrate.simulation.controllers import manager
from migrate.simulation.controllers.context import (
    Context,
    Controller,
    owner_key,
    owner_reference,
    pod_from,
    watching,
)
from migrate.simulation.controllers.view import Event, Key, Kinds
from migrate.simulation.faults import Killed
from migrate.steps.move_writers import MoveWriters
from migrate.steps.start_serving import StartServing
from tests.scenario.hands import DEPLOYMENTS, SERVICES, created, deleted, patched
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    opened,
    roll_back_to,
    run,
    seeded,
    world_of,
)

GROUP = "monitoring.example.com"
PROMETHEUSES = Resource(GROUP, "v1", "prometheuses", "Prometheus", namespaced=True)
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
RBAC = "rbac.authorization.k8s.io"
ROLES = Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet", namespaced=True)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)

VOLUMES = "  - {namespace: mon, name: data-*, as: empty, reason: samples are scraped again}\n"
TEXT = FILE.replace(
    "  volumes: [{namespace: back, name: work, as: empty, reason: the queue is drained by then}]\n",
    "  volumes:\n  - {namespace: back, name: work, as: empty, reason: the queue is drained by then}\n"
    + VOLUMES,
)
WRITERS = Until(gate=GateName("before-writers"))


class Operator:
    """A controller of Prometheus objects: while its Deployment runs in a cluster, each has its StatefulSet as it says."""

    name = "prometheus-operator"
    watches = frozenset(
        {*watching(Kinds.stateful_sets, Kinds.deployments), (PROMETHEUSES.group, PROMETHEUSES.plural)}
    )

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The objects themselves; those whose StatefulSet changed; all of them when the operator itself has changed."""
        if event.plural == PROMETHEUSES.plural:
            return () if event.deleted else (event.key,)
        if event.plural == "deployments":
            found = ctx.view.list(PROMETHEUSES)
            return [Key(o["metadata"]["namespace"], o["metadata"]["name"]) for o in found]
        return owner_key(event, PROMETHEUSES.kind)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Make the StatefulSet, or set its replicas back."""
        parent = ctx.view.get(PROMETHEUSES, key.name, key.namespace)
        itself = ctx.view.get(Kinds.deployments, "prometheus-operator", "mon")
        if parent is None or parent["metadata"].get("deletionTimestamp"):
            return
        if not dig(itself, "status", "readyReplicas"):
            return
        generated = parent["metadata"]["uid"][:5] if parent["spec"].get("generated") else ""
        name = f"prometheus-{key.name}{generated}"
        if parent["spec"].get("bare"):
            if ctx.view.get(Kinds.pods, f"{name}-0", key.namespace) is None:
                template = stateful_set(parent, name)["spec"]["template"]
                ctx.create(Kinds.pods, pod_from(template, parent, f"{name}-0"))
            return
        live = ctx.view.get(Kinds.stateful_sets, name, key.namespace)
        if live is None:
            ctx.create(Kinds.stateful_sets, stateful_set(parent, name))
        elif not parent["spec"].get("lax") and live["spec"].get("replicas") != parent["spec"]["replicas"]:
            ctx.patch(Kinds.stateful_sets, live, {"spec": {"replicas": parent["spec"]["replicas"]}})


def stateful_set(parent: Object, name: str) -> dict[str, Any]:
    """What the operator makes: one writer to a volume of its own."""
    labels = {"app": f"prometheus-{parent['metadata']['name']}"}
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "disks",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": name,
            "namespace": parent["metadata"]["namespace"],
            "ownerReferences": [owner_reference(parent)],
        },
        "spec": {
            "replicas": parent["spec"]["replicas"],
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example/prometheus:1"}]},
            },
            "volumeClaimTemplates": [claim],
        },
    }


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clusters have the operator's program beside the controllers of Kubernetes."""
    real = manager.controllers

    def with_operator() -> tuple[Controller, ...]:
        return (*real(), Operator())

    monkeypatch.setattr(manager, "controllers", with_operator)


@pytest.fixture(params=["exclusive", "serving"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A blue with an operator, exclusive or one that answers a webhook, and a Prometheus that it has made alive."""
    return with_prometheus(tmp_path, serving=request.param == "serving")


def with_prometheus(
    tmp_path: Path,
    *,
    serving: bool,
    rights: bool = True,
    bare: bool = False,
    lax: bool = False,
    generated: bool = False,
) -> Project:
    """A move of the small blue with the operator in a namespace of its own.

    `bare` has it make a Pod and no StatefulSet, `generated` give that a name that is another one in each cluster.
    """
    project = seeded(tmp_path / "move", TEXT)
    names = {
        "plural": "prometheuses",
        "singular": "prometheus",
        "kind": "Prometheus",
        "listKind": "PrometheusList",
    }
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    spec: dict[str, Any] = {"group": GROUP, "names": names, "scope": "Namespaced", "versions": versions}
    created(project, Side.BLUE, DEFINITIONS, f"/prometheuses.{GROUP}", spec=spec)
    created(project, Side.BLUE, NAMESPACES, "/mon")
    created(project, Side.BLUE, ACCOUNTS, "mon/operator")
    if rights:
        rules = [
            {"apiGroups": [GROUP], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
        ]
        created(project, Side.BLUE, ROLES, "/operator", rules=rules)
        role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "operator"}
        subjects = [{"kind": "ServiceAccount", "name": "operator", "namespace": "mon"}]
        created(project, Side.BLUE, BINDINGS, "/operator", roleRef=role, subjects=subjects)
    labels = {"app": "operator"}
    pod = {"serviceAccountName": "operator", "containers": [{"name": "main", "image": "example/operator:1"}]}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if not serving:
        spec["strategy"] = {"type": "Recreate"}
    created(project, Side.BLUE, DEPLOYMENTS, "mon/prometheus-operator", spec=spec)
    if serving:
        ports = [{"port": 443, "targetPort": 8443}]
        created(project, Side.BLUE, SERVICES, "mon/operator", spec={"selector": labels, "ports": ports})
        hook = {
            "name": "rules.example.com",
            "clientConfig": {"service": {"namespace": "mon", "name": "operator"}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "rules": [
                {"apiGroups": ["x"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["rules"]}
            ],
        }
        created(project, Side.BLUE, WEBHOOKS, "/operator", webhooks=[hook])
    with world_of(project) as world:
        world.clock().sleep(30)
    created(
        project,
        Side.BLUE,
        PROMETHEUSES,
        "mon/main",
        spec={"replicas": 1, "bare": bare, "lax": lax, "generated": generated},
    )
    with world_of(project) as world:
        world.clock().sleep(60)
    assert len(writers(project, Side.BLUE)) == 1
    return project


def writers(project: Project, side: Side) -> list[str]:
    """The pods of the StatefulSet that a side has, whatever they are about."""
    with world_of(project) as world:
        try:
            found = [p for page in world.cluster(side).pages(PODS, namespace="mon") for p in page]
        except Unreachable:  # green is not made yet
            return []
    return [p["metadata"]["name"] for p in found if labels_of(p).get("app") == "prometheus-main"]


class Watching:
    """Looks at both sides whenever the run says a word, and keeps the words at which both had a writer."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.both: list[str] = []

    def __call__(self, event: Told) -> None:
        """Look."""
        if writers(self._project, Side.BLUE) and writers(self._project, Side.GREEN):
            self.both.append(f"{event.step} {event.text}")


def test_never_two_writers_on_the_way_there(project: Project) -> None:
    """Blue's StatefulSet is off, its pod gone, before green has one; green's is made by green's operator alone."""
    watching_ = Watching(project)
    assert run(project, Life(tell=watching_))
    assert watching_.both == []
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == ([], ["prometheus-main-0"])


def test_whoever_approves_reads_what_goes_off_behind_its_controller(project: Project) -> None:
    """The StatefulSet by name, with why it may not run twice, at the gate before the start and before the writers."""
    assert not run(project, Life(until=WRITERS))
    with opened(project) as begun:
        words = [*StartServing().gate_words(begun.scene), "", *MoveWriters().gate_words(begun.scene)]
    said = "  StatefulSet mon/prometheus-main (exclusive): claim template data is ReadWriteOnce"
    assert words.count(said) == 2
    assert "goes off on blue after who makes it, and is made again on green by that: 1" in words
    assert writers(project, Side.GREEN) == []


def test_there_and_back_and_there_again_never_two_writers(project: Project) -> None:
    """The way back ends green's controller, then what it made, then the custom resource; blue's wakes behind them."""
    watching_ = Watching(project)
    assert run(project, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
    roll_back_to(project, Phase.VERIFY, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
        assert world.cluster(Side.GREEN).get(PROMETHEUSES, "main", "mon") is None
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == (["prometheus-main-0"], [])
    assert run(project, Life(tell=watching_))
    assert watching_.both == []
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == ([], ["prometheus-main-0"])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "at",
    [
        "write patch blue statefulsets",
        f"write create green {PROMETHEUSES.plural}",
        "write patch green deploy",
    ],
)
def test_a_move_that_is_cut_off_ends_alike(tmp_path: Path, at: str, *, after: bool) -> None:
    """Killed as the child goes off, as the resource is made, and as its controller is let go: the next process ends it."""
    project = with_prometheus(tmp_path, serving=True)
    assert not run(project, Life(until=WRITERS))
    watching_ = Watching(project)
    with pytest.raises(Killed):
        run(project, Life(Death(1, after, lambda said: said.startswith(at)), tell=watching_))
    assert run(project, Life(tell=watching_))
    assert watching_.both == []
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == ([], ["prometheus-main-0"])


def test_whose_controller_is_not_found_is_asked_about(tmp_path: Path) -> None:
    """Nobody has the right to make it: the replay stops and says what would be made twice, and a word answers it."""
    project = with_prometheus(tmp_path, serving=False, rights=False)
    with pytest.raises(CheckFailed) as stopped:
        run(project)
    assert "no workload of blue was found that may make StatefulSet mon/prometheus-main" in str(stopped.value)
    word = "  rules: [{kind: Prometheus, namespace: mon, name: main, hold: true, reason: I end it}]\n"
    project = amended(project, TEXT + word)
    watching_ = Watching(project)
    assert run(project, Life(tell=watching_))
    assert watching_.both == []
    assert writers(project, Side.BLUE) == []


def test_a_pod_that_nothing_scales_down_is_ended_by_a_person_once_its_controller_is_off(
    tmp_path: Path,
) -> None:
    """Asked about; held, it is waited for by name with blue's controller off, and green's comes behind it alone."""
    project = with_prometheus(tmp_path, serving=True, bare=True)
    with pytest.raises(CheckFailed) as stopped:
        run(project)
    assert "nothing scales Pod mon/prometheus-main-0 down" in str(stopped.value)
    word = "  rules: [{kind: Prometheus, namespace: mon, name: main, hold: true, reason: I end it}]\n"
    project = amended(project, TEXT + word)
    watching_ = Watching(project)
    with pytest.raises(CheckFailed) as stopped:
        run(project, Life(tell=watching_))
    assert "kubectl delete pod prometheus-main-0 -n mon" in str(stopped.value.remedy)
    assert writers(project, Side.GREEN) == []
    deleted(project, Side.BLUE, PODS, "mon/prometheus-main-0")
    assert run(project, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == ([], ["prometheus-main-0"])
    assert watching_.both == []


def test_a_finalizer_does_not_keep_blue_from_coming_back(tmp_path: Path) -> None:
    """Green's operator rests, so nobody takes it off: the way back stops with its name, and blue's writer is on."""
    project = with_prometheus(tmp_path, serving=True)
    assert run(project)
    patched(project, Side.GREEN, PROMETHEUSES, "mon/main", {"metadata": {"finalizers": ["example.com/held"]}})
    with pytest.raises(CheckFailed, match="mon/main is being deleted on green"):
        roll_back_to(project, Phase.VERIFY)
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == (["prometheus-main-0"], [])


def test_a_way_back_that_was_cut_off_and_is_gone_forward_from_wakes_what_rests_on_green(
    tmp_path: Path,
) -> None:
    """The operator leaves replicas to others: what was put to rest there has its own again, and is seen Ready."""
    project = with_prometheus(tmp_path, serving=True, lax=True)
    watching_ = Watching(project)
    assert run(project, Life(tell=watching_))
    cut = Death(1, True, lambda said: said.startswith("write patch green statefulsets"))
    with pytest.raises(Killed):
        roll_back_to(project, Phase.VERIFY, Life(cut, tell=watching_))
    assert run(project, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == ([], ["prometheus-main-0"])
    roll_back_to(project, Phase.VERIFY, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
    assert writers(project, Side.GREEN) == []
    assert watching_.both == []


def test_what_has_another_name_on_green_is_off_before_blue_comes_back(tmp_path: Path) -> None:
    """Nobody here can name it: the way back waits for it by what made it, tells a person, and goes on once it is off."""
    project = with_prometheus(tmp_path, serving=True, generated=True)
    watching_ = Watching(project)
    assert run(project, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
    (pod,) = writers(project, Side.GREEN)
    name = pod.removesuffix("-0")
    with pytest.raises(CheckFailed, match=f"pods run below StatefulSet mon/{name}") as stopped:
        roll_back_to(project, Phase.VERIFY, Life(tell=watching_))
    assert f"scale StatefulSet mon/{name} to zero yourself" in str(stopped.value.remedy)
    assert (writers(project, Side.BLUE), writers(project, Side.GREEN)) == ([], [pod])
    patched(project, Side.GREEN, STATEFUL_SETS, f"mon/{name}", {"spec": {"replicas": 0}})
    roll_back_to(project, Phase.VERIFY, Life(tell=watching_))
    with world_of(project) as world:
        world.clock().sleep(60)
    assert (len(writers(project, Side.BLUE)), writers(project, Side.GREEN)) == (1, [])
    assert watching_.both == []
