"""Calico works on green: what it writes itself says so, not a Ready pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.calico.readiness import concerns, readiness
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.migration import Pool
from migrate.model.verdict import Verdict


def ready(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Green's Calico is ready with the pools in `pools`; `podsRun` asks for a block on every node."""
    pools = [Pool.model_validate(pool) for pool in params["pools"]]
    green = doors.cluster(Side.GREEN)
    inventory = read_inventory(green, only={(r.group, r.kind) for r in green.resources() if concerns(r)})
    return readiness(inventory, pools, pods_run=bool(params.get("podsRun")))
