"""An APIService that moves is seen to answer on green before anything behind it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from tests.scenario.hands import DEPLOYMENTS, SERVICES, created, patched
from tests.scenario.moves import FILE, Life, progress_of, run, seeded, world_of

APIS = Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
LABELS = {"app": "orders"}
POD = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "a", "image": "orders:1"}]}}
NAME = "v1.orders.example"
BUDGET = FILE + "verify: {budget: 2m}\n"


def serving(tmp_path: Path, file: str = FILE, *, port: int = 443, **template: Any) -> Project:
    """A move whose blue serves the kinds of an API of its own, by a Deployment behind a Service."""
    project = seeded(tmp_path / "move", file)
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": POD, **template}
    created(project, Side.BLUE, DEPLOYMENTS, "shop/orders", spec=spec)
    ports = [{"port": port, "targetPort": 8443}]
    created(project, Side.BLUE, SERVICES, "shop/orders", spec={"selector": LABELS, "ports": ports})
    api = {
        "group": "orders.example",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "shop", "name": "orders", "port": 443},
    }
    created(project, Side.BLUE, APIS, f"/{NAME}", spec=api)
    with world_of(project) as world:
        world.clock().sleep(10)  # until blue's says whether it is Available
    return project


def said(project: Project) -> str:
    """What the wait for aggregated APIs said last."""
    waits = [i for i in progress_of(project).intents() if i.action.key.startswith("wait aggregated APIs")]
    return waits[-1].outcome.verdicts[0].evidence if waits and waits[-1].outcome else ""


def test_its_backend_answers_before_the_next_wave(tmp_path: Path) -> None:
    """The condition of green's own server is what lets the replay go on."""
    project = serving(tmp_path)
    assert not run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert said(project) == f"APIService {NAME} is Passed (all checks passed)"
    keys = [i.action.key for i in progress_of(project).intents()]
    waited = next(n for n, key in enumerate(keys) if key.startswith("wait aggregated APIs"))
    assert max(n for n, key in enumerate(keys) if key.startswith("create") and "APIService" in key) < waited


def test_one_that_does_not_answer_holds_the_wave(tmp_path: Path) -> None:
    """The wait ends with the server's own words and with what to write, and the run goes on once it is mended."""
    project = serving(tmp_path)
    assert not run(project, Life(until=Until(phase=Phase.BUILD)))
    patched(project, Side.BLUE, SERVICES, "shop/orders", {"spec": {"ports": [{"port": 8443}]}})
    with pytest.raises(CheckFailed, match=r"is not listening on port 443") as caught:
        run(project)
    assert "ServicePortError" in str(caught.value)
    assert f"kind: APIService, name: {NAME}, skip: true" in str(caught.value.remedy)
    patched(project, Side.GREEN, SERVICES, "shop/orders", {"spec": {"ports": [{"port": 443}]}})
    patched(project, Side.BLUE, SERVICES, "shop/orders", {"spec": {"ports": [{"port": 443}]}})
    assert not run(project, Life(until=Until(phase=Phase.REPLAY)))


def test_one_that_was_away_on_blue_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody relied on it there: that is told, and the replay goes on."""
    project = serving(tmp_path, port=8443)
    assert not run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert said(project).startswith(
        f"APIService {NAME} need not be Available: it was not on blue. On green it is"
    )


def test_one_that_waits_for_the_cutover_is_read_back_there(tmp_path: Path) -> None:
    """Its backend may not run twice, so that it is made when that has moved; then it answers."""
    project = serving(tmp_path, BUDGET, strategy={"type": "Recreate"})
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    assert said(project) == ""
    assert run(project)
    assert said(project) == f"APIService {NAME} is Passed (all checks passed)"
