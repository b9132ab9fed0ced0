"""The longest legal names and objects of a megabyte through a real move and back."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from migrate.model.objects import Object
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import ApiError
from tests.scenario import real, real_looks
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

LABELS = {"app": "idle"}
MEGABYTE = 1_000_000


def longest(letter: str, length: int) -> str:
    """A name of that many characters, with dots where there is room for them."""
    return ".".join([letter * 63] * 4)[:length] if length > 63 else letter * length


SPACE = longest("n", 63)
"""The namespace in which all of it stands."""

POD = {"containers": [{"name": longest("c", 63), "image": "registry.example/idle:1"}]}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD}
IDLE = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": TEMPLATE}
ONCE = {"template": {"metadata": {"labels": LABELS}, "spec": {**POD, "restartPolicy": "Never"}}}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": longest("r", 253)}
RBAC = "rbac.authorization.k8s.io/v1"


def _named(version: str, kind: str, name: str, **body: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def extremes() -> list[Object]:
    """One object of each kind with its longest name, and two of a megabyte.

    What names pods and ReplicaSets after itself leaves room for the hash that is put behind its name.
    """
    secret = (real.CANARY + "x" * MEGABYTE)[:MEGABYTE].encode()
    ports = [{"port": 80}]
    return [
        _named("v1", "ConfigMap", longest("m", 253), data={"m" * 253: "x" * (MEGABYTE - 253)}),
        _named("v1", "Secret", longest("s", 253), data={"s": base64.b64encode(secret).decode()}),
        _named("v1", "ServiceAccount", longest("a", 253)),
        _named("v1", "Service", longest("s", 63), spec={"selector": LABELS, "ports": ports}),
        _named("apps/v1", "Deployment", longest("d", 242), spec=IDLE),
        _named("apps/v1", "StatefulSet", longest("t", 52), spec={**IDLE, "serviceName": longest("s", 63)}),
        _named(
            "batch/v1",
            "CronJob",
            longest("j", 52),
            spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": ONCE}},
        ),
        _named("networking.k8s.io/v1", "NetworkPolicy", longest("p", 253), spec={"podSelector": {}}),
        _named(
            "policy/v1", "PodDisruptionBudget", longest("b", 253), spec={"selector": {"matchLabels": LABELS}}
        ),
        _named(RBAC, "Role", longest("r", 253), rules=[]),
        _named(RBAC, "RoleBinding", longest("r", 253), roleRef=ROLE, subjects=[]),
    ]


MORE = (
    ("/apis/apps/v1", "statefulsets"),
    ("/apis/policy/v1", "poddisruptionbudgets"),
    (f"/apis/{RBAC}", "roles"),
    (f"/apis/{RBAC}", "rolebindings"),
)
"""What else is looked for, beside the kinds of the application."""


def standing(plane: ControlPlane) -> set[str]:
    """What stands in the namespace, by `resource/name`, asked with the lab's own client."""
    found = set(real_looks.application(plane, SPACE))
    for root, plural in MORE:
        items = plane.api.get(f"{root}/namespaces/{SPACE}/{plural}")["items"]
        found |= {f"{plural}/{item['metadata']['name']}" for item in items}
    return found


def without_schedules(plane: ControlPlane) -> dict[str, Any]:
    """What stands in the namespace of the application's kinds, but for the CronJob."""
    found = real_looks.application(plane, SPACE)
    return {name: obj for name, obj in found.items() if not name.startswith("cronjobs/")}


@pytest.mark.timeout(600)
def test_the_longest_names_and_megabytes_move_and_go_back(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """All of it stands on green with every byte, nothing of the Secret is written down, and back all of it is gone."""
    with real.door(blue.plane, Side.BLUE) as cluster:
        real.put(cluster, [_named("v1", "Namespace", SPACE)])
        real.put(cluster, extremes(), SPACE)
    wanted = standing(blue.plane)
    assert len(wanted) >= len(extremes())
    move = blue.move(tmp_path, green, balancer)
    move.go("--until", "replay")
    schedule = f"cronjobs/{longest('j', 52)}"  # it comes when the writers move
    assert standing(green) == wanted - {schedule}
    assert real_looks.different(without_schedules(green), without_schedules(blue.plane)) == []
    assert not any(spelling in move.written() for spelling in real.SPELLINGS)
    move.must("rollback", "--to", "build")
    green.api.close()
    with pytest.raises(ApiError) as gone:
        green.api.get(f"/api/v1/namespaces/{SPACE}")
    assert gone.value.status == 404
    assert standing(blue.plane) == wanted
