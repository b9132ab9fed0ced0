"""What a command says at its end of servers that slowed it down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from migrate.cli import say
from migrate.doors.cluster import Cluster
from migrate.doors.slowed import REMEDY
from migrate.errors import CnimigrateError, DoorError


@contextmanager
def telling(*clusters: Cluster) -> Iterator[None]:
    """Say so on stderr whether the command succeeds or not; who is stopped at once is told nothing more."""
    try:
        yield
    except (CnimigrateError, DoorError):
        _tell(clusters)
        raise
    _tell(clusters)


def _tell(clusters: tuple[Cluster, ...]) -> None:
    slowed = [(cluster, held) for cluster in clusters for held in cluster.slowed()]
    for cluster, held in slowed:
        say.note(held.said(f"{cluster.side.value} ({cluster.name})"))
    if slowed:
        say.note(f"  {say.sign('next', sys.stderr)} {REMEDY}")
