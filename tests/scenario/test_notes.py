"""What rests on blue says itself how it was, and comes back by that alone; the way back and the finish take it away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.marks import PRIOR
from migrate.model.objects import Object, annotations_of, dig, kind_of, name_of
from migrate.replay.edits import merged
from tests.scenario.endings import bodies
from tests.scenario.moves import Life, roll_back_to, run, world_of
from tests.scenario.test_turns import project as moving

project = moving


def of_blue(project: Project) -> dict[str, Object]:
    """Blue's objects as they stand, by kind and name."""
    with world_of(project) as world:
        return {f"{kind_of(o)} {name_of(o)}": o for o in bodies(world, Side.BLUE)}


def own(obj: Object) -> dict[str, Any]:
    """An object's annotations without what its controller counts."""
    return {k: v for k, v in annotations_of(obj).items() if k != "deployment.kubernetes.io/revision"}


@pytest.fixture
def before(project: Project) -> dict[str, Object]:
    """Blue's objects as they stood."""
    return of_blue(project)


def test_each_note_brings_back_what_was(project: Project, before: dict[str, Object]) -> None:
    """Replicas, suspension that was absent, an address, a pause: the note alone restores each, and itself goes."""
    assert not run(project, Life(until=Until(phase=Phase.CUTOVER)))
    noted = {name: o for name, o in of_blue(project).items() if PRIOR in annotations_of(o)}
    resting = {
        "CronJob nightly",
        "Deployment worker",
        "Kustomization apps",
        "ScaledObject worker",
        "Service own",
    }
    assert resting <= noted.keys()
    for name, obj in noted.items():
        back = merged(obj, json.loads(annotations_of(obj)[PRIOR]))
        assert dig(back, "spec") == dig(before[name], "spec")
        assert own(back) == own(before[name])
    suspended = json.loads(annotations_of(noted["Kustomization apps"])[PRIOR])
    assert suspended["spec"] == {"suspend": None}  # absent, not false
    roll_back_to(project, None)
    assert not [name for name, o in of_blue(project).items() if PRIOR in annotations_of(o)]


def test_the_finish_takes_notes_away_and_names_what_rests(project: Project) -> None:
    """What stays at rest is listed; nothing of ours is left on it."""
    assert run(project)
    left = of_blue(project)
    assert dig(left["Deployment worker"], "spec", "replicas") == 0
    assert not [name for name, o in left.items() if PRIOR in annotations_of(o)]
