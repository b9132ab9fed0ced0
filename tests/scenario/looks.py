"""Looking on while a move goes on: at every call of every door, at what runs, at what a side is asked to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from migrate.model.ids import Side
from migrate.model.objects import dig, kind_of, labels_of, name_of, namespace_of
from migrate.simulation.faults import Fuse
from migrate.simulation.world import World
from tests.scenario.blue import WORKER
from tests.scenario.endings import bodies, plain
from tests.scenario.moves import (
    everything,
)

_Result = TypeVar("_Result")


@dataclass
class Watching(Fuse):
    """Looks on at every call of every door, before it is made."""

    before: Callable[[str], None] = lambda _: None
    after_each: Callable[[str], None] = lambda _: None
    only: Callable[[str], bool] = everything
    seen: list[str] = field(default_factory=list)

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Look, make the call, look."""
        self.before(words)
        result = call()
        self.seen.append(words)
        self.after_each(words)
        return result


def alive(world: World, side: Side) -> bool:
    """Whether a side wants replicas of the worker, or still has a pod of it."""
    found = False
    for (body,) in world.store.rows(
        "SELECT body FROM objects WHERE side = ? AND ns = ? AND plural IN ('deployments', 'pods')",
        side.value,
        WORKER[0],
    ):
        obj = json.loads(body)
        if kind_of(obj) == "Pod":
            found |= labels_of(obj).get("app") == WORKER[1]
        elif name_of(obj) == WORKER[1]:
            found |= bool(dig(obj, "spec", "replicas"))
    return found


def workings(world: World, side: Side) -> dict[str, Any]:
    """What a side is asked to do: every object that people wrote, without status and traces of revisions."""
    found = {}
    for obj in bodies(world, side):
        made = {
            "Pod",
            "ReplicaSet",
            "Job",
            "Endpoints",
            "EndpointSlice",
            "Event",
            "Lease",
            "ControllerRevision",
        }
        calico = {"IPAMBlock", "IPAMHandle", "BlockAffinity"}
        if kind_of(obj) in made | calico:
            continue
        kept = {k: v for k, v in plain(obj).items() if k != "status"}
        metadata = {k: v for k, v in kept["metadata"].items() if k != "managedFields"}
        annotations = {
            k: v
            for k, v in (metadata.get("annotations") or {}).items()
            if not k.startswith("deployment.kubernetes.io/")
        }
        kept["metadata"] = {
            **{k: v for k, v in metadata.items() if k != "annotations"},
            **({"annotations": annotations} if annotations else {}),
        }
        found[f"{obj['apiVersion']} {kind_of(obj)} {namespace_of(obj)}/{name_of(obj)}"] = kept
    return found
