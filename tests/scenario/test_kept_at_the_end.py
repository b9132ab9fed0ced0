"""What was made safe for the data's sake is listed when the move ends."""

from __future__ import annotations

from pathlib import Path

import yaml

from migrate.cli.wiring import wired
from migrate.model.ids import Side
from migrate.model.objects import Resource, dig
from tests.scenario.moves import FILE, progress_of, run, small_project, world_of

RULE = (
    "  rules: [{kind: PersistentVolume, namespace: '', name: nas, replay: true, reason: blue has let go}]\n"
)
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


def test_a_volume_stays_retained_and_the_end_says_so(tmp_path: Path) -> None:
    """Blue has the same volume: green keeps it, and the last step names the patch for when blue is given up."""
    project = small_project(tmp_path / "move", FILE + RULE)
    file = project.file.with_name("blue.yaml")
    objects = [o for o in yaml.safe_load_all(file.read_text()) if o]
    file.write_text(yaml.safe_dump_all([*objects, NAS]))
    with wired(project):
        pass
    assert run(project)
    with world_of(project) as world:
        volume = world.cluster(Side.GREEN).get(VOLUMES, "nas")
    assert dig(volume, "spec", "persistentVolumeReclaimPolicy") == "Retain"
    said = progress_of(project).of_key("record what green keeps for the data's sake")
    assert said is not None
    assert said.outcome is not None
    assert (
        'PersistentVolume nas: {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}' in said.outcome.evidence
    )
