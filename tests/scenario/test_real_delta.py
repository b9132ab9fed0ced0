"""A delta on real API servers: what changed on blue comes over, once each, SIGKILL or not, and green is verified as equal."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from migrate.model.objects import Object
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import ApiError
from tests.scenario import real
from tests.scenario.real import Point
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

PLACE = "delta"
MAPS = f"/api/v1/namespaces/{PLACE}/configmaps"
ROLES = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{PLACE}/roles"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{PLACE}/deployments"
MANY = 60
LIVING = ("--until", "verify")


@pytest.fixture
def move(blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path) -> real.Move:
    """A move that is verified; its blue has a namespace more."""
    labels = {"app": "web"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "registry.example/a:1"}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    with real.door(blue.plane, Side.BLUE) as cluster:
        real.put(cluster, [_named("Namespace", PLACE)])
        objects = [
            *(_named("ConfigMap", name, data={"a": "1", "b": "1"}) for name in ("stays", "changes", "goes")),
            _named("Role", "goes", "rbac.authorization.k8s.io/v1", rules=[]),
            _named("Service", "web", spec={"selector": labels, "ports": [{"port": 80}]}),
            _named("Deployment", "web", "apps/v1", spec=spec),
        ]
        real.put(cluster, objects, PLACE)
    move = blue.move(tmp_path, green, balancer)
    move.go(*LIVING)
    return move


def _named(kind: str, name: str, version: str = "v1", **body: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def _lives_on(plane: ControlPlane) -> None:
    """Change, create and delete on blue."""
    plane.api.close()
    for n in range(MANY):
        plane.api.create(MAPS, _named("ConfigMap", f"new-{n}", data={"n": str(n)}))
    plane.api.patch(f"{MAPS}/changes", {"data": {"a": "2", "b": None}})
    image = {"name": "main", "image": "registry.example/a:2"}
    plane.api.patch(
        f"{DEPLOYMENTS}/web", {"spec": {"replicas": 3, "template": {"spec": {"containers": [image]}}}}
    )
    for path in (f"{MAPS}/goes", f"{ROLES}/goes"):
        plane.api.delete(path)


def test_a_delta_comes_over_once_and_green_is_equal(move: real.Move) -> None:
    """Shown, killed in the middle, gone on with: each object written once, none asleep, and no difference left."""
    _lives_on(move.blue)
    shown = json.loads(_document(move.must("plan", "--delta", "-o", "json")))
    assert shown["counts"] == {"create": MANY, "change": 2, "delete": 2}
    asked = len(move.green.writes())
    begun = move.intents(Point("replay.objects"))
    move.kill_at(Point("replay.objects", count=begun + 20))
    said = move.go(*LIVING)
    assert "delta: " in said
    move.green.api.close()
    written = [e for e in move.green.writes()[asked:] if (e.get("objectRef") or {}).get("namespace") == PLACE]
    made = Counter(e["objectRef"]["name"] for e in written if _made(e))
    assert made == {f"new-{n}": 1 for n in range(MANY)}
    assert move.green.api.get(f"{MAPS}/changes")["data"] == {"a": "2"}
    web = move.green.api.get(f"{DEPLOYMENTS}/web")["spec"]
    assert (web["replicas"], web["template"]["spec"]["containers"][0]["image"]) == (3, "registry.example/a:2")
    for path in (f"{MAPS}/goes", f"{ROLES}/goes"):
        with pytest.raises(ApiError, match="404"):
            move.green.api.get(path)
    head = move.intents(Point("replay.objects"))
    move.go(*LIVING)
    assert move.intents(Point("replay.objects")) == head
    assert json.loads(_document(move.must("plan", "--delta", "-o", "json")))["changes"] == []


def _made(event: dict[str, Any]) -> bool:
    made = event["verb"] == "create" and event["responseStatus"]["code"] == 201
    return made and bool(event["objectRef"]["resource"] == "configmaps")


def _document(said: str) -> str:
    return said[said.index("{") :]
