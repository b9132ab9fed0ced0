"""The real sides of the traffic door, one file a mechanism: its name is the kind in the migration file.

Lives here: HAProxy, the operator's own programs, a person; the open-loop prober that they share.
Never here: when to turn the traffic and whether to turn it back, a cluster, the simulated side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from migrate.cutovers.store import FileStore, Store
from migrate.doors.clock import Clock
from migrate.doors.traffic import Traffic
from migrate.errors import UsageError
from migrate.members import members
from migrate.model.migration import Cutover

__all__ = ["FileStore", "Store", "kinds", "traffic"]


class _Member(Protocol):
    KIND: str

    def make(self, spec: Cutover, clock: Clock, store: Store) -> Traffic: ...


def _members() -> Mapping[str, _Member]:
    return cast("Mapping[str, _Member]", members(__name__, __path__))


def kinds() -> tuple[str, ...]:
    """The kinds that this package makes; `simulated` is the simulation's own."""
    return tuple(sorted(_members()))


def traffic(spec: Cutover, clock: Clock, store: Store) -> Traffic:
    """Make the traffic door that a migration file asks for; nothing is touched yet.

    `store` keeps what must outlive the program (`FileStore`, or a dict). Raises UsageError for a kind that is not real
    or not known, MigrationFileError where the file lacks what the kind needs.
    """
    member = _members().get(spec.kind)
    if member is None:
        raise UsageError(
            f"cutover.kind {spec.kind} has no real side", remedy=f"write one of: {', '.join(kinds())}"
        )
    return member.make(spec, clock, store)
