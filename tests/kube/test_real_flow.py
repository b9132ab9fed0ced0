"""The door against a real API server whose priority and fairness has few seats for us."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from migrate.errors import DoorError
from migrate.kube.connect import connect
from migrate.model.ids import Side
from tests.kube.kinds import CONFIG_MAPS
from tests.kube.test_real import creates, names, namespace
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory

FLOW_CONTROL = "/apis/flowcontrol.apiserver.k8s.io/v1"


def few_seats(plane: ControlPlane, name: str, verbs: Sequence[str]) -> None:
    """Give what the admin does with ConfigMaps a level with a handful of seats, which turns away what is beyond them."""
    limited = {
        "nominalConcurrencyShares": 1,
        "lendablePercent": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    plane.api.create(
        f"{FLOW_CONTROL}/prioritylevelconfigurations",
        {"metadata": {"name": name}, "spec": {"type": "Limited", "limited": limited}},
    )
    rule = {"verbs": list(verbs), "apiGroups": [""], "resources": ["configmaps"], "namespaces": ["*"]}
    subject = {"kind": "User", "user": {"name": plane.users.admin.name}}
    plane.api.create(
        f"{FLOW_CONTROL}/flowschemas",
        {
            "metadata": {"name": f"{name}-of-ours"},
            "spec": {
                "matchingPrecedence": 100,
                "priorityLevelConfiguration": {"name": name},
                "rules": [{"subjects": [subject], "resourceRules": [rule]}],
            },
        },
    )
    plane.wait_until(f"FlowSchema of {name}", lambda: _in_force(plane, f"{name}-of-ours"))


def _in_force(plane: ControlPlane, name: str) -> bool:
    conditions = plane.api.get(f"{FLOW_CONTROL}/flowschemas/{name}").get("status", {}).get("conditions", ())
    return any(c["type"] == "Dangling" and c["status"] == "False" for c in conditions)


@pytest.fixture
def plane(control_plane_factory: ControlPlaneFactory) -> ControlPlane:
    """A control plane of the test's own."""
    return control_plane_factory(Spec("solo", nodes=1))


def test_writes_follow_a_level_with_few_seats(plane: ControlPlane) -> None:
    """Each write arrives, once; less is sent; and whoever is asked names the level and the FlowSchema that led there."""
    few_seats(plane, "tight", ["create"])
    with connect(plane.kubeconfig, None, Side.GREEN) as cluster:
        place = namespace(cluster)
        before = cluster.requests()
        results = cluster.write_many(creates(place, 200))
        assert not [r for r in results if isinstance(r, DoorError)]
        assert {f"c{i}" for i in range(200)} <= names(cluster, place)
        sent = cluster.requests() - before
        (told,) = [slowed for slowed in cluster.slowed() if slowed.refused]
        assert (told.level, told.schema) == ("tight", "tight-of-ours")
        assert 1 <= told.refused < sent - 200
        assert told.longest >= 1.0
        assert told.in_flight < 16


def test_reads_without_a_seat_slow_no_writes(plane: ControlPlane) -> None:
    """Reads that are turned away in a level of their own wait, and writes in another go on as before."""
    few_seats(plane, "readers", ["get"])
    with connect(plane.kubeconfig, None, Side.GREEN) as cluster, ThreadPoolExecutor(32) as threads:
        place = namespace(cluster)
        cluster.write_many(creates(place, 20))
        before = cluster._pace.limit
        found = list(threads.map(lambda i: cluster.get(CONFIG_MAPS, f"c{i % 20}", place), range(400)))
        assert all(found)
        (told,) = [slowed for slowed in cluster.slowed() if slowed.refused]
        assert (told.level, told.schema) == ("readers", "readers-of-ours")
        assert cluster._pace.limit == before
