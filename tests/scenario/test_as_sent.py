"""A wave whose objects green takes otherwise than sent says so, and who verifies hears of it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.events import Event
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from tests.contract.test_cluster_custom import crd
from tests.scenario.hands import created
from tests.scenario.moves import FILE, Life, copied, progress_of, run, seeded, world_of

DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
THINGS = Resource("g.example.com", "v1", "things", "Thing", namespaced=True)
RULE = "  rules: [{kind: CustomResourceDefinition, skip: true, reason: green has its own}]\n"


def definition(project: Project, side: Side, *known: str) -> None:
    """Let a side serve Things whose spec has these fields."""
    properties: dict[str, Any] = {name: {"type": "integer"} for name in known}
    made = crd("g", {"spec": {"type": "object", "properties": properties}})
    created(project, side, DEFINITIONS, f"/{made['metadata']['name']}", spec=made["spec"])
    with world_of(project) as world:
        world.settle()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose green has a definition of its own, with a field less than blue's."""
    project = copied(seeded(tmp_path / "fresh", FILE + RULE), tmp_path / "move")
    definition(project, Side.BLUE, "known", "foo")
    created(project, Side.BLUE, THINGS, "shop/t", spec={"known": 1, "foo": 2})
    run(project, Life(until=Until(phase=Phase.BUILD)))
    definition(project, Side.GREEN, "known")
    return project


def test_a_wave_tells_what_green_dropped(project: Project) -> None:
    """The path, the server's words and the object are told with its wave, and stand in the journal."""
    heard: list[Event] = []
    with pytest.raises(
        CheckFailed, match=r"Thing\.g\.example\.com shop/t: differs at spec\.foo \(green's server dropped it"
    ):
        run(project, Life(tell=heard.append))
    (said,) = (event.text for event in heard if "otherwise than sent" in event.text)
    assert "green made 1 of 1 otherwise than sent: Thing.g.example.com shop/t (spec.foo)" in said
    assert 'its server warned about 1 of 1: Thing.g.example.com shop/t (unknown field "spec.foo")' in said
    assert progress_of(project).recorded("wave 10 as sent") == {
        "changed": {"Thing.g.example.com shop/t": ["spec.foo"]},
        "warned": {"Thing.g.example.com shop/t": ['unknown field "spec.foo"']},
        "counts": {"objects": 1, "changed": 1, "warned": 1},
    }
