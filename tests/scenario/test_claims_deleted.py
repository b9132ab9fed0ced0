"""A claim that somebody deletes on blue while it is used: it lives as long as its last user, so nothing ends that one."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.project import Project
from migrate.engine.events import Event
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import GateName, Side
from migrate.model.objects import Object, Resource, dig, metadata_of
from migrate.steps.move_writers import MoveWriters
from tests.scenario.hands import DEPLOYMENTS, created, deleted, patched
from tests.scenario.moves import FILE, Life, run, seeded, world_of

CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
BROUGHT = FILE.replace("as: empty", "as: restored")
WRITERS = Until(gate=GateName("before-writers"))
DOOMED = r"PersistentVolumeClaim back/work.*deleted on blue at .*kept by those who use it alone"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose worker keeps a claim that the operator brings over by hand."""
    return seeded(tmp_path / "move", BROUGHT)


def gone(project: Project) -> None:
    """Somebody deletes the claim, as `kubectl delete pvc` does, and it stays for the pod that uses it."""
    with world_of(project) as world:
        world.settle()
    # what the API server gives to every claim, and this blue's file does not have
    patched(
        project,
        Side.BLUE,
        CLAIMS,
        "back/work",
        {"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}},
    )
    deleted(project, Side.BLUE, CLAIMS, "back/work")


def spared(project: Project) -> bool:
    """Whether blue's worker runs, and its claim is still there."""
    with world_of(project) as world:
        world.settle()
        worker: Object | None = world.cluster(Side.BLUE).get(DEPLOYMENTS, "worker", "back")
        claim = world.cluster(Side.BLUE).get(CLAIMS, "work", "back")
    return bool(dig(worker, "spec", "replicas")) and "deletionTimestamp" in metadata_of(claim or {})


def test_a_claim_that_is_being_deleted_is_asked_about(project: Project) -> None:
    """Before anything is written to green, with what helps."""
    gone(project)
    with pytest.raises(CheckFailed, match=DOOMED) as caught:
        run(project)
    assert "as: empty" in caught.value.remedy
    assert spared(project)


def test_one_that_was_deleted_since_the_replay_is_seen_as_the_writers_begin(project: Project) -> None:
    """As drift of blue: it needs a decision now."""
    assert not run(project, Life(until=WRITERS))
    gone(project)
    with pytest.raises(CheckFailed, match="back/work"):
        run(project)
    assert spared(project)


@pytest.mark.parametrize("after", ["record", "wait"], ids=["blue was looked at", "a Pod was waited for"])
def test_one_that_is_deleted_while_the_writers_move_is_seen_before_its_user_goes_off(
    tmp_path: Path, after: str
) -> None:
    """Blue has been looked at for drift by then, and is looked at again right before, in every run until it is mended."""
    rule = "  rules: [{kind: Pod, namespace: back, name: lone, replay: true, reason: it is wanted there}]\n"
    project = seeded(tmp_path / "move", BROUGHT + rule)
    created(project, Side.BLUE, PODS, "back/lone", spec={"containers": [{"name": "a", "image": "b:1"}]})
    assert not run(project, Life(until=WRITERS))
    deleted(project, Side.BLUE, PODS, "back/lone")
    with world_of(project) as world:
        world.clock().sleep(60)

    def hear(event: Event) -> None:
        ended = (event.what, event.step, event.fields.get("kind")) == ("batch-ended", MoveWriters.id, after)
        if ended and not met:
            met.append(event)
            gone(project)

    met: list[Event] = []
    with pytest.raises(CheckFailed, match=rf"Deployment.* back/worker keeps {DOOMED}"):
        run(project, Life(tell=hear))
    assert met
    assert spared(project)
    with pytest.raises(CheckFailed, match="back/work"):
        run(project)
    assert spared(project)


def test_one_whose_data_nobody_needs_goes_with_its_user(tmp_path: Path) -> None:
    """The file's word `empty` lets it go."""
    project = seeded(tmp_path / "move", FILE)

    def hear(event: Event) -> None:
        if (event.what, event.step) == ("batch-ended", MoveWriters.id) and not met:
            met.append(event)
            gone(project)

    met: list[Event] = []
    assert run(project, Life(tell=hear))
    assert met
    assert not spared(project)
