"""Before a workload starts, its first pod is tried on green: what is refused, or not injected, is known by then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import GateName, Phase, Side
from migrate.model.objects import Object, Resource, dig, labels_of, name_of
from migrate.model.verdict import Verdict
from migrate.simulation.store import Key
from tests.scenario.hands import DEPLOYMENTS, SERVICES, created, deleted, patched
from tests.scenario.moves import FILE, Life, amended, progress_of, run, seeded, world_of

WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
JOBS = Resource("batch", "v1", "jobs", "Job", namespaced=True)
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob", namespaced=True)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)

PROXY = {"name": "proxy", "image": "example/proxy:1"}
STARTED = Life(until=Until(phase=Phase.START))
LEFT_OUT = (
    "  rules: [{kind: MutatingWebhookConfiguration, name: mesh, skip: true, reason: no mesh on green}]\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose blue has a mesh: an injector, its webhook, and a proxy in each pod of shop/web."""
    project = seeded(tmp_path / "move", FILE)
    created(project, Side.BLUE, NAMESPACES, "/mesh")
    pod = {
        "metadata": {"labels": {"app": "injector"}},
        "spec": {"containers": [{"name": "a", "image": "b:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "injector"}}, "template": pod}
    created(project, Side.BLUE, DEPLOYMENTS, "mesh/injector", spec=spec)
    ports = [{"port": 443, "targetPort": 8443}]
    created(
        project, Side.BLUE, SERVICES, "mesh/injector", spec={"selector": {"app": "injector"}, "ports": ports}
    )
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "mesh.example.com",
        "clientConfig": {"service": {"namespace": "mesh", "name": "injector"}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
        "objectSelector": {"matchLabels": {"app": "web"}},
        "rules": [rule],
    }
    created(project, Side.BLUE, WEBHOOKS, "/mesh", webhooks=[hook])
    with world_of(project) as world:
        world.clock().sleep(30)
        for body in world.store.containing("blue", "", "pods", "shop", '"app":"web"'):
            found = orjson.loads(body)
            meshed = {**found, "spec": {**found["spec"], "containers": [*found["spec"]["containers"], PROXY]}}
            with world.store.transaction():
                meshed["metadata"]["resourceVersion"] = str(world.store.next_number("revision"))
                world.store.put(Key("blue", "", "pods", "shop", name_of(found)), meshed, before=found)
    return project


def canaries(project: Project) -> dict[str, Verdict]:
    """The latest verdicts of canary pods, by workload."""
    progress = progress_of(project)
    assert progress.plan is not None
    found = (v for s in progress.plan.steps for v in progress.verdicts(s.batch))
    return {v.check.removeprefix("canary pod of "): v for v in found if v.check.startswith("canary pod of ")}


def pods_of(project: Project, app: str) -> list[Object]:
    """Green's pods of one workload."""
    with world_of(project) as world:
        found = [p for page in world.cluster(Side.GREEN).pages(PODS, namespace="shop") for p in page]
    return [p for p in found if labels_of(p).get("app") == app]


def refused(project: Project) -> CheckFailed:
    """Run into a canary that is refused; nothing has started."""
    with pytest.raises(CheckFailed) as caught:
        run(project, STARTED)
    assert caught.value.exit_code == 30
    assert pods_of(project, "web") == pods_of(project, "api") == []
    return caught.value


def test_a_meshed_pod_has_its_proxy_on_green_and_the_canary_says_so(project: Project) -> None:
    """What the webhook injects is told by name and image; what it does not select is told as taken."""
    assert not run(project, STARTED)
    assert canaries(project)["Deployment shop/web"].evidence == (
        "taken by green's server; injected: proxy (example/proxy:1)"
    )
    assert canaries(project)["Deployment shop/api"].evidence == "taken by green's server"
    made = pods_of(project, "web")
    assert made
    assert all([c["name"] for c in p["spec"]["containers"]] == ["main", "proxy"] for p in made)
    assert all([c["name"] for c in p["spec"]["containers"]] == ["main"] for p in pods_of(project, "api"))


def test_a_webhook_that_stays_behind_fails_by_the_container_s_name_until_that_is_accepted(
    project: Project,
) -> None:
    """The start is refused, with the container and the key to write; then the pods start without it."""
    project = amended(project, FILE + LEFT_OUT)
    said = refused(project)
    assert "proxy: injected into its pod on blue and not on green" in said.message
    assert "verify.accept" in said.remedy
    accept = "{kind: Deployment, name: web, path: spec.template.spec.containers, reason: the mesh goes}"
    project = amended(project, f"{FILE}{LEFT_OUT}verify: {{accept: [{accept}]}}\n")
    assert not run(project, STARTED)
    assert "without proxy, accepted: the mesh goes" in canaries(project)["Deployment shop/web"].evidence
    assert pods_of(project, "web")


def test_what_admission_refuses_is_told_of_all_before_anything_starts(tmp_path: Path) -> None:
    """A class that green lacks: each workload with the server's words; nothing started; mended, the move goes on."""
    rule = "  rules: [{kind: PriorityClass, name: gold, skip: true, reason: green has others}]\n"
    project = seeded(tmp_path / "move", FILE + rule)
    created(project, Side.BLUE, CLASSES, "/gold", value=7)
    for name in ("first", "second"):
        pod: dict[str, Any] = {"priorityClassName": "gold", "containers": [{"name": "a", "image": "b:1"}]}
        template = {"metadata": {"labels": {"app": name}}, "spec": pod}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
        created(project, Side.BLUE, DEPLOYMENTS, f"shop/{name}", spec=spec)
        ports = [{"port": 80, "targetPort": 8080}]
        created(
            project, Side.BLUE, SERVICES, f"shop/{name}", spec={"selector": {"app": name}, "ports": ports}
        )
    said = refused(project).message
    for name in ("first", "second"):
        assert f"canary pod of Deployment shop/{name}: " in said
    assert said.count("no PriorityClass with name gold was found, at /api/v1/namespaces/shop/pods/") == 2
    created(project, Side.GREEN, CLASSES, "/gold", value=7)
    assert not run(project, STARTED)
    assert all(verdict.passed for verdict in canaries(project).values())
    with world_of(project) as world:
        first = world.cluster(Side.GREEN).get(DEPLOYMENTS, "first", "shop")
    assert dig(first, "spec", "replicas") == 1


def worker_refused(project: Project) -> CheckFailed:
    """Run into the canary of what moves with the writers; blue's runs on."""
    with pytest.raises(CheckFailed) as caught:
        run(project)
    assert caught.value.exit_code == 30
    with world_of(project) as world:
        worker = world.cluster(Side.BLUE).get(DEPLOYMENTS, "worker", "back")
    assert dig(worker, "spec", "replicas") == 1
    return caught.value


def with_class(tmp_path: Path) -> Project:
    """A move whose exclusive worker names a class that green lacks."""
    rule = "  rules: [{kind: PriorityClass, name: gold, skip: true, reason: green has others}]\n"
    project = seeded(tmp_path / "move", FILE + rule)
    created(project, Side.BLUE, CLASSES, "/gold", value=7)
    patched(
        project,
        Side.BLUE,
        DEPLOYMENTS,
        "back/worker",
        {"spec": {"template": {"spec": {"priorityClassName": "gold"}}}},
    )
    with world_of(project) as world:
        world.clock().sleep(60)
    return project


def test_what_green_would_refuse_of_an_exclusive_workload_is_told_before_the_cutover(tmp_path: Path) -> None:
    """Blue's worker is not turned off for a pod that green's server does not take; mended, the move goes on."""
    project = with_class(tmp_path)
    said = worker_refused(project).message
    assert "canary pod of Deployment back/worker: " in said
    assert "no PriorityClass with name gold was found" in said
    created(project, Side.GREEN, CLASSES, "/gold", value=7)
    assert run(project)
    assert canaries(project)["Deployment back/worker"].passed


def test_green_is_asked_again_before_blue_s_writers_go_off(tmp_path: Path) -> None:
    """What green takes as it is verified, and refuses by the time of the gate, is left running on blue."""
    project = with_class(tmp_path)
    assert not run(project, STARTED)
    created(project, Side.GREEN, CLASSES, "/gold", value=7)
    assert not run(project, Life(until=Until(gate=GateName("before-writers"))))
    assert canaries(project)["Deployment back/worker"].passed
    deleted(project, Side.GREEN, CLASSES, "/gold")
    assert "no PriorityClass with name gold was found" in worker_refused(project).message


def test_a_meshed_worker_s_proxy_is_asked_for_before_blue_s_goes_off(tmp_path: Path) -> None:
    """A pod of blue's worker has a container beyond its template, and nothing on green would inject it."""
    project = seeded(tmp_path / "move", FILE)
    with world_of(project) as world:
        (body,) = world.store.containing("blue", "", "pods", "back", '"app":"worker"')
        found = orjson.loads(body)
        meshed = {**found, "spec": {**found["spec"], "containers": [*found["spec"]["containers"], PROXY]}}
        with world.store.transaction():
            meshed["metadata"]["resourceVersion"] = str(world.store.next_number("revision"))
            world.store.put(Key("blue", "", "pods", "back", name_of(found)), meshed, before=found)
    said = worker_refused(project).message
    assert "proxy: injected into its pod on blue and not on green" in said


def test_a_pod_that_needs_what_comes_with_the_writers_is_told_as_not_checked(tmp_path: Path) -> None:
    """Its account is made only when the writers move: a refusal today would say nothing."""
    rule = "  rules: [{kind: ServiceAccount, namespace: back, name: worker, hold: true, reason: it signs}]\n"
    project = seeded(tmp_path / "move", FILE + rule)
    created(project, Side.BLUE, ACCOUNTS, "back/worker")
    change = {"spec": {"template": {"spec": {"serviceAccountName": "worker"}}}}
    patched(project, Side.BLUE, DEPLOYMENTS, "back/worker", change)
    with world_of(project) as world:
        world.clock().sleep(60)
    assert run(project)
    told = canaries(project)["Deployment back/worker, not checked"]
    assert told.evidence == "green has ServiceAccount back/worker only when the writers move"


def test_what_runs_once_or_by_the_clock_is_tried_as_well(tmp_path: Path) -> None:
    """A CronJob that green has not yet, and a Job that sleeps there, would be refused: told before the cutover."""
    rules = (
        "{kind: PriorityClass, name: gold, skip: true, reason: green has others}",
        "{kind: Job, name: import, hold: true, reason: it may be cut off}",
    )
    project = seeded(tmp_path / "move", f"{FILE}  rules: [{', '.join(rules)}]\n")
    created(project, Side.BLUE, CLASSES, "/gold", value=7)
    golden = {"priorityClassName": "gold", "containers": [{"name": "a", "image": "b:1"}]}
    template = {"metadata": {"labels": {"app": "report"}}, "spec": {**golden, "restartPolicy": "Never"}}
    created(project, Side.BLUE, JOBS, "back/import", spec={"template": template})
    cron = {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": template}}}
    created(project, Side.BLUE, CRON_JOBS, "back/report", spec=cron)
    with pytest.raises(CheckFailed) as caught:
        run(project)
    for name in ("Job back/import", "CronJob back/report"):
        assert f"canary pod of {name}: " in caught.value.message
    assert caught.value.message.count("no PriorityClass with name gold was found") == 2
    created(project, Side.GREEN, CLASSES, "/gold", value=7)
    run(project)
    assert all(verdict.passed for verdict in canaries(project).values())
