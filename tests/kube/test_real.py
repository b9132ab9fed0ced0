"""The door against a real API server that is killed, that refuses, and that tells what it saw."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.errors import DoorError, Forbidden, Transient, Unauthorized, Unreachable
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.ids import Side
from tests.kube.kinds import CONFIG_MAPS, NAMESPACES
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory

Pair = tuple[ControlPlane, ControlPlane]


def namespace(cluster: KubeCluster) -> str:
    """A namespace of the test's own."""
    name = f"kube-{uuid4().hex[:10]}"
    cluster.write(Write(Verb.CREATE, NAMESPACES, name, body={"metadata": {"name": name}}))
    return name


def creates(place: str, count: int) -> list[Write]:
    """Many ConfigMaps to create."""
    return [
        Write(Verb.CREATE, CONFIG_MAPS, f"c{i}", place, body={"metadata": {"name": f"c{i}"}})
        for i in range(count)
    ]


def names(cluster: KubeCluster, place: str) -> set[str]:
    """The ConfigMaps that stand."""
    pages = cluster.pages(CONFIG_MAPS, namespace=place)
    return {o["metadata"]["name"] for page in pages for o in page}


def test_the_server_saw_each_write_once(blue_and_green: Pair) -> None:
    """The audit log of the server counts what the door counts: nothing is repeated behind its back."""
    _, green = blue_and_green
    with connect(green.kubeconfig, None, Side.GREEN) as cluster:
        place = namespace(cluster)
        before = cluster.requests()
        results = cluster.write_many([*creates(place, 150), *creates(place, 1)])
        assert cluster.requests() - before == 151
        assert isinstance(results[150], DoorError)
        green.wait_until("audit", lambda: len(seen(green, place)) >= 151)
        counts = Counter(seen(green, place))
        assert counts.pop("c0") == 2
        assert set(counts.values()) == {1}
        cluster.write(Write(Verb.DELETE, NAMESPACES, place))


def seen(plane: ControlPlane, place: str) -> list[str]:
    """The names that the audit log says were created in a namespace, by the door's user."""
    return [
        e["objectRef"].get("name", "")
        for e in plane.writes()
        if e["verb"] == "create" and e["objectRef"].get("namespace") == place
    ]


def test_rights_are_refused_as_such(blue_and_green: Pair) -> None:
    """A reader reads, may not write and is told so; a bad token is refused."""
    _, green = blue_and_green
    with connect(green.limited_kubeconfig, None, Side.GREEN) as reader:
        assert reader.may("list", CONFIG_MAPS)
        assert not reader.may("create", CONFIG_MAPS, "default")
        with pytest.raises(Forbidden):
            reader.write(creates("default", 1)[0])
        assert reader.get(NAMESPACES, "default")
    with connect(green.kubeconfig_with_bad_token(), None, Side.GREEN) as nobody:
        with pytest.raises(Unauthorized):
            nobody.identity()
        assert nobody.requests() == 1


def test_a_batch_survives_the_death_of_the_server(control_plane_factory: ControlPlaneFactory) -> None:
    """What was answered stands, what was not sent does not, and only what was under way is in doubt."""
    plane = control_plane_factory(Spec("solo", nodes=1))
    with connect(plane.kubeconfig, None, Side.GREEN, timeout=20.0) as cluster:
        place = namespace(cluster)
        sent_before = cluster.requests()
        results: list[object] = []
        batch = threading.Thread(target=lambda: results.extend(cluster.write_many(creates(place, 3000))))
        batch.start()
        while cluster.requests() - sent_before < 300:
            threading.Event().wait(0.005)
        plane.restart_api_server()
        batch.join()
        stands = names(cluster, place)
        in_doubt = [r for r in results if isinstance(r, Unreachable)]
        unsent = [i for i, r in enumerate(results) if isinstance(r, Transient)]
        done = [r["metadata"]["name"] for r in results if isinstance(r, dict)]
        others = [
            r for r in results if isinstance(r, DoorError) and not isinstance(r, Unreachable | Transient)
        ]
        assert not others
        assert set(done) <= stands
        assert not stands & {f"c{i}" for i in unsent}
        assert len(done) >= 200
        assert 1 <= len(in_doubt) <= 64
        writes = creates(place, 3000)
        rest = cluster.write_many([writes[i] for i in unsent])
        assert not [r for r in rest if isinstance(r, DoorError)]


def test_a_hanging_server_is_noticed(control_plane_factory: ControlPlaneFactory, tmp_path: Path) -> None:
    """A server that takes connections and answers nothing leaves a write in doubt and lets a read fail."""
    plane = control_plane_factory(Spec("solo", nodes=1))
    with connect(plane.kubeconfig, None, Side.GREEN, timeout=1.0) as cluster:
        place = namespace(cluster)
        with plane.api_server_paused():
            with pytest.raises(Unreachable, match="whether it took effect is not known"):
                cluster.write(creates(place, 1)[0])
            with pytest.raises(Unreachable):
                cluster.get(NAMESPACES, place)
        assert cluster.get(NAMESPACES, place)
