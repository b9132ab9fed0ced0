"""The real sides of the traffic door, one file a mechanism: its name is the kind in the migration file.

Lives here: HAProxy, the operator's own programs, a person; the open-loop prober that they share.
Never here: when to turn the traffic and whether to turn it back, a cluster, the simulated side.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Protocol, cast

from migrate.cutovers.store import FileStore, Store
from migrate.doors.clock import Clock
from migrate.doors.traffic import Traffic
from migrate.errors import UsageError
from migrate.model.migration import Cutover

__all__ = ["FileStore", "Store", "kinds", "traffic"]


class _Make(Protocol):
    def __call__(self, spec: Cutover, clock: Clock, store: Store) -> Traffic: ...


def kinds() -> tuple[str, ...]:
    """The kinds in this folder: its modules that have a `KIND` of their own name and a `make`."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in names if getattr(import_module(f"{__name__}.{name}"), "KIND", None) == name)


def traffic(spec: Cutover, clock: Clock, store: Store) -> Traffic:
    """Make the traffic door that a migration file asks for; nothing is touched yet.

    `store` keeps what must outlive the program (`FileStore`, or a dict). Raises UsageError for a kind that is not real
    or not known, MigrationFileError where the file lacks what the kind needs.
    """
    if spec.kind not in kinds():
        raise UsageError(
            f"cutover.kind {spec.kind} has no real side", remedy=f"write one of: {', '.join(kinds())}"
        )
    make = cast("_Make", import_module(f"{__name__}.{spec.kind}").make)
    return make(spec, clock, store)
