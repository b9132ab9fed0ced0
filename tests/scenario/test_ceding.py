"""After the finish whoever keeps an object on blue keeps it on green: changes it, and takes away what it says no more."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.engine.runner import Until
from migrate.model import marks
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object
from migrate.model.ownership import entries_of
from migrate.simulation.faults import Killed
from migrate.simulation.server import SimulatedCluster
from tests.scenario.hands import CONFIG_MAPS
from tests.scenario.moves import FILE, Death, Life, amended, roll_back_to, run, world_of
from tests.scenario.test_conflicts import NAMESPACES, on, theirs

CEDING = "write patch green configmaps shop/settings"
FLUX = "kustomize-controller"


def applied(project: Project, side: Side, **data: str) -> Object:
    """What the pipeline applies from Git, without force."""
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
    body["metadata"] = {"name": "settings", "namespace": "shop"}
    with world_of(project) as world:
        flux = SimulatedCluster(world.store, side, manager=FLUX)
        return flux.write(Write(Verb.APPLY, CONFIG_MAPS, "settings", "shop", body))


def owners(project: Project) -> set[str]:
    """Who owns a field of it on green."""
    with world_of(project) as world:
        found = world.cluster(Side.GREEN).get(CONFIG_MAPS, "settings", "shop") or {}
    return {entry["manager"] for entry in entries_of(found)}


def test_a_pipeline_changes_and_prunes_what_was_replayed(project: Project) -> None:
    """As on blue: no conflict with us, and a key that Git has no more goes."""
    applied(project, Side.BLUE, colour="red", size="1")
    run(project, Life(until=Until(phase=Phase.SOAK)))
    assert FIELD_MANAGER in owners(project)
    assert run(project)
    assert owners(project) == {FLUX}
    assert applied(project, Side.GREEN, colour="blue")["data"] == {"colour": "blue"}


def test_a_way_back_behind_the_finish_gives_up_what_was_adopted(project: Project) -> None:
    """What we added to another team's object is ours again for it, and goes; what they had stays."""
    run(project, Life(until=Until(phase=Phase.BUILD)))
    for resource, where, body in (
        (NAMESPACES, "back", {}),
        (CONFIG_MAPS, "back/worker", {"data": {"theirs": "kept"}}),
    ):
        theirs(project, resource, where, **body)
    stays = "{kind: ConfigMap, namespace: back, name: worker, path: data.theirs, reason: the other team's own key}"
    project = amended(project, f"{FILE}  onConflict: adopt\nverify: {{accept: [{stays}]}}\n")
    assert run(project)
    roll_back_to(project, Phase.BUILD)
    assert (on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {})["data"] == {"theirs": "kept"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_finish_that_was_cut_off_cedes_it_all_the_same(project: Project, after: bool) -> None:
    """Killed at the write of the owners, the next run has the end of an unbroken one."""
    applied(project, Side.BLUE, colour="red")
    run(project, Life(until=Until(phase=Phase.SOAK)))
    with pytest.raises(Killed):
        run(project, Life(Death(1, after=after, only=lambda words: words == CEDING)))
    assert run(project)
    assert owners(project) == {FLUX}


def test_another_runs_objects_are_not_ceded(project: Project) -> None:
    """It has our manager's name, and another run's mark."""
    run(project, Life(until=Until(phase=Phase.SOAK)))
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    body["metadata"] = {"name": "settings", "namespace": "shop", "annotations": {marks.RUN: "another"}}
    with world_of(project) as world:
        world.cluster(Side.GREEN).write(Write(Verb.CREATE, CONFIG_MAPS, "settings", "shop", body))
    assert run(project)
    assert owners(project) == {FIELD_MANAGER}
