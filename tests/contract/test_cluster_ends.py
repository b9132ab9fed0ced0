"""How objects end, as far as the way back relies on it: after what they own, and volumes with their claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from migrate.doors.cluster import FOREGROUND
from migrate.model.objects import Object, dig
from tests.contract.conftest import Bench
from tests.contract.objects import deployment
from tests.contract.test_cluster_controllers import running


class TestForeground:
    def test_what_is_deleted_in_the_foreground_goes_after_its_pods(
        self, bench: Bench, namespace: str
    ) -> None:
        """The answer is the object with its finalizer; it stands as long as a pod does, and then goes by itself."""
        made = bench.create(deployment(namespace, replicas=2))
        held = running(bench, namespace, 2)
        for pod in held.values():
            bench.patch(pod, {"metadata": {"finalizers": ["example.com/hold"]}})
        answer = bench.delete(made, uid=made["metadata"]["uid"], foreground=True)
        assert FOREGROUND in answer["metadata"]["finalizers"]
        assert answer["metadata"]["deletionTimestamp"]

        def all_going() -> bool:
            found = [bench.get(pod) for pod in held.values()]
            return all(dig(pod, "metadata", "deletionTimestamp") for pod in found)

        bench.until("pods that are on their way", all_going)
        assert bench.get(made) is not None
        for pod in held.values():
            bench.patch(pod, {"metadata": {"finalizers": None}})
        bench.until("an end of the Deployment", lambda: bench.get(made) is None)
        assert [bench.get(pod) for pod in held.values()] == [None, None]

    def test_in_the_background_pods_outlive_their_owner(self, bench: Bench, namespace: str) -> None:
        """The owner is gone with the answer, its pods are not yet."""
        made = bench.create(deployment(namespace, replicas=1))
        (pod,) = running(bench, namespace, 1).values()
        bench.patch(pod, {"metadata": {"finalizers": ["example.com/hold"]}})
        bench.delete(made)
        assert bench.get(made) is None
        assert bench.get(pod) is not None
        bench.patch(pod, {"metadata": {"finalizers": None}})


def bound(bench: Bench, namespace: str, policy: str, path: Path) -> tuple[Object, Object]:
    """A volume on a directory, with the claim that is bound to it."""
    size = {"storage": "1Gi"}
    common: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    name = f"volume-{uuid4().hex[:8]}"
    volume = bench.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                **common,
                "capacity": size,
                "hostPath": {"path": str(path)},
                "persistentVolumeReclaimPolicy": policy,
                "claimRef": {"namespace": namespace, "name": name},
            },
        }
    )
    claim = bench.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**common, "resources": {"requests": size}, "volumeName": name},
        }
    )
    bench.until("a bound claim", lambda: dig(bench.get(claim), "status", "phase") == "Bound")
    return volume, claim


class TestVolumes:
    """A controller reclaims a volume as its policy says, once its claim is gone."""

    @pytest.fixture
    def path(self) -> Path:
        """Where the data would lie: what deletes a directory of a host dares so below /tmp alone."""
        return Path("/tmp") / f"cnimigrate-{uuid4().hex[:8]}"

    def test_a_volume_with_the_policy_delete_goes_with_its_claim(
        self, bench: Bench, namespace: str, path: Path
    ) -> None:
        """Whoever deletes the claim deletes the volume."""
        volume, claim = bound(bench, namespace, "Delete", path)
        bench.delete(claim)
        bench.until("an end of the volume", lambda: bench.get(volume) is None)

    def test_a_volume_that_is_retained_in_time_stays(self, bench: Bench, namespace: str, path: Path) -> None:
        """The policy may be changed while the volume is bound; it is Released, then, with its claimRef."""
        volume, claim = bound(bench, namespace, "Delete", path)
        bench.patch(
            volume,
            {"spec": {"persistentVolumeReclaimPolicy": "Retain"}},
            uid=bench.get(volume)["metadata"]["uid"],  # type: ignore[index]
        )
        bench.delete(claim)
        bench.until("a released volume", lambda: dig(bench.get(volume), "status", "phase") == "Released")
        assert bench.get(claim) is None
        bench.delete(volume)

    def test_with_a_namespace_go_its_claims_and_their_volumes(self, bench: Bench, path: Path) -> None:
        """A namespace takes along what is in it, whoever made it."""
        space = bench.namespace()
        volume, _ = bound(bench, space, "Delete", path)
        bench.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
        bench.until("an end of the volume", lambda: bench.get(volume) is None)
