"""A delta killed anywhere and resumed ends where an unbroken one ends: nothing twice, nothing foreign touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Step
from hypothesis import strategies as st

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import dig
from migrate.simulation.faults import Fuse, Killed
from tests.scenario.endings import ending_of
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, ROLES, SERVICES, created, deleted, patched
from tests.scenario.moves import Death, Life, copied, effects_only, everything, run, seeded, world_of
from tests.scenario.test_kill_anywhere import Kill, Unbroken, check, kills
from tests.scenario.visitors import come, identities

VERIFIED = Until(phase=Phase.VERIFY)


def changed(project: Project) -> None:
    """Let blue live on: something new of several waves, something else, something gone, and another class."""
    with world_of(project) as world:
        web = world.cluster(Side.BLUE).get(DEPLOYMENTS, "web", "shop") or {}
    containers = [{**c, "image": "example/web:2"} for c in dig(web, "spec", "template", "spec", "containers")]
    created(project, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    created(project, Side.BLUE, ROLES, "back/new", rules=[])
    labels = {"app": "new"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "example/new:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    created(project, Side.BLUE, DEPLOYMENTS, "back/new", spec=spec)
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": None, "lane": "fast"}})
    patched(project, Side.BLUE, SERVICES, "shop/api", {"metadata": {"labels": {"team": "a"}}})
    image = {"spec": {"replicas": 3, "template": {"spec": {"containers": containers}}}}
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", image)
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/api", {"spec": {"strategy": {"type": "Recreate"}}})
    deleted(project, Side.BLUE, ROLES, "back/reader")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """A delta that nobody cut off, on a green where others are."""
    fresh = seeded(tmp_path_factory.mktemp("delta") / "fresh")
    run(fresh, Life(until=Until(phase=Phase.BUILD)))
    come(fresh)
    run(fresh, Life(until=VERIFIED))
    changed(fresh)
    others = identities(fresh)
    project = copied(fresh, tmp_path_factory.mktemp("unbroken") / "move")
    fuse = Fuse(only=everything)
    run(project, Life(fuse, until=VERIFIED))
    assert identities(project) == others
    return Unbroken(fresh, ending_of(project), tuple(fuse.calls), others)


def resumed(project: Project, fuses: list[Death]) -> None:
    """Run, killed by each fuse in turn, then to the end of the verification."""
    for fuse in fuses:
        with suppress(Killed):
            run(project, Life(fuse, until=VERIFIED))
    run(project, Life(until=VERIFIED))


def test_the_delta_has_something_of_everything(unbroken: Unbroken) -> None:
    """Creates, applies, deletes, a start and a rest: each is a place to die at."""
    writes = " ".join(call for call in unbroken.calls if call.startswith("write "))
    for verb in ("create green", "apply green", "delete green", "patch green deployments"):
        assert f"write {verb}" in writes


@pytest.mark.timeout(1200)
@settings(
    max_examples=12,
    phases=[Step.explicit, Step.reuse, Step.generate, Step.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(deaths=st.lists(kills, min_size=1, max_size=3))
def test_a_delta_killed_anywhere(unbroken: Unbroken, places: Iterator[Path], deaths: list[Kill]) -> None:
    """Up to three kills at any journal write or door call: the end is an unbroken delta's, what is others' untouched."""
    project = copied(unbroken.fresh, next(places))
    resumed(project, [kill.fuse(unbroken) for kill in deaths])
    check(project, unbroken)
    shutil.rmtree(project.state.parent.parent)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("after", [False, True])
def test_a_delta_killed_at_every_effect(
    unbroken: Unbroken, places: Iterator[Path], part: int, *, after: bool
) -> None:
    """Every single journal write and effect of it is a place to die at."""
    for at in range(1 + part, unbroken.of(effects_only) + 1, 8):
        project = copied(unbroken.fresh, next(places))
        resumed(project, [Death(at, after=after, only=effects_only)])
        check(project, unbroken)
        shutil.rmtree(project.state.parent.parent)
