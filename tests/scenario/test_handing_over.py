"""Data that is handed over between a writer's off and its twin's on: a volume is never attached on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, Stopped
from migrate.model.ids import GateName, Phase, Side
from migrate.model.objects import Object, Resource, annotations_of, dig, kind_of, name_of
from migrate.simulation.faults import Killed
from tests.scenario.endings import bodies, difference, ending_of
from tests.scenario.hands import created, deleted
from tests.scenario.looks import Watching, alive, workings
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    copied,
    effects_only,
    progress_of,
    roll_back_to,
    run,
    small_project,
    world_of,
)

REATTACHED = FILE.replace("as: empty", "as: reattach")
DRIVER = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSIDriver",
    "metadata": {"name": "csi.example.com"},
    "spec": {},
}
ATTACHMENTS = Resource("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", namespaced=False)
WRITERS = Until(gate=GateName("before-writers"))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose worker's volume is to be re-attached, with a driver that attaches; not begun."""
    project = small_project(tmp_path_factory.mktemp("handing-over") / "fresh", REATTACHED)
    with Path(project.migration.blue.simulated or "").open("a") as file:
        file.write("---\n" + yaml.safe_dump(DRIVER))
    with wired(project):
        pass
    return project


@pytest.fixture
def moving(untouched: Project, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return copied(untouched, tmp_path / "move")


def of(project: Project, side: Side, kind: str) -> dict[str, Object]:
    """A side's objects of a kind by name, once its controllers are at rest."""
    with world_of(project) as world:
        world.settle()
        return {name_of(o): o for o in bodies(world, side) if kind_of(o) == kind}


def volume(project: Project, side: Side) -> Object:
    """The one volume of a side."""
    (found,) = of(project, side, "PersistentVolume").values()
    return found


def test_the_volume_itself_moves_with_its_claim(moving: Project) -> None:
    """Green's claim is bound to the very disk of blue's, both sides keep it, and the finish says so."""
    before = volume(moving, Side.BLUE)
    assert dig(before, "spec", "persistentVolumeReclaimPolicy") == "Delete"
    assert run(moving)
    there, here = volume(moving, Side.BLUE), volume(moving, Side.GREEN)
    assert here["spec"]["csi"] == before["spec"]["csi"]
    assert {v["spec"]["persistentVolumeReclaimPolicy"] for v in (there, here)} == {"Retain"}
    claim = of(moving, Side.GREEN, "PersistentVolumeClaim")["work"]
    assert (dig(claim, "spec", "volumeName"), dig(claim, "status", "phase")) == (name_of(here), "Bound")
    assert list(of(moving, Side.GREEN, "VolumeAttachment"))
    assert not any(key.startswith("cnimigrate") for key in annotations_of(here))
    stays = progress_of(moving).of_key("record what stays paused on blue")
    assert stays is not None
    assert stays.outcome is not None
    said = f"1 volumes of blue stay Retain, because green uses the same disks: {name_of(there)}"
    assert said in [verdict.evidence for verdict in stays.outcome.verdicts]


def test_until_the_writers_move_green_knows_nothing_of_the_volume(moving: Project) -> None:
    """Neither volume nor claim stands there, and who mounts it is held."""
    assert not run(moving, Life(until=WRITERS))
    assert of(moving, Side.GREEN, "PersistentVolume") == {}
    assert of(moving, Side.GREEN, "PersistentVolumeClaim") == {}
    with world_of(moving) as world:
        assert not alive(world, Side.GREEN)


def attached(project: Project, clashes: list[str]) -> Watching:
    """Look after every effect at which disks are attached where, and whose pods could use them."""

    def look(words: str) -> None:
        if not effects_only(words):
            return
        with world_of(project) as world:
            sides = {}
            for side in Side:
                found = list(bodies(world, side))
                disks = {
                    name_of(o): dig(o, "spec", "csi", "volumeHandle")
                    for o in found
                    if kind_of(o) == "PersistentVolume"
                }
                sides[side] = {
                    disks.get(dig(o, "spec", "source", "persistentVolumeName"))
                    for o in found
                    if kind_of(o) == "VolumeAttachment"
                }
            clashes.extend(f"{words}: {disk}" for disk in sides[Side.BLUE] & sides[Side.GREEN])

    return Watching(after_each=look)


def test_no_disk_is_ever_attached_on_both_sides(moving: Project) -> None:
    """Neither on the way there nor on the way back, whatever was done last."""
    clashes: list[str] = []
    watching = attached(moving, clashes)
    assert run(moving, Life(watching, until=Until(phase=Phase.SOAK))) in {True, False}
    assert list(of(moving, Side.GREEN, "VolumeAttachment"))
    assert not list(of(moving, Side.BLUE, "VolumeAttachment"))
    back = attached(moving, clashes)
    roll_back_to(moving, Phase.VERIFY, Life(back))
    assert clashes == []
    assert list(of(moving, Side.BLUE, "VolumeAttachment"))
    assert len(watching.seen) > 100


def test_what_cannot_be_attached_on_green_is_asked_about(tmp_path: Path) -> None:
    """Before anything is written, with the word that helps; blue's volume is left as it is."""
    project = small_project(tmp_path / "here", REATTACHED)
    path = Path(project.migration.blue.simulated or "")
    tied = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "of-a-node"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": "back", "name": "work"},
            "hostPath": {"path": "/srv"},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "disks",
        },
    }
    with path.open("a") as file:
        file.write("---\n" + yaml.safe_dump(tied))
    with pytest.raises(CheckFailed) as caught:
        run(project)
    assert "PersistentVolumeClaim back/work needs a decision" in str(caught.value)
    assert "workloads.volumes, where its claim is named: as: copy, restored or empty" in caught.value.remedy
    assert dig(volume(project, Side.BLUE), "spec", "persistentVolumeReclaimPolicy") == "Delete"


def test_a_claim_that_green_has_is_not_taken_over_by_amend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its volume cannot be changed: said at once, and not by a server in the night; after a way back it may be."""
    project = small_project(tmp_path / "move", FILE)
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    project.file.write_text(REATTACHED)
    argv = ["amend", "--yes", "-f", str(project.file)]
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == Stopped.exit_code
    said = capsys.readouterr().err
    assert "a volume of its own: PersistentVolumeClaim back/work" in said
    assert "cnimigrate rollback --to build" in said
    project.file.write_text(FILE)
    roll_back_to(project, Phase.BUILD)
    project = amended(project, REATTACHED)
    assert run(project)
    (claim,) = of(project, Side.GREEN, "PersistentVolumeClaim").values()
    assert dig(claim, "spec", "volumeName") == name_of(volume(project, Side.BLUE))


def test_an_attachment_that_stays_holds_the_volume_back(moving: Project) -> None:
    """A node of blue that has not let go: nothing of it is made on green, and the run says what it waits for."""
    name = name_of(volume(moving, Side.BLUE))
    spec = {"attacher": "other.example.com", "nodeName": "blue-9", "source": {"persistentVolumeName": name}}
    assert not run(moving, Life(until=WRITERS))
    created(moving, Side.BLUE, ATTACHMENTS, "/by-hand", spec=spec)
    hidden = of(moving, Side.BLUE, "VolumeAttachment")
    assert "by-hand" in hidden
    with pytest.raises(CheckFailed, match=r"is still attached to node blue-9 \(by-hand\)"):
        run(moving)
    assert of(moving, Side.GREEN, "PersistentVolume") == {}
    deleted(moving, Side.BLUE, ATTACHMENTS, "/by-hand")
    assert run(moving)


def test_the_way_back_leaves_the_disk_to_blue(moving: Project) -> None:
    """Green's volume and claim are gone, blue's claim has its disk as before, its policy too."""
    with world_of(moving) as world:
        world.settle()
        before = workings(world, Side.BLUE)
    run(moving, Life(until=Until(phase=Phase.SOAK)))
    roll_back_to(moving, None)
    with world_of(moving) as world:
        world.settle()
        assert workings(world, Side.BLUE) == before
        assert alive(world, Side.BLUE)


@pytest.mark.parametrize("after", [True, False])
def test_a_handover_that_is_cut_off_ends_as_an_unbroken_one(
    untouched: Project, tmp_path: Path, *, after: bool
) -> None:
    """Killed at every effect of the writers' move, one run after the other, it ends the same."""
    whole, broken = copied(untouched, tmp_path / "whole"), copied(untouched, tmp_path / "broken")
    for project in (whole, broken):
        assert not run(project, Life(until=WRITERS))
    assert run(whole)
    for _ in range(60):
        try:
            assert run(broken, Life(Death(2, after=after, only=effects_only)))
            break
        except Killed:
            continue
    assert run(broken)
    assert difference(ending_of(whole), ending_of(broken)) == []
