"""The fuse: a program is cut off before or after the n-th call, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.errors import AlreadyExists
from migrate.model.ids import RouteName, Side
from migrate.model.migration import RouteSpec
from migrate.simulation.faults import FaultyCluster, Fuse, Killed, behind
from migrate.simulation.served import resource
from tests.simulation.builders import create, named, read, small_world

CONFIG = named("v1", "ConfigMap", "c", "shop")


@pytest.mark.parametrize("after", [False, True])
def test_the_effect_happened_or_not(tmp_path: Path, *, after: bool) -> None:
    """Cut off before, nothing is there; cut off after, the object is, and only the reply was lost."""
    with small_world(tmp_path / "world.db") as world:
        cluster = FaultyCluster(world.cluster(Side.BLUE), Fuse(1, after=after))
        with pytest.raises(Killed):
            create(cluster, CONFIG)
        assert (read(cluster, CONFIG) is not None) is after
        if after:
            with pytest.raises(AlreadyExists):
                create(cluster, CONFIG)
        else:
            create(cluster, CONFIG)


def test_a_batch_is_cut_in_the_middle(tmp_path: Path) -> None:
    """Each write of a batch counts, so that the first ones stand and the others do not."""
    names = [f"c{number}" for number in range(5)]
    writes = [
        Write(Verb.CREATE, resource("configmaps"), name, "shop", named("v1", "ConfigMap", name, "shop"))
        for name in names
    ]
    with small_world(tmp_path / "world.db") as world:
        cluster = FaultyCluster(world.cluster(Side.BLUE), Fuse(3, after=True))
        with pytest.raises(Killed):
            cluster.write_many(writes)
        standing = [read(cluster, named("v1", "ConfigMap", name, "shop")) is not None for name in names]
        assert standing == [True, True, True, False, False]


def test_every_door_shares_the_fuse(tmp_path: Path) -> None:
    """Writes, weights, provisioning and sleeping count in the order of their calls; reads and dry runs do not."""
    with small_world(tmp_path / "world.db") as world:
        route = RouteName("web")
        doors = Doors(
            world.cluster(Side.BLUE),
            world.cluster(Side.GREEN),
            world.traffic([RouteSpec(name="web")]),
            world.provisioner(),
            world.clock(),
        )
        fuse = Fuse(5, raises=KeyboardInterrupt)
        cut = behind(doors, fuse)
        cut.provisioner.create(60)
        cut.clock.sleep(5)
        create(cut.blue, CONFIG)
        assert [len(page) for page in cut.blue.pages(resource("nodes"))] == [2]
        cut.blue.write(Write(Verb.DELETE, resource("configmaps"), "c", "shop", dry_run=True))
        cut.traffic.set(route, 25)
        with pytest.raises(KeyboardInterrupt):
            cut.traffic.set(route, 50)
        cut.traffic.set(route, 75)
        assert cut.traffic.read(route).green == 75
        assert fuse.calls == [
            "provisioner create",
            "clock sleep 5",
            "write create blue configmaps shop/c",
            "traffic set web 25",
            "traffic set web 50",
            "traffic set web 75",
        ]
