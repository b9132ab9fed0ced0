"""The controllers' View over the world's file: reads by index, and changes by resourceVersion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from migrate.model.objects import Object, Resource
from migrate.simulation.controllers.view import Event
from migrate.simulation.controllers.view import Key as ControllerKey
from migrate.simulation.served import Registry
from migrate.simulation.store import Key, Store
from migrate.simulation.worldfile import to_micros


class StoreView:
    """One side's objects; where the events stand is kept in the file, in the same transaction as their effects."""

    def __init__(self, store: Store, side: str) -> None:
        self._store = store
        self._side = side
        self._registry = Registry(store, side)

    def get(self, what: Resource, name: str, namespace: str = "") -> Object | None:
        """One object, or None."""
        body = self._store.body(Key(self._side, what.group, what.plural, namespace, name))
        found: Object | None = orjson.loads(body) if body is not None else None
        return found

    def list(self, what: Resource, namespace: str = "") -> Sequence[Object]:
        """All objects of a resource, or of one namespace."""
        bodies = self._store.page(self._side, what.group, what.plural, namespace, ("", ""), 1_000_000)
        return [orjson.loads(body) for body in bodies]

    def owned(self, uid: str) -> Sequence[tuple[Resource, Object]]:
        """Every object that names `uid` among its owners."""
        found: list[tuple[Resource, Object]] = []
        for group, plural, body in self._store.owned(self._side, uid):
            served = self._registry.named(group, plural)
            if served is not None:
                found.append((served.resource, orjson.loads(body)))
        return found

    def has_uid(self, uid: str) -> bool:
        """Whether an object of that uid is there."""
        return self._store.has_uid(self._side, uid)

    def events(self) -> Sequence[Event]:
        """What was written or went since the last call."""
        mark = f"seen:{self._side}"
        changes = self._store.changes(self._side, self._store.number(mark))
        if changes:
            self._store.set_number(mark, changes[-1].rv)
            self._store.run("DELETE FROM gone WHERE side = ? AND rv <= ?", self._side, changes[-1].rv)
        return [Event(c.group, c.plural, c.namespace, c.name, c.deleted, c.body) for c in changes]

    def waiting(self) -> bool:
        """Whether `events` would give anything."""
        since = self._store.number(f"seen:{self._side}")
        sql = (
            "SELECT EXISTS (SELECT 1 FROM objects WHERE side = ? AND rv > ?)"
            " OR EXISTS (SELECT 1 FROM gone WHERE side = ? AND rv > ?)"
        )
        return bool(self._store.rows(sql, self._side, since, self._side, since)[0][0])

    def later(self, controller: str, key: ControllerKey, due: datetime) -> None:
        """Bring a key back to a controller at a time."""
        row = (self._side, controller, key.namespace, key.name, to_micros(due))
        self._store.run("INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?, ?)", *row)

    def due(self, now: datetime) -> Sequence[tuple[str, ControllerKey]]:
        """Take the keys whose time has come."""
        found = self._store.rows(
            "DELETE FROM timers WHERE side = ? AND due <= ? RETURNING due, controller, ns, name",
            self._side,
            to_micros(now),
        )
        return [(row[1], ControllerKey(row[2], row[3])) for row in sorted(found)]
