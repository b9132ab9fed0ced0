"""The world as a whole: its file, its determinism, what counts as an effect, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.errors import AlreadyExists, Invalid, Unreachable
from migrate.model.ids import RouteName, Side
from migrate.model.migration import RouteSpec
from migrate.simulation import seed
from migrate.simulation.served import resource
from migrate.simulation.world import World
from tests.simulation.builders import create, found, named, patch, pods_of, read, small_world, workload


def test_a_world_survives_being_closed(tmp_path: Path) -> None:
    """Objects, time, weights and counters are where they were when the file is opened again."""
    with small_world(tmp_path / "world.db") as world:
        traffic = world.traffic([RouteSpec(name="web", services=("shop/web",))])
        traffic.set(RouteName("web"), 25)
        world.clock().sleep(60)
        before = (found(world.cluster(Side.BLUE), "pods"), world.clock().now(), world.counters())
    with World.open(tmp_path / "world.db") as world:
        assert (found(world.cluster(Side.BLUE), "pods"), world.clock().now(), world.counters()) == before
        assert world.traffic([RouteSpec(name="web")]).read(RouteName("web")).green == 25


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file and its side files have mode 0600."""
    with small_world(tmp_path / "world.db"):
        assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
            "world.db": 0o600,
            "world.db-shm": 0o600,
            "world.db-wal": 0o600,
        }


def test_a_world_is_made_once(tmp_path: Path) -> None:
    """What is there is not overwritten, and what is not there is not made by opening it."""
    World.create(tmp_path / "world.db").close()
    with pytest.raises(FileExistsError):
        World.create(tmp_path / "world.db")
    with pytest.raises(FileNotFoundError):
        World.open(tmp_path / "other.db")


def test_the_same_calls_give_the_same_world(tmp_path: Path) -> None:
    """Two worlds of one seed are equal to the byte of every object; another seed gives other uids."""
    dumps = []
    for name, number in (("one", 1), ("two", 1), ("three", 2)):
        with small_world(tmp_path / name, seed=number) as world:
            world.provisioner().create(60)
            world.traffic([RouteSpec(name="web", services=("shop/web",))])
            world.clock().sleep(3600)
            dumps.append(world.store.rows("SELECT * FROM objects ORDER BY id"))
    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


def test_an_effect_is_counted_when_something_changed(tmp_path: Path) -> None:
    """Refused and dry writes and those that change nothing are none; nor is what controllers write."""
    with small_world(tmp_path / "world.db") as world:
        blue = world.cluster(Side.BLUE)
        config = named("v1", "ConfigMap", "c", "shop", data={"k": "v"})
        create(blue, config)
        with pytest.raises(AlreadyExists):
            create(blue, config)
        patch(blue, config, {"data": {"k": "v"}})
        patch(blue, config, {"data": {"k": "w"}})
        what = resource("configmaps")
        blue.write(
            Write(Verb.CREATE, what, "dry", "shop", named("v1", "ConfigMap", "dry", "shop"), dry_run=True)
        )
        traffic = world.traffic([RouteSpec(name="web")])
        for percent in (25, 25, 0, 25):
            traffic.set(RouteName("web"), percent)
        world.settle()
        assert world.effects() == {
            "create blue configmaps shop/c": 1,
            "patch blue configmaps shop/c": 1,
            "set route web 0": 1,
            "set route web 25": 2,
        }
        assert world.requests(Side.BLUE) == 5


def test_green_does_not_answer_before_it_is_made(tmp_path: Path) -> None:
    """Every call raises Unreachable until the provisioner has made it, and again once it is unmade."""
    with small_world(tmp_path / "world.db") as world:
        green, provisioner = world.cluster(Side.GREEN), world.provisioner(nodes=2, name="new")
        with pytest.raises(Unreachable):
            green.resources()
        provisioner.create(60)
        uid = green.identity().uid
        provisioner.create(60)
        assert (green.identity().uid, green.name) == (uid, "new")
        assert uid != world.cluster(Side.BLUE).identity().uid
        assert world.effects()["provision green new"] == 1
        assert provisioner.observe().state == "done"
        provisioner.destroy(60)
        with pytest.raises(Unreachable):
            green.get(resource("pods"), "x", "default")
        assert provisioner.observe().state == "absent"


def test_a_green_that_was_there_is_foreign_to_the_provisioner(tmp_path: Path) -> None:
    """It says so, and does not destroy it."""
    with World.create(tmp_path / "world.db") as world:
        seed.empty(
            world, Side.GREEN, pod_cidr="10.48.0.0/14", service_cidr="10.112.0.0/16", nodes=1, name="mine"
        )
        provisioner = world.provisioner()
        assert provisioner.observe().state == "foreign"
        provisioner.destroy(60)
        assert world.cluster(Side.GREEN).identity().version == "v1.35.4"


def test_what_another_process_wrote_is_seen(tmp_path: Path) -> None:
    """Two openings of one file agree, controllers included, whoever runs them."""
    with small_world(tmp_path / "world.db") as one, World.open(tmp_path / "world.db") as two:
        create(one.cluster(Side.BLUE), workload("Deployment", "late", "shop", 2))
        two.settle()
        assert len(pods_of(one.cluster(Side.BLUE), "late", "shop")) == 2
        patch(
            two.cluster(Side.BLUE), named("apps/v1", "Deployment", "late", "shop"), {"spec": {"replicas": 5}}
        )
        one.settle()
        assert len(pods_of(two.cluster(Side.BLUE), "late", "shop")) == 5


_CREATES_FOREVER = """
import sys
from pathlib import Path
from migrate.model.ids import Side
from migrate.simulation.world import World
from tests.simulation.builders import create, workload
world = World.open(Path(sys.argv[1]))
for number in range(100000):
    create(world.cluster(Side.BLUE), workload("Deployment", f"d{number}", "shop", 2))
    print(number, flush=True)
    world.settle()
"""


def test_a_killed_process_leaves_whole_calls(tmp_path: Path) -> None:
    """After SIGKILL every answered create stands, the file opens, and the controllers finish what was begun."""
    path = tmp_path / "world.db"
    small_world(path).close()
    program = [sys.executable, "-c", textwrap.dedent(_CREATES_FOREVER), str(path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(8)]
        os.kill(process.pid, signal.SIGKILL)
    last = int(lines[-1])
    with World.open(path) as world:
        assert world.store.rows("PRAGMA integrity_check") == [("ok",)]
        world.settle()
        blue = world.cluster(Side.BLUE)
        for number in range(last + 1):
            assert len(pods_of(blue, f"d{number}", "shop")) == 2
            assert world.effects()[f"create blue deployments.apps shop/d{number}"] == 1


def test_faults_outlast_a_process_and_are_forgiven(tmp_path: Path) -> None:
    """A cut API is Unreachable, a refusal comes as often as asked, an access review says no."""
    config = named("v1", "ConfigMap", "c", "shop")
    with small_world(tmp_path / "world.db") as world:
        world.failures.cut_api(Side.BLUE)
        world.failures.refuse(Side.BLUE, verb="create", resource="configmaps", times=1)
        world.failures.deny(Side.BLUE, "delete", "secrets")
    with World.open(tmp_path / "world.db") as world:
        blue = world.cluster(Side.BLUE)
        with pytest.raises(Unreachable):
            blue.identity()
        world.failures.cut_api(Side.BLUE, cut=False)
        with pytest.raises(Invalid):
            create(blue, config)
        create(blue, config)
        assert not blue.may("delete", resource("secrets"))
        assert blue.may("get", resource("secrets"))
        world.failures.refuse(Side.BLUE)
        world.failures.forgive()
        patch(blue, config, {"data": {"a": "b"}})
        assert blue.may("delete", resource("secrets"))
        assert read(blue, config) is not None


def test_a_world_begins_at_the_time_given(tmp_path: Path) -> None:
    """Nothing of the wall clock is in it."""
    moment = datetime(2026, 12, 5, 22, 0, tzinfo=UTC)
    with World.create(tmp_path / "a", now=moment) as world:
        assert world.clock().now() == moment
    with World.create(tmp_path / "b") as one, World.create(tmp_path / "c") as two:
        assert one.clock().now() == two.clock().now()
