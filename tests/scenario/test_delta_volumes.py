"""A claim that is gone from blue, with data on green: the list says that it would go, and the run keeps the volume."""

from __future__ import annotations

import pytest

from migrate.actions.retain import Keeping
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Resource, dig, name_of
from migrate.steps.delta import upcoming
from tests.scenario.hands import deleted
from tests.scenario.moves import Life, opened, progress_of, run, world_of

VERIFIED = Life(until=Until(phase=Phase.VERIFY))
ACCEPTED = Life(until=Until(phase=Phase.VERIFY), deletions=1)
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)


@pytest.fixture
def without_claim(project: Project) -> Project:
    """A verified move whose blue has given up a claim that is bound on green."""
    run(project, VERIFIED)
    assert dig(volume_of(project), "spec", "persistentVolumeReclaimPolicy") == "Delete"
    deleted(project, Side.BLUE, CLAIMS, "back/work")
    return project


def volume_of(project: Project) -> Object:
    """The only volume of green."""
    with world_of(project) as world:
        (volume,) = (v for page in world.cluster(Side.GREEN).pages(VOLUMES) for v in page)
    return volume


def test_the_list_has_what_would_go(without_claim: Project) -> None:
    """Nothing is done for it, and only a person's word is asked for; the run then does just that: the volume is kept."""
    with opened(without_claim) as move:
        found = upcoming(move.scene)
    kept = f"PersistentVolume {name_of(volume_of(without_claim))}"
    assert [(change.act, str(change.ref)) for change in found.changes] == [
        ("change", kept),
        ("delete", "PersistentVolumeClaim back/work"),
    ]
    (asked,) = found.stops  # a claim goes only where a person says so
    assert asked.evidence.startswith("1 of 18 objects would be deleted on green")
    assert dig(volume_of(without_claim), "spec", "persistentVolumeReclaimPolicy") == "Delete"
    run(without_claim, ACCEPTED)
    assert dig(volume_of(without_claim), "spec", "persistentVolumeReclaimPolicy") == "Retain"
    with world_of(without_claim) as world:
        assert world.cluster(Side.GREEN).get(CLAIMS, "work", "back") is None


def test_what_does_not_last_is_seen_in_a_real_run(
    without_claim: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something on green sets the policy back behind the patch: the claim stays, and the run says why."""
    look = Keeping.__call__
    wanted: list[object] = []

    def again(self: Keeping, deletes: object) -> object:
        wanted.append(found := look(self, deletes) or (wanted[0] if wanted else ()))  # type: ignore[arg-type]
        return found

    monkeypatch.setattr(Keeping, "__call__", again)
    with pytest.raises(CheckFailed, match="does not last"):
        run(without_claim, ACCEPTED)
    with world_of(without_claim) as world:
        assert world.cluster(Side.GREEN).get(CLAIMS, "work", "back") is not None
    assert not any(i.action.kind == "delete" for i in progress_of(without_claim).intents())
