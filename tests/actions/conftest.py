"""A small world with both sides up, and handlers over its doors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migrate.actions.apply import Apply
from migrate.actions.create import Create
from migrate.actions.delete import Delete
from migrate.actions.directory import Directory
from migrate.actions.patch import Patch
from migrate.actions.reach import Reach
from migrate.actions.retain import Retain
from migrate.cli.wiring import Route
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.engine.events import Event
from migrate.engine.signals import Stop
from migrate.model.ids import RunId, Side
from migrate.model.objects import Object, Ref
from migrate.simulation.seed import seed_yaml
from migrate.simulation.world import World
from tests.engine.doubles import PaperLock
from tests.scenario.blue import small_blue

RUN = RunId("run-1")
ROUTE = Route("shop", ("shop/web",))


@dataclass
class Bench:
    """A world, its doors, and what handlers are made of."""

    world: World
    doors: Doors
    bodies: Bodies = field(default_factory=Bodies)
    lock: PaperLock = field(default_factory=PaperLock)
    stop: Stop = field(default_factory=Stop)
    events: list[Event] = field(default_factory=list)

    def reach(self, doors: Doors | None = None) -> Reach:
        """What handlers of objects need."""
        return Reach(Directory(doors or self.doors), self.bodies, RUN)

    @property
    def create(self) -> Create:
        """The handler of creates."""
        return Create(self.reach())

    @property
    def apply(self) -> Apply:
        """The handler of applies."""
        return Apply(self.reach())

    @property
    def patch(self) -> Patch:
        """The handler of patches."""
        return Patch(self.reach())

    @property
    def delete(self) -> Delete:
        """The handler of deletes."""
        return Delete(self.reach(), self.doors.clock, self.stop)

    @property
    def retain(self) -> Retain:
        """The handler that keeps volumes."""
        return Retain(self.reach())

    def read(self, side: Side, ref: Ref) -> Object | None:
        """Read an object."""
        return self.doors.cluster(side).get(
            Directory(self.doors).resource(side, ref), ref.name, ref.namespace
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Both sides up, nothing of ours anywhere."""
    with World.create(tmp_path / "world.db") as world:
        seed_yaml(world, Side.BLUE, small_blue(), "old")
        provisioner = world.provisioner()
        provisioner.create(60)
        world.settle()
        yield Bench(
            world,
            Doors(
                world.cluster(Side.BLUE),
                world.cluster(Side.GREEN),
                world.traffic([ROUTE]),
                provisioner,
                world.clock(),
            ),
        )
