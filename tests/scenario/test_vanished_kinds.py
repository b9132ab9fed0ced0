"""A custom resource whose definition vanishes: on blue while it is listed, on green on the way on and on the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from migrate.cli.project import Project
from migrate.doors.reading import read_inventory
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from migrate.simulation.faults import FaultyCluster, Fuse
from tests.scenario.hands import created, deleted, once_done
from tests.scenario.moves import Life, progress_of, roll_back_to, run, seeded, world_of

_Result = TypeVar("_Result")

DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
WIDGETS = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)
DEFINITION = "/widgets.example.com"

VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
SPEC = {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
    "versions": [VERSION],
}

REPLAYED = Life(until=Until(phase=Phase.REPLAY))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose blue has a custom resource."""
    made = seeded(tmp_path / "move")
    created(made, Side.BLUE, DEFINITIONS, DEFINITION, spec=SPEC)
    with world_of(made) as world:
        world.settle()
    created(made, Side.BLUE, WIDGETS, "shop/one", size=1)
    return made


def vanish(project: Project, side: Side) -> None:
    """Delete the definition, and let the controllers take away what it defined."""
    deleted(project, side, DEFINITIONS, DEFINITION)
    with world_of(project) as world:
        world.settle()


class Vanishing(Fuse):
    """A definition that goes, once, just before a certain call."""

    def __init__(self, before: str, project: Project, side: Side) -> None:
        super().__init__()
        self._before = before
        self._project = project
        self._side = side
        self.gone = False

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Make the call, when the definition has gone."""
        if words.startswith(self._before) and not self.gone:
            self.gone = True
            vanish(self._project, self._side)
        return call()


def test_on_blue_while_it_is_listed(project: Project) -> None:
    """What was served a moment ago is named as not read, with the server's words, and the rest is read."""
    with world_of(project) as world:
        fuse = Vanishing("read blue widgets.example.com", project, Side.BLUE)
        found = read_inventory(FaultyCluster(world.cluster(Side.BLUE), fuse))
    assert "the server could not find the requested resource" in found.unreadable["widgets.example.com"]
    assert found.of("ConfigMap")
    assert not found.of("Widget", "example.com")


def test_on_green_between_its_waves(project: Project) -> None:
    """The object is told with the server's words, the wave's gate holds, and the same command makes both again."""

    going = Vanishing("write create green services ", project, Side.GREEN)
    with pytest.raises(CheckFailed) as caught:
        run(project, Life(going, until=REPLAYED.until))
    assert going.gone
    said = f"{caught.value.message}\n{caught.value.remedy}"
    assert "Widget.example.com shop/one" in said
    assert caught.value.exit_code == 30
    assert not progress_of(project).in_doubt()
    run(project, REPLAYED)
    with world_of(project) as world:
        assert world.cluster(Side.GREEN).get(WIDGETS, "one", "shop")


def test_on_green_before_the_way_back(project: Project) -> None:
    """What went with its definition is gone already: the way back says nothing of it, and nothing of ours stands."""
    run(project, REPLAYED)
    vanish(project, Side.GREEN)
    roll_back_to(project, Phase.BUILD)
    assert not progress_of(project).in_doubt()
    with world_of(project) as world:
        green = world.cluster(Side.GREEN)
        assert not [r for r in green.resources() if r.group == "example.com"]
        (services,) = (r for r in green.resources() if r.name == "services")
        names = {obj["metadata"]["namespace"] for page in green.pages(services) for obj in page}
    assert "shop" not in names


def test_on_green_before_the_writers_move(project: Project) -> None:
    """What green has lost since its verification is named before any traffic moves, and written again by the next run."""
    with pytest.raises(CheckFailed) as caught:
        run(project, Life(tell=once_done("verify.routes", lambda: vanish(project, Side.GREEN))))
    assert "Widget.example.com shop/one" in str(caught.value)
    assert progress_of(project).weights() == {}
    assert run(project)
