"""Pods that nobody controls: a gate once taken away does not come back, and blue's goes by its owner's hand alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.doors.cluster import Verb, Write
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import GateName, Phase, Side
from migrate.model.marks import PARKED
from migrate.model.objects import Object, Resource, dig, metadata_of
from migrate.simulation.faults import Killed
from migrate.steps.move_writers import MoveWriters
from tests.scenario.hands import created, deleted
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    opened,
    progress_of,
    roll_back_to,
    run,
    seeded,
    world_of,
)

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
SERVES, WORKS = "shop/lone", "back/lone"
RULES = "  rules: [{kind: Pod, namespace: back, name: lone, replay: true, reason: it is wanted there}]\n"
WRITERS = Until(gate=GateName("before-writers"))
VERIFIED = Until(phase=Phase.VERIFY)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move with a Pod that a Service selects, and one that works alone."""
    project = seeded(tmp_path / "move", FILE + RULES)
    made(project, SERVES, labels={"app": "web"})
    made(project, WORKS)
    return project


def made(project: Project, where: str, labels: Mapping[str, str] | None = None, **more: Any) -> None:
    """Make a Pod on blue, as its owner does, its container with more than an image."""
    namespace, _, name = where.partition("/")
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    spec = {"containers": [{"name": "main", "image": "example/lone:1", **more}]}
    created(project, Side.BLUE, PODS, where, metadata=metadata, spec=spec)


def taken_away(project: Project, side: Side, where: str) -> None:
    """Delete a Pod, as its owner does, and let it end."""
    deleted(project, side, PODS, where)
    with world_of(project) as world:
        world.clock().sleep(60)


def pod(project: Project, side: Side, where: str) -> Object | None:
    """A Pod as a side has it."""
    namespace, _, name = where.partition("/")
    with world_of(project) as world:
        return world.cluster(side).get(PODS, name, namespace)


def gates(project: Project, where: str) -> list[str]:
    """What keeps a Pod of green from being scheduled; the Pod is there."""
    found = pod(project, Side.GREEN, where)
    assert found is not None
    return [gate["name"] for gate in dig(found, "spec", "schedulingGates") or ()]


def test_one_that_may_not_run_twice_waits_until_blues_is_deleted(project: Project) -> None:
    """Nothing is put to rest for it, whoever approves reads what to do, and the wait names who must do it."""
    assert not run(project, Life(until=WRITERS))
    with opened(project) as begun:
        words = "\n".join(MoveWriters().gate_words(begun.scene))
    assert "on blue kubectl delete pod lone -n back" in words
    with pytest.raises(CheckFailed) as stopped:
        run(project)
    assert "kubectl delete pod lone -n back" in str(stopped.value.remedy)
    assert gates(project, WORKS) == [PARKED]
    assert not [i for i in progress_of(project).intents() if i.action.params.get("why") == "rest"]
    taken_away(project, Side.BLUE, WORKS)
    assert run(project)
    assert gates(project, WORKS) == []


def test_one_that_was_deleted_ahead_is_no_difference(project: Project) -> None:
    """Deleted at the gate, before anything has moved: it is what was asked for."""
    assert not run(project, Life(until=WRITERS))
    taken_away(project, Side.BLUE, WORKS)
    assert run(project)
    assert gates(project, WORKS) == []


def test_one_that_has_ended_on_blue_does_not_begin_again(project: Project) -> None:
    """It has done its work there: green's stays at rest."""
    assert not run(project, Life(until=WRITERS))
    namespace, _, name = WORKS.partition("/")
    with world_of(project) as world:
        done = {"status": {"phase": "Succeeded"}}
        world.cluster(Side.BLUE).write(Write(Verb.PATCH, PODS, name, namespace, done, subresource="status"))
    said: list[str] = []
    assert run(project, Life(tell=lambda event: said.append(event.text)))
    assert any("has ended on blue (Succeeded), and stays at rest on green" in text for text in said)
    assert gates(project, WORKS) == [PARKED]


def test_there_and_back_and_there_again(project: Project) -> None:
    """The way back over a start deletes green's Pod, and the next run writes it anew, held, before it starts again."""
    run(project, Life(until=VERIFIED))
    assert gates(project, SERVES) == []
    roll_back_to(project, Phase.REPLAY)
    assert pod(project, Side.GREEN, SERVES) is None
    run(project, Life(until=WRITERS))
    taken_away(project, Side.BLUE, WORKS)
    assert run(project)
    assert (gates(project, SERVES), gates(project, WORKS)) == ([], [])
    roll_back_to(project, Phase.VERIFY)
    assert (gates(project, SERVES), pod(project, Side.GREEN, WORKS)) == ([], None)
    made(project, WORKS)
    run(project, Life(until=WRITERS))
    assert gates(project, WORKS) == [PARKED]


@pytest.mark.parametrize("after", [False, True])
def test_a_way_there_and_back_that_is_cut_off_ends_alike(project: Project, *, after: bool) -> None:
    """Killed at a start or at its way back, before the act or behind it: the next process ends what was begun."""
    with pytest.raises(Killed):
        run(project, Life(Death(1, after, lambda said: said.startswith("write patch green pods"))))
    run(project, Life(until=VERIFIED))
    assert gates(project, SERVES) == []
    fuse = Death(1, after, lambda said: said.startswith("write delete green pods"))
    with pytest.raises(Killed):
        roll_back_to(project, Phase.REPLAY, Life(fuse))
    roll_back_to(project, Phase.REPLAY)
    assert pod(project, Side.GREEN, SERVES) is None


def test_one_that_may_not_run_on_both_sides_any_more_is_held_again(project: Project) -> None:
    """The operator holds it now: green's is deleted and written anew, and waits for blue's to go."""
    run(project, Life(until=VERIFIED))
    before = metadata_of(pod(project, Side.GREEN, SERVES) or {})["uid"]
    rule = "{kind: Pod, namespace: shop, name: lone, hold: true, reason: it writes}"
    text = project.file.read_text().replace("rules: [", f"rules: [{rule}, ")
    project = amended(project, text)
    run(project, Life(until=VERIFIED))
    assert gates(project, SERVES) == [PARKED]
    assert metadata_of(pod(project, Side.GREEN, SERVES) or {})["uid"] != before


@pytest.mark.parametrize("after", [False, True])
def test_a_move_of_one_that_is_cut_off_ends_alike(project: Project, *, after: bool) -> None:
    """Killed when green's is let go, with blue's gone already: what green has to run stands there, and goes on."""
    assert not run(project, Life(until=WRITERS))
    taken_away(project, Side.BLUE, WORKS)
    with pytest.raises(Killed):
        run(project, Life(Death(1, after, lambda said: said.startswith("write patch green pods"))))
    assert run(project)
    assert gates(project, WORKS) == []


def test_one_that_was_made_otherwise_on_blue_is_told(project: Project) -> None:
    """Its spec cannot be changed on green: the run stops with the server's words, and goes on once green's is gone."""
    run(project, Life(until=VERIFIED))
    taken_away(project, Side.BLUE, WORKS)
    made(project, WORKS, args=["--twice"])
    with pytest.raises(CheckFailed) as stopped:
        run(project, Life(until=VERIFIED))
    print("TOLD", stopped.value, stopped.value.remedy)
    assert "pod updates may not change fields" in str(stopped.value)
    taken_away(project, Side.GREEN, WORKS)
    run(project, Life(until=VERIFIED))
    assert gates(project, WORKS) == [PARKED]
    assert dig(pod(project, Side.GREEN, WORKS), "spec", "containers")[0]["args"] == ["--twice"]
