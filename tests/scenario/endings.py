"""How a move ended: what is compared between a broken run and an unbroken one, and what is left out and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.cli.project import Project
from migrate.doors.cluster import FIELD_MANAGER
from migrate.model.ids import Side
from migrate.model.objects import Object, controller_of, dig, kind_of, name_of, namespace_of
from migrate.simulation.world import World
from tests.scenario.blue import CANARY_SPELLINGS
from tests.scenario.moves import progress_of, world_of

TIMES = frozenset(
    {
        "creationTimestamp", "deletionTimestamp", "time", "startTime", "startedAt", "finishedAt",
        "lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime", "lastProbeTime", "lastScheduleTime",
        "lastSuccessfulTime", "completionTime",
    }
)  # fmt: skip
"""A resumed run takes longer, by the clock, than one that was never cut off."""

IDENTITIES = frozenset({"uid", "resourceVersion", "generation", "observedGeneration"})
"""Given out by the server in the order in which things happen."""

MADE_BY_CONTROLLERS = frozenset(
    {"Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Endpoints", "Event", "Job", "Lease"}
)
"""Named and addressed by controllers at the moment they act: compared by number and readiness."""

ADDRESSES = frozenset({"IPAMBlock", "IPAMHandle", "BlockAffinity"})
"""Which pod has which address depends on the order in which pods came; which node has a block does not."""


@dataclass(frozen=True)
class Ending:
    """Everything that must be the same however often a run was cut off."""

    objects: Mapping[str, Any]
    made: Mapping[str, int]
    weights: Mapping[str, int]
    effects: Mapping[str, int]
    steps: tuple[str, ...]
    open_intents: tuple[str, ...]


def ending_of(project: Project) -> Ending:
    """Read how a project's world and journal ended."""
    progress = progress_of(project)
    with world_of(project) as world:
        world.settle()
        objects, made = state_of(world)
        return Ending(
            objects,
            made,
            weights(world),
            effects_of(world),
            tuple(sorted(f"{batch}/{step}" for batch, step in progress.steps_done)),
            tuple(intent.action.key for intent in progress.in_doubt()),
        )


def weights(world: World) -> dict[str, int]:
    """Green's share of every route."""
    return {str(name): int(green) for name, green in world.store.rows("SELECT name, green FROM routes")}


def effects_of(world: World) -> dict[str, int]:
    """Every effect with its count; the Lease is renewed and taken anew as a run needs it, so it is left out."""
    return {key: count for key, count in world.effects().items() if " leases." not in key}


def state_of(world: World, *sides: Side) -> tuple[dict[str, Any], dict[str, int]]:
    """Every object that somebody wrote, without identities and times, and how many things controllers made of them."""
    objects: dict[str, Any] = {}
    made: Counter[str] = Counter()
    for side in sides or tuple(Side):
        for obj in bodies(world, side):
            kind, owner = kind_of(obj), controller_of(obj)
            if kind in ADDRESSES:
                continue
            if kind in MADE_BY_CONTROLLERS and (owner is not None or kind in {"Event", "Lease", "Endpoints"}):
                made.update(_counted(side, obj, owner))
                continue
            where = f"{side} {obj['apiVersion']} {kind} {namespace_of(obj)}/{name_of(obj)}"
            # when a CronJob fired last, and whether it has yet, depends on how long the run took
            objects[where] = plain({k: v for k, v in obj.items() if (kind, k) != ("CronJob", "status")})
    return objects, dict(made)


def bodies(world: World, side: Side) -> Iterator[Object]:
    """Every object of a side as it lies in the file."""
    for (body,) in world.store.rows("SELECT body FROM objects WHERE side = ?", side.value):
        yield json.loads(body)


V3_METADATA = "projectcalico.org/metadata"


def plain(value: Any) -> Any:
    """A value without what no two runs have in common."""
    if isinstance(value, Mapping):
        kept = {k: plain(v) for k, v in value.items() if k not in TIMES | IDENTITIES | {"active"}}
        if V3_METADATA in kept:
            # Calico keeps the v3 metadata, its time included, as JSON in an annotation
            kept[V3_METADATA] = plain(json.loads(kept[V3_METADATA]))
        return {k: v for k, v in kept.items() if not k.startswith("cnimigrate.io/")}
    if isinstance(value, list):
        # fields that controllers own come with their status, at their time
        return [plain(item) for item in value if not _of_a_controller(item)]
    return value


def _of_a_controller(item: Any) -> bool:
    return isinstance(item, Mapping) and "fieldsV1" in item and item.get("manager") != FIELD_MANAGER


def _counted(side: Side, obj: Object, owner: Mapping[str, Any] | None) -> Iterator[str]:
    kind = kind_of(obj)
    if owner is None or owner["kind"] in {"CronJob", "Job"} or kind in {"Event", "Lease"}:
        return  # how often a CronJob fired depends on how long the run took
    if kind == "ReplicaSet" and not dig(obj, "spec", "replicas"):
        return
    ready = any(
        c["type"] == "Ready" and c["status"] == "True"
        for c in dig(obj, "status", "conditions", default=()) or ()
    )
    what = (
        f"{kind} of {owner['kind']} {owner['name']}"
        if kind != "Pod"
        else f"Pod {obj['spec']['containers'][0]['image']}"
    )
    yield f"{side} {namespace_of(obj)} {what} {'Ready' if ready else ''}".rstrip()


def difference(one: Ending, other: Ending) -> list[str]:
    """What differs between two endings, a line each."""
    found = []
    for name in ("objects", "made", "weights", "effects"):
        left, right = getattr(one, name), getattr(other, name)
        found += [
            f"{name}: {key}: {_difference(left.get(key), right.get(key))}"
            for key in sorted({*left, *right})
            if left.get(key) != right.get(key)
        ]
    if one.steps != other.steps:
        found.append(f"steps: {set(one.steps) ^ set(other.steps)}")
    if one.open_intents != other.open_intents:
        found.append(f"open intents: {one.open_intents} and {other.open_intents}")
    return found


def _difference(one: Any, other: Any, path: str = "") -> str:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        parts = [
            _difference(one.get(k), other.get(k), f"{path}.{k}")
            for k in sorted({*one, *other})
            if one.get(k) != other.get(k)
        ]
        return "; ".join(parts)
    return f"{path} {one!r} and {other!r}"


def told(project: Project) -> list[str]:
    """Where the Secret's value turned up outside of the Secrets of the world itself."""
    found = []
    for path in project.state.rglob("*"):
        if path.is_file() and not path.name.startswith("world.db"):
            raw = path.read_bytes()
            found += [path.name for word in CANARY_SPELLINGS if word.encode() in raw]
    with world_of(project) as world:
        tables = [name for (name,) in world.store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in world.store.rows(f"SELECT * FROM {table}"):
                secret = table == "objects" and row[3] == "secrets"
                if not secret and any(word in json.dumps(row, default=str) for word in CANARY_SPELLINGS):
                    found.append(f"world: {table}")
    return found
