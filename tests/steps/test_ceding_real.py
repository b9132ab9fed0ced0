"""Ceding on real API servers, and back: who owns what is as it was, and both ways go by pages in the order of their lists."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from migrate.actions.cede import Cede, Reclaim
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.engine.step import Scene
from migrate.kube.connect import connect
from migrate.model import marks
from migrate.model.action import Action, OutcomeState, State
from migrate.model.ids import NO_BATCH, RunId, Side
from migrate.model.migration import Blue, Metadata, Migration
from migrate.model.objects import Object, Resource, metadata_of, name_of, namespace_of
from migrate.model.ownership import entries_of
from migrate.model.progress import Progress
from migrate.simulation.faults import FaultyCluster
from migrate.steps.ceding import ceded_to_blues
from tests.actions.test_seeing import Counting
from tests.lab.control_plane import ControlPlane

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
KIND = ("apps", "Deployment")
EACH = 75
"""Objects in each of two namespaces: together more than the first page of a list."""


@dataclass
class Sides:
    """Both sides with the same Deployments, a run's on green and a pipeline's on blue, and what is asked of them."""

    doors: Doors
    spaces: tuple[str, str]
    run: RunId
    bodies: Bodies
    asked: Counting

    @property
    def reach(self) -> Reach:
        """What the handlers need."""
        return Reach(Directory(self.doors), self.bodies, self.run)

    def settled(self) -> None:
        """Wait until green's controllers have said all that they say of new objects, each word a version."""
        before, now, deadline = [object()], self._versions(), time.monotonic() + 120
        while before != now:
            assert time.monotonic() < deadline, "green's controllers go on writing"
            time.sleep(2.0)
            before, now = now, self._versions()

    def _versions(self) -> list[Any]:
        """The version of each; a word alone until all were seen by their controller."""
        found = [
            o for page in self.doors.green.pages(DEPLOYMENTS) for o in page if namespace_of(o) in self.spaces
        ]
        seen = [o for o in found if "observedGeneration" in o.get("status", {})]
        return [metadata_of(o)["resourceVersion"] if seen == found else object() for o in found]

    def owners(self) -> dict[tuple[str, str], Any]:
        """Who owns what on green, whenever it came to own it."""
        found: dict[tuple[str, str], Any] = {}
        for space in self.spaces:
            for page in self.doors.green.pages(DEPLOYMENTS, namespace=space, ownership=True):
                for obj in page:
                    entries = ({**e, "time": ""} for e in entries_of(obj) if e.get("subresource") != "status")
                    found[namespace_of(obj), name_of(obj)] = sorted(entries, key=lambda e: str(e["manager"]))
        return found


def deployment(space: str, name: str, **annotations: str) -> Object:
    """One at rest, with a list that is a set of its items."""
    pod = {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": space, "annotations": annotations}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.fixture
def sides(blue_and_green: tuple[ControlPlane, ControlPlane]) -> Iterator[Sides]:
    """The real clusters, with namespaces of this test's own, of which one's name begins with the other's."""
    run = RunId(f"run-{uuid4().hex[:8]}")
    spaces = f"ceding-{run[-8:]}", f"ceding-{run[-8:]}-a"
    with (
        connect(blue_and_green[0].kubeconfig, None, Side.BLUE) as blue,
        connect(blue_and_green[1].kubeconfig, None, Side.GREEN) as green,
    ):
        for space in spaces:
            names = [f"web-{number:03}" for number in range(EACH)]
            for cluster in (blue, green):
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
                cluster.write(Write(Verb.CREATE, NAMESPACES, space, body=body))
            for name in names:
                path = f"/apis/apps/v1/namespaces/{space}/deployments"
                blue_and_green[0].api.create(f"{path}?fieldManager=pipeline", deployment(space, name))
            bodies = {name: deployment(space, name, **{marks.RUN: run}) for name in names}
            green.write_many(
                [Write(Verb.CREATE, DEPLOYMENTS, name, space, body) for name, body in bodies.items()]
            )
        asked = Counting()
        clusters = {Side.BLUE: FaultyCluster(blue, asked), Side.GREEN: FaultyCluster(green, asked)}
        doors = SimpleNamespace(
            **{side.value: c for side, c in clusters.items()}, cluster=clusters.__getitem__
        )
        yield Sides(cast("Doors", doors), spaces, run, Bodies(), asked)
        for cluster in (blue, green):
            for space in spaces:
                cluster.write(Write(Verb.DELETE, NAMESPACES, space))


def test_it_is_ceded_and_claimed_back_by_pages(sides: Sides) -> None:
    """Blue's pipeline owns on green what it owns on blue; then all is ours once more, to the field."""
    sides.settled()
    before = sides.owners()
    assert len(before) == 2 * EACH
    migration = Migration(metadata=Metadata(name="test"), blue=Blue(simulated=""))
    scene = Scene(migration, sides.doors, Progress(), sides.run, b"", NO_BATCH, Path(), sides.bodies)
    there, back = Cede(sides.reach), Reclaim(sides.reach)
    sides.asked.words.clear()
    done: list[Action] = []
    for batch in ceded_to_blues(scene, {KIND}):
        assert {o.state for o in there.act(there.prepare(batch))} == {OutcomeState.DONE}
        done += batch
    assert len(done) == 2 * EACH
    assert (
        sides.asked.count("read blue deployments.apps ") + sides.asked.count("read green deployments.apps ")
        == 0
    )
    assert {o.state for o in there.observe_many(done)} == {State.DONE}
    for found in sides.owners().values():
        fields = {entry["manager"]: entry["fieldsV1"] for entry in found}
        assert fields.keys() == {"pipeline", FIELD_MANAGER}
        assert fields[FIELD_MANAGER] == {"f:metadata": {"f:annotations": {f"f:{marks.RUN}": {}}}}

    sides.bodies.offer({})
    sides.asked.words.clear()
    backs = [action.inverse for action in done if action.inverse is not None]
    for first in range(0, len(backs), 50):
        assert {o.state for o in back.act(backs[first : first + 50])} == {OutcomeState.DONE}
    assert sides.asked.count("write patch green") == 2 * EACH
    assert sides.asked.count("read green deployments.apps ") == 0
    assert {o.state for o in back.observe_many(backs)} == {State.DONE}
    assert _whole(sides.owners()) == _whole(before)


def _whole(found: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Each owner's fields; an object's own annotation of a Deployment's controller comes when it likes."""
    return {
        place: {
            (e["manager"], e["operation"]): e["fieldsV1"]
            for e in entries
            if e["manager"] != "kube-controller-manager"
        }
        for place, entries in found.items()
    }
