"""What was made safe for the data's sake is listed when the move ends."""

from __future__ import annotations

from pathlib import Path

import yaml

from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, dig
from tests.scenario.moves import FILE, Life, amended, progress_of, roll_back_to, run, small_project, world_of

RULE = "  rules: [{kind: PersistentVolume, namespace: '', name: nas, replay: true, reason: both sides may write}]\n"
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
NAS = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "nas"},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "nfs": {"server": "nas.example", "path": "/"},
        "persistentVolumeReclaimPolicy": "Delete",
    },
}


def with_nas(directory: Path, text: str) -> Project:
    """A project whose blue has a share of its own, not begun."""
    project = small_project(directory / "move", text)
    file = project.file.with_name("blue.yaml")
    objects = [o for o in yaml.safe_load_all(file.read_text()) if o]
    file.write_text(yaml.safe_dump_all([*objects, NAS]))
    with wired(project):
        pass
    return project


def policy(project: Project) -> str:
    """What becomes of blue's volume once its claim is gone."""
    with world_of(project) as world:
        return str(dig(world.cluster(Side.BLUE).get(VOLUMES, "nas"), "spec", "persistentVolumeReclaimPolicy"))


def test_a_volume_stays_retained_and_the_end_says_so(tmp_path: Path) -> None:
    """Blue has the same volume: green keeps it, and the last step names the patch for when blue is given up."""
    project = with_nas(tmp_path, FILE + RULE)
    assert run(project)
    with world_of(project) as world:
        volumes = [world.cluster(side).get(VOLUMES, "nas") for side in Side]
    assert [dig(v, "spec", "persistentVolumeReclaimPolicy") for v in volumes] == ["Retain", "Retain"]
    said = progress_of(project).of_key("record what green keeps for the data's sake")
    assert said is not None
    assert said.outcome is not None
    assert (
        'PersistentVolume nas: {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}' in said.outcome.evidence
    )


def test_a_rule_that_comes_after_the_preparation_keeps_the_volume_as_well(tmp_path: Path) -> None:
    """Blue's volume is Retain as soon as green has it, and as it was once the run is taken back."""
    project = with_nas(tmp_path, FILE + RULE.replace("replay: true", "skip: true"))
    assert not run(project, Life(until=Until(phase=Phase.PREPARE)))
    assert policy(project) == "Delete"
    project = amended(project, FILE + RULE)
    assert not run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert policy(project) == "Retain"
    roll_back_to(project, None)
    assert policy(project) == "Delete"
