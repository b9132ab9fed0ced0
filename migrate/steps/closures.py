"""The closures of the routes, with what runs on green in view: whoever publishes there what opens."""

from __future__ import annotations

from migrate import replay
from migrate.doors.reading import read_inventory
from migrate.engine.step import Scene
from migrate.model.action import State
from migrate.model.inventory import Inventory
from migrate.planning.routes import Closure, closures
from migrate.planning.ways_in import WORKLOADS


def closures_of(scene: Scene, blue: Inventory, decisions: replay.Decisions) -> tuple[Closure, ...]:
    """The closure of every route; green is read, if there is one."""
    there = scene.doors.provisioner.observe().state is State.DONE
    green = read_inventory(scene.doors.green, only=frozenset(WORKLOADS), needed=False) if there else None
    return closures(blue, decisions, scene.migration, green)
