"""An Ingress in front of the route, and a CronJob that wakes again, on real control planes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from migrate.model.marks import PARKED_CLASS
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real, real_looks

pytestmark = pytest.mark.haproxy

INGRESS = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/front"
REPORT = "/apis/batch/v1/namespaces/shop/cronjobs/report"


def front() -> dict[str, Any]:
    """An Ingress to the Service behind the route, under the class that the older annotation names."""
    backend = {"service": {"name": "frontend", "port": {"number": 80}}}
    notes = {"kubernetes.io/ingress.class": "nginx"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "front", "annotations": notes},
        "spec": {"defaultBackend": backend},
    }


def test_a_way_in_opens_before_the_probe_and_shuts_on_the_way_back(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Open from start on, parked again behind it, open at the end; blue's CronJob wakes with nothing to make up for."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        file = real.migration(move, test_data)
        file["cutover"]["pause"] = "3s"  # enough probes for a verdict on a slow machine, too
        real.write_file(move, file)
        with real.door(move.blue, Side.BLUE) as cluster:
            real.put(cluster, [front()], "shop")
        before = real_looks.application(move.blue)
        move.go("--until", "start")
        assert classes(move.green) == (None, "nginx")
        move.must("rollback", "--to", "replay")
        assert classes(move.green) == (PARKED_CLASS, None)
        move.go("--until", "cutover")
        woken = datetime.now(UTC).replace(microsecond=0)
        move.must("rollback", "--to", "verify", "--accept-data-loss")
        move.blue.api.close()
        status = move.blue.api.get(REPORT)["status"]
        assert datetime.fromisoformat(status["lastScheduleTime"]) >= woken
        assert real_looks.application(move.blue) == before
        move.go()
        assert classes(move.green) == (None, "nginx")


def classes(plane: ControlPlane) -> tuple[Any, Any]:
    """The class of green's Ingress, and the one that the older annotation names."""
    plane.api.close()  # a connection kept through a whole move may have been closed by the server
    ingress = plane.api.get(INGRESS)
    annotations = ingress["metadata"].get("annotations", {})
    return ingress["spec"].get("ingressClassName"), annotations.get("kubernetes.io/ingress.class")
