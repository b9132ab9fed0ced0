"""A recorded blue of long ago moves to a green that serves none of its versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from migrate.cli.project import Project, load
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import Object
from tests.scenario.blue import small_blue
from tests.scenario.moves import FILE, run, world_of

OLD = "v1.18.20"
DOWN = {"policy/v1": "policy/v1beta1", "batch/v1": "batch/v1beta1"}


def old_blue() -> str:
    """The small blue as a server of OLD gives it: its budget and its CronJob in beta, an Ingress beside them."""
    objects: list[dict[str, Any]] = list(yaml.safe_load_all(small_blue()))
    for obj in objects:
        if obj["kind"] == "Node":
            obj["status"]["nodeInfo"]["kubeletVersion"] = OLD
        obj["apiVersion"] = DOWN.get(obj["apiVersion"], obj["apiVersion"])
    path = {"path": "/", "backend": {"serviceName": "web", "servicePort": 80}}
    extra = [
        _shop("extensions/v1beta1", "Ingress", "web", rules=[{"http": {"paths": [path]}}]),
        _shop("policy/v1beta1", "PodDisruptionBudget", "none", maxUnavailable=1, selector={}),
        _shop(
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "api",
            scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
            maxReplicas=1,
        ),
    ]
    return yaml.safe_dump_all([*objects, *extra], sort_keys=False)


def _shop(version: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def project(tmp_path: Path, text: str = FILE) -> Project:
    """A move of it; a simulated green is as new as the planned Calico wants it."""
    (tmp_path / "blue.yaml").write_text(old_blue())
    (tmp_path / "migration.yaml").write_text(text)
    return load(str(tmp_path / "migration.yaml"), None, None)


def objects_of(project: Project, side: Side) -> dict[tuple[str, str], Object]:
    """What a side has, by apiVersion with kind, and name."""
    with world_of(project) as world:
        inventory = read_inventory(world.cluster(side))
    return {(f"{o['apiVersion']} {o['kind']}", o["metadata"]["name"]): o for _, o in inventory}


def test_every_object_arrives_in_a_version_that_green_serves(tmp_path: Path) -> None:
    """The move ends whole: nothing was refused on the way, and parity held what arrived against what was decided."""
    move = project(tmp_path)
    assert run(move)
    blue, green = objects_of(move, Side.BLUE), objects_of(move, Side.GREEN)
    assert ("batch/v1beta1 CronJob", "nightly") in blue
    assert not green["batch/v1 CronJob", "nightly"]["spec"].get("suspend")
    assert ("networking.k8s.io/v1beta1 Ingress", "web") in blue
    (rule,) = green["networking.k8s.io/v1 Ingress", "web"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"] == {"service": {"name": "web", "port": {"number": 80}}}
    none = green["policy/v1 PodDisruptionBudget", "none"]["spec"]["selector"]
    assert none["matchExpressions"][0]["operator"] == "Exists"
    web = green["policy/v1 PodDisruptionBudget", "web"]["spec"]["selector"]
    assert web == {"matchLabels": {"app": "web"}}
    assert ("autoscaling/v2 HorizontalPodAutoscaler", "api") in green


def test_a_green_as_old_as_blue_gets_what_blue_has(tmp_path: Path) -> None:
    """What both serve is written as it was read, though newer servers have given it up."""
    old_calico = (
        "  calico: {version: v3.16.0}\n"  # nothing is known of the Kubernetes that it was tested with
    )
    move = project(tmp_path, FILE.replace("cutover:\n", f"{old_calico}cutover:\n"))
    assert run(move)
    green = objects_of(move, Side.GREEN)
    assert green["policy/v1beta1 PodDisruptionBudget", "none"]["spec"]["selector"] == {}
    path = green["networking.k8s.io/v1beta1 Ingress", "web"]["spec"]["rules"][0]["http"]["paths"][0]
    assert path["backend"] == {"serviceName": "web", "servicePort": 80}
    assert ("batch/v1beta1 CronJob", "nightly") in green
