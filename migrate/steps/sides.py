"""A side read whole, with what assess makes of it; and blue as the command has read it a moment ago."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from migrate import assess, replay
from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.doors.reading import green_serves, read_inventory
from migrate.engine.step import Scene
from migrate.errors import ClusterUnreachable, CredentialsRefused, Unauthorized, Unreachable
from migrate.model.facts import ClusterFacts
from migrate.model.inventory import Inventory
from migrate.model.objects import Resource

FRESH = timedelta(seconds=60)
"""How old a reading of blue may be that a step takes for its own: about what the lists of a big cluster take to read."""

_LATELY = "blue lately"


@dataclass(frozen=True)
class Seen:
    """Blue read whole, `at` that time, each kind in a version that green, which `served` these, served as well."""

    inventory: Inventory
    facts: ClusterFacts
    served: frozenset[Resource]
    at: datetime


def blue_seen(doors: Doors) -> Seen:
    """Read blue whole, each kind in a version that green serves too where there is one. Raises as `facts_of`."""
    with _named(doors.green):
        served = green_serves(doors)
    at = doors.clock.now()
    inventory, facts = facts_of(doors.blue, beside=served)
    return Seen(inventory, facts, frozenset(served), at)


class Glance:
    """What a command has read of blue before its first step; whoever takes it leaves nothing in memory behind."""

    def __init__(self, seen: Seen) -> None:
        self._seen: Seen | None = seen

    def take(self) -> Seen | None:
        """Give it away; None the next time."""
        seen, self._seen = self._seen, None
        return seen


def keep(scene: Scene, glance: Glance) -> None:
    """Keep what the command has read of blue for its first step."""
    scene.made[_LATELY] = _acts(scene), glance


def lately(scene: Scene) -> Seen | None:
    """Blue as the command has read it, once; None where it was taken, is old, or this run has acted since.

    For who looks at blue at the beginning of a command. Who must know how blue is after something was done, or before
    it is touched, reads it himself, and this is let go.
    """
    acts, glance = scene.made.pop(_LATELY, (0, None))
    seen = glance.take() if glance is not None else None
    if seen is None or acts != _acts(scene) or scene.doors.clock.now() - seen.at > FRESH:
        return None
    return seen if seen.served == frozenset(green_serves(scene.doors)) else None


def facts_of(cluster: Cluster, *, beside: Sequence[Resource] = ()) -> tuple[Inventory, ClusterFacts]:
    """Read a cluster whole, and what assess makes of it; `beside` is what green serves, for a reading of blue.

    Raises ClusterUnreachable or CredentialsRefused, which say the side.
    """
    with _named(cluster):
        inventory = read_inventory(cluster, at=replay.readable(beside))
        return inventory, assess.cluster_facts(inventory, name=cluster.name, uid=cluster.identity().uid)


def _acts(scene: Scene) -> int:
    """How often this run has begun to act."""
    return sum(1 for _ in scene.progress.intents())


@contextmanager
def _named(cluster: Cluster) -> Iterator[None]:
    """Say in an error which side it was: a door does not know that there is another."""
    try:
        yield
    except Unreachable as error:
        raise ClusterUnreachable(
            f"{cluster.side} ({cluster.name}) does not answer: {error}",
            remedy="Nothing was changed. Mend the way to the cluster, then run the same command.",
        ) from error
    except Unauthorized as error:
        raise CredentialsRefused(
            f"{cluster.side} ({cluster.name}) refuses the credentials: {error}",
            remedy=f"Nothing was changed. Renew the credentials in {cluster.side}'s kubeconfig, "
            "then run the same command.",
        ) from error
