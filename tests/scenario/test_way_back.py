"""The way back from every phase, to every phase, and forward again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, annotations_of, kind_of
from tests.scenario.endings import bodies, difference, ending_of, weights
from tests.scenario.looks import alive, workings
from tests.scenario.moves import (
    Life,
    copied,
    progress_of,
    roll_back_to,
    run,
    world_of,
)

PHASES = [
    Phase.PREPARE,
    Phase.BUILD,
    Phase.REPLAY,
    Phase.START,
    Phase.VERIFY,
    Phase.CUTOVER,
    Phase.SOAK,
    Phase.FINISH,
]


@pytest.mark.parametrize("phase", PHASES)
def test_rollback_from_every_phase_restores_both_sides(project: Project, phase: Phase) -> None:
    """From the end of any phase everything can be taken back: blue as it was, green gone, traffic on blue."""
    with world_of(project) as world:
        world.settle()
        before = workings(world, Side.BLUE)
    run(project, Life(until=Until(phase=phase)))
    roll_back_to(project, None)
    with world_of(project) as world:
        world.clock().sleep(60)
        assert workings(world, Side.BLUE) == before
        assert list(bodies(world, Side.GREEN)) == []
        assert set(weights(world).values()) == {0}
        assert alive(world, Side.BLUE)
    assert progress_of(project).steps_done == {}


@pytest.mark.parametrize("phase", PHASES[:-1])
def test_rollback_to_a_phase_is_where_the_run_stood_then(
    finished: Project, project: Project, phase: Phase, tmp_path: Path
) -> None:
    """A finished move rolled back to a phase has both sides as at that phase's end, and goes forward again."""
    run(project, Life(until=Until(phase=phase)))
    back = copied(finished, tmp_path / "back")
    roll_back_to(back, phase)
    with world_of(project) as then, world_of(back) as now:
        for world in (then, now):
            world.clock().sleep(60)
        for side in Side:
            assert settled(workings(now, side)) == settled(workings(then, side)), side
        assert weights(now) == weights(then)
    assert run(back)
    assert [
        line
        for line in difference(ending_of(finished), ending_of(back))
        if line.startswith(("weights", "steps"))
    ] == []
    with world_of(finished) as one, world_of(back) as other:
        assert settled(workings(one, Side.GREEN)) == settled(workings(other, Side.GREEN))


def settled(objects: Mapping[str, Any]) -> dict[str, Any]:
    """Without volumes: a claim that was bound once stays bound, which is the point of a claim."""
    return {
        where: _renumbered(_unbound(obj) if kind_of(obj) == "PersistentVolumeClaim" else obj)
        for where, obj in objects.items()
        if kind_of(obj) != "PersistentVolume"
    }


def _unbound(claim: Object) -> Object:
    annotations = {k: v for k, v in annotations_of(claim).items() if "kubernetes.io/" not in k}
    spec = {k: v for k, v in claim["spec"].items() if k != "volumeName"}
    metadata = {k: v for k, v in claim["metadata"].items() if k not in {"finalizers", "annotations"}}
    return {
        **claim,
        "spec": spec,
        "metadata": {**metadata, **({"annotations": annotations} if annotations else {})},
    }


GIVEN = frozenset(
    {
        "clusterIP",
        "clusterIPs",
        "nodePort",
        "clusterGUID",
        "healthCheckNodePort",
        "projectcalico.org/metadata",
    }
)
"""What a green that is made anew gives out anew."""


def _renumbered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _renumbered(v) for k, v in value.items() if k not in GIVEN}
    return [_renumbered(item) for item in value] if isinstance(value, list) else value
