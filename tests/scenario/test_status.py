"""The status of a custom resource goes along where the operator says so, once, and never over green's own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.doors.cluster import Verb, Write
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Resource
from migrate.simulation.faults import Killed
from tests.scenario.hands import once_done
from tests.scenario.moves import FILE, Death, Life, copied, progress_of, run, small_project, world_of

RULE = """\
  rules: [{kind: Shop, namespace: shop, replay: true, status: true, reason: it knows its bucket by its status}]
"""
SHOPS = Resource("example.net", "v1", "shops", "Shop", namespaced=True)
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "shops.example.net"},
    "spec": {
        "group": "example.net",
        "scope": "Namespaced",
        "names": {"plural": "shops", "singular": "shop", "kind": "Shop", "listKind": "ShopList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
SHOP = {
    "apiVersion": "example.net/v1",
    "kind": "Shop",
    "metadata": {"name": "main", "namespace": "shop", "generation": 3},
    "spec": {"size": 3},
    "status": {"bucket": "b-7", "observedGeneration": 3},
}
CARRIED = {"bucket": "b-7", "observedGeneration": 1}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A move that was not begun, of a blue with a custom resource that has a status."""
    project = small_project(tmp_path_factory.mktemp("status") / "fresh", FILE + RULE)
    file = project.file.with_name("blue.yaml")
    objects = [o for o in yaml.safe_load_all(file.read_text()) if o]
    file.write_text(yaml.safe_dump_all([*objects, DEFINITION, SHOP]))
    with wired(project):
        pass
    return project


@pytest.fixture
def project(begun: Project, tmp_path: Path) -> Project:
    """A move of the test's own."""
    return copied(begun, tmp_path / "move")


def on_green(project: Project) -> Object:
    """The custom resource as green has it."""
    with world_of(project) as world:
        return world.cluster(Side.GREEN).get(SHOPS, "main", "shop") or {}


def stated(project: Project, status: Object | None) -> None:
    """Write the status on green as somebody else."""
    with world_of(project) as world:
        write = Write(Verb.PATCH, SHOPS, "main", "shop", {"status": status}, subresource="status")
        world.cluster(Side.GREEN).write(write)


@pytest.mark.parametrize("after", [None, False, True])
def test_a_status_goes_along_once(project: Project, *, after: bool | None) -> None:
    """Unbroken, or killed before the write or behind its effect, it stands as on blue, and the move is carried out."""
    if after is not None:
        death = Death(1, after=after, only=lambda words: words.startswith("write patch green shops"))
        with suppress(Killed):
            run(project, Life(death))
        assert bool(on_green(project).get("status")) is after
    assert run(project)
    assert on_green(project)["status"] == CARRIED


def test_what_green_has_said_by_itself_stays(project: Project) -> None:
    """What green's operator writes into the status after us is its own: it is left, and no difference."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    stated(project, {"bucket": "of-green"})
    assert run(project)
    assert on_green(project)["status"]["bucket"] == "of-green"


def test_a_status_that_was_lost_is_found(project: Project) -> None:
    """Parity names it: what knows its bucket by its status would make another one."""
    lost = once_done("start.serving", lambda: stated(project, None))
    with pytest.raises(CheckFailed, match=r"Shop\.example\.net shop/main: differs at status"):
        run(project, Life(tell=lost))
    assert run(project)  # the next run writes it again


def test_the_value_is_in_no_journal(project: Project) -> None:
    """A status may hold what a Secret would: the journal has a keyed hash of it."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    acts = [i.action for i in progress_of(project).intents() if i.action.kind == "status"]
    assert len(acts) == 1
    assert "b-7" not in str(acts[0].as_json())
