"""An admission on green that rewrites hundreds of objects: each passes as admitted, and what a hand changed does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.doors.cluster import Verb, Write
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from migrate.simulation import writing
from migrate.simulation.admission import Admission
from migrate.simulation.faults import Fuse
from migrate.simulation.server import SimulatedCluster
from tests.scenario.hands import CONFIG_MAPS, once_done
from tests.scenario.moves import Life, progress_of, run, seeded, world_of

MANY = 250
A_HANDFUL = 10


class Rewriting(Admission):
    """Green's admission with a webhook that puts green's registry in the place of blue's."""

    def webhooks(self, resource: Resource, operation: str, obj: dict[str, Any], *, dry_run: bool) -> None:
        """Rewrite what names blue's registry, as it is written."""
        super().webhooks(resource, operation, obj, dry_run=dry_run)
        if (obj.get("data") or {}).get("registry") == "of-blue" and self._side == Side.GREEN.value:
            obj["data"] = {**obj["data"], "registry": "of-green"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A move with so many objects that green's admission rewrites."""
    monkeypatch.setattr(writing, "Admission", Rewriting)
    project = seeded(tmp_path / "move")
    with world_of(project) as world:
        world.cluster(Side.BLUE).write_many([_created(f"many-{number}") for number in range(MANY)])
    return project


def _created(name: str) -> Write:
    metadata = {"name": name, "namespace": "shop"}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"registry": "of-blue"},
    }
    return Write(Verb.CREATE, CONFIG_MAPS, name, "shop", body)


def test_what_admission_made_of_hundreds_passes_and_is_read_by_pages(project: Project) -> None:
    """Verification and cutover pass, each saying what was admitted; nobody reads hundreds one by one."""
    reading = Fuse(only=lambda words: words.startswith("read green configmaps "))
    assert run(project, Life(reading))
    assert len(reading.calls) <= A_HANDFUL
    progress = progress_of(project)
    assert progress.plan is not None
    admitted = {
        v.check: v.evidence
        for step in progress.plan.steps
        for v in progress.verdicts(step.batch)
        if v.check.endswith(" as admitted")
    }
    assert len(admitted) == 2
    assert all(said.startswith(f"{MANY} of ") for said in admitted.values()), admitted


def test_one_among_them_that_a_hand_changed_is_told_alone(project: Project) -> None:
    """The failure names that object only, with who changed it."""
    name = f"many-{MANY - 1}"

    def spoil() -> None:
        with world_of(project) as world:
            hand = SimulatedCluster(world.store, Side.GREEN, manager="kubectl-edit")
            hand.write(Write(Verb.PATCH, CONFIG_MAPS, name, "shop", {"data": {"registry": "mine"}}))

    with pytest.raises(CheckFailed) as caught:
        run(project, Life(tell=once_done("start.serving", spoil), until=Until(phase=Phase.VERIFY)))
    assert f"ConfigMap shop/{name}: differs at data.registry (kubectl-edit" in caught.value.message
    assert caught.value.message.count("ConfigMap shop/many-") == 1
