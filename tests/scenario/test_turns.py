"""What is held is let go in turns; what would act against the move goes off on blue before the first writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, dig
from migrate.replay.forms import KEDA_REPLICAS
from tests.scenario.hands import DEPLOYMENTS, SERVICES, created, scaled_by_an_autoscaler
from tests.scenario.moves import FILE, roll_back_to, run, seeded, world_of
from tests.scenario.turns import FLUX, acts, defined, first, ways_in

SCALED = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", namespaced=True)
SENDERS = Resource("volsync.backube", "v1alpha1", "replicationsources", "ReplicationSource", namespaced=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose blue has something for every turn."""
    project = seeded(tmp_path / "move", FILE)
    for resource in (SCALED, FLUX, SENDERS):
        defined(project, resource)
    with world_of(project) as world:
        world.clock().sleep(10)  # until they are Established
    for name, image in (("external-dns", "example/external-dns:1"), ("descheduler", "example/descheduler:1")):
        pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": image}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": pod}
        created(project, Side.BLUE, DEPLOYMENTS, f"back/{name}", spec=spec)
    ways_in(project)
    created(project, Side.BLUE, SCALED, "back/worker", spec={"scaleTargetRef": {"name": "worker"}})
    created(project, Side.BLUE, FLUX, "back/apps", spec={"path": "./apps", "interval": "10m"})
    backup = {"sourcePVC": "data", "trigger": {"schedule": "0 2 * * *"}, "restic": {"repository": "r"}}
    created(project, Side.BLUE, SENDERS, "back/nightly", spec=backup)
    scaled_by_an_autoscaler(project, "web")
    return project


def test_turns_follow_one_another(project: Project) -> None:
    """Blue's actors rest, writers move, fixed addresses, the traffic, then ways in, names, Git and machines."""
    assert run(project)
    found = acts(project)
    order = [
        *sorted(first(found, "patch blue", name, "rest") for name in ("external-dns", "descheduler")),
        first(found, "patch blue", "Deployment", "/worker", "rest"),
        first(found, "patch green", "/worker", "release"),
        first(found, "patch blue", "shop/own", "rest"),
        first(found, "patch green", "shop/own", "release"),
        first(found, "patch green", "Ingress", "release"),
        first(found, "patch green", "external-dns", "release"),
        first(found, "patch green", "Kustomization", "release"),
        first(found, "patch green", "descheduler", "release"),
    ]
    assert order == sorted(order)
    assert first(found, "patch blue", "ScaledObject", "rest") < first(
        found, "patch blue", "Deployment", "/worker"
    )
    paused = first(found, "patch blue", "ReplicationSource", "rest")
    assert paused < first(found, "patch blue", "Deployment", "/worker", "rest")
    assert first(found, "create green", "ReplicationSource") > first(
        found, "patch green", "Kustomization", "release"
    )
    assert first(found, "create green", "ScaledObject") > first(found, "patch green", "/worker", "release")


def test_the_way_back_wakes_blues_actors_last(project: Project) -> None:
    """After a rollback everything is on blue as it was, the ports of its load balancer among it."""
    before = objects(project)
    assert run(project)
    assert objects(project) != before
    roll_back_to(project, Phase.VERIFY)
    assert objects(project) == before


def objects(project: Project) -> list[Any]:
    """What a person wrote of blue's actors and of its load balancer."""
    named = [(DEPLOYMENTS, "back", name) for name in ("external-dns", "descheduler", "worker")]
    named += [(SERVICES, "shop", "own"), (SCALED, "back", "worker"), (SENDERS, "back", "nightly")]
    with world_of(project) as world:
        found = [world.cluster(Side.BLUE).get(resource, name, space) for resource, space, name in named]
    paused = ("metadata", "annotations", KEDA_REPLICAS)
    return [(dig(obj or {}, "spec"), dig(obj or {}, *paused)) for obj in found]
