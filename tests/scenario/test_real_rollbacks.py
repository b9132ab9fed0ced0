"""Back from each phase on real control planes, and forward again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import pytest

from migrate.model.ids import Phase, Side
from migrate.model.objects import Object
from tests.lab.fixtures import ControlPlaneFactory
from tests.lab.users import User
from tests.scenario import real, real_looks

pytestmark = pytest.mark.haproxy

PHASES = tuple(Phase)
LOSSY = (Phase.CUTOVER, Phase.SOAK, Phase.FINISH)
"""Phases behind which green's writers have written."""


def test_every_phase_is_gone_back_over_and_forward_again(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Phase by phase one back and one forward to the very end; then everything back, and both sides are as before."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        before = real_looks.application(move.blue)
        for earlier, phase in zip((None, *PHASES), PHASES, strict=False):
            move.go("--until", phase)
            to = ("--to", earlier) if earlier else ()
            loss = ("--accept-data-loss",) if phase is Phase.CUTOVER else ()
            move.must("rollback", *to, *loss)  # and forward again on the way to the next phase
        move.go()
        real_looks.at_finish(move, before)
        move.must("rollback", "--accept-data-loss")
        real_looks.as_before(move, before)


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_a_move_is_taken_back_whole_from_any_phase_and_made_again(
    phase: Phase, control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """From the end of a phase back to nothing, and from there to the end."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        before = real_looks.application(move.blue)
        move.go("--until", phase)
        move.must("rollback", *(("--accept-data-loss",) if phase in LOSSY else ()))
        real_looks.as_before(move, before)
        move.go()
        real_looks.at_finish(move, before)


SIZE = {"storage": "1Gi"}
DISK: Object = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "orders"},
    "spec": {**DISK, "resources": {"requests": SIZE}},
}
THEIRS: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}, "data": {"k": "v"}}


@pytest.fixture
def disk() -> Iterator[Path]:
    """A directory with data; the controller manager deletes it with its volume, as it lies below /tmp."""
    path = Path("/tmp") / f"cnimigrate-{uuid4().hex[:8]}"
    path.mkdir()
    (path / "orders").write_text("42")
    yield path
    rmtree(path, ignore_errors=True)


def volume(path: Path) -> Object:
    """A volume on that directory, reserved for the claim; what its policy says happens to the data."""
    name, claim = path.name, {"namespace": "shop", "name": "orders"}
    spec = {**DISK, "capacity": SIZE, "hostPath": {"path": str(path)}, "claimRef": claim}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {**spec, "persistentVolumeReclaimPolicy": "Delete"},
    }


def last_pod_and_first_policy(move: real.Move) -> tuple[str, str]:
    """When the server was asked for the end of the shop's last pod, and of its first policy."""

    def asked(user: User, resource: str) -> list[str]:
        events = [
            e for e in move.green.writes(user) if e["verb"] == "delete" and e["responseStatus"]["code"] < 300
        ]
        here = [
            e
            for e in events
            if (e["objectRef"]["resource"], e["objectRef"].get("namespace")) == (resource, "shop")
        ]
        return sorted(e["requestReceivedTimestamp"] for e in here)

    # kwok, as the kubelet, asks for the end of a pod when its grace is over
    users = move.green.users
    return asked(users.setup, "pods")[-1], asked(users.admin, "networkpolicies")[0]


@pytest.mark.timeout(900)
def test_a_rollback_spares_a_volumes_data_and_what_others_put_beside(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path, disk: Path
) -> None:
    """The real controllers would delete both: the directory is still there, and so is the other team's object."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        with real.door(move.blue, Side.BLUE) as blue:
            real.put(blue, [CLAIM], "shop")
        with real.door(move.green, Side.GREEN) as green:
            real.put(green, [volume(disk)])
        move.go("--until", "start")
        with real.door(move.green, Side.GREEN) as green:
            real.put(green, [THEIRS], "shop")
        kept = move.green.api.get("/api/v1/namespaces/shop/configmaps/theirs")["metadata"]["uid"]
        stopped = move.run("rollback", "--to", "build", timeout=400)
        assert stopped.code == 33, stopped.said[-4000:]
        assert "ConfigMap shop/theirs" in stopped.said
        last_pod, first_policy = last_pod_and_first_policy(move)
        assert last_pod < first_policy
        assert move.green.api.get("/api/v1/namespaces/shop/configmaps/theirs")["metadata"]["uid"] == kept
        move.green.api.delete("/api/v1/namespaces/shop/configmaps/theirs")
        ended = move.run("rollback", "--to", "build", timeout=400)
        assert ended.code == 0, ended.said[-4000:]
        assert "of claim shop/orders keeps its data: Retain instead of Delete" in ended.said
        found = move.green.api.get(f"/api/v1/persistentvolumes/{disk.name}")
        assert (found["spec"]["persistentVolumeReclaimPolicy"], found["status"]["phase"]) == (
            "Retain",
            "Released",
        )
        assert (disk / "orders").read_text() == "42"
