"""The world's SQLite file: one connection, nested transactions, and the rows that everything else is made of.

Write-ahead log with synchronous=OFF: what was committed survives a killed process, not a power failure.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from migrate.simulation.shapes import without

SCHEMA_VERSION = 2

RECENT = 256
"""Objects that a transaction keeps of what it has read; some 4 kB each."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE numbers (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE objects (
  id INTEGER PRIMARY KEY, side TEXT NOT NULL, grp TEXT NOT NULL, plural TEXT NOT NULL, ns TEXT NOT NULL,
  name TEXT NOT NULL, uid TEXT NOT NULL, rv INTEGER NOT NULL, body TEXT NOT NULL, fields TEXT NOT NULL);
CREATE UNIQUE INDEX objects_key ON objects (side, grp, plural, ns, name);
CREATE INDEX objects_rv ON objects (side, rv);
CREATE INDEX objects_uid ON objects (side, uid);
CREATE TABLE owners (side TEXT NOT NULL, owner TEXT NOT NULL, object INTEGER NOT NULL,
  PRIMARY KEY (side, owner, object)) WITHOUT ROWID;
CREATE INDEX owners_object ON owners (object);
CREATE TABLE gone (
  side TEXT NOT NULL, rv INTEGER NOT NULL, grp TEXT NOT NULL, plural TEXT NOT NULL, ns TEXT NOT NULL,
  name TEXT NOT NULL, uid TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (side, rv));
CREATE TABLE served (
  side TEXT NOT NULL, grp TEXT NOT NULL, plural TEXT NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
  namespaced INTEGER NOT NULL, verbs TEXT NOT NULL, subresources TEXT NOT NULL, rank INTEGER NOT NULL,
  PRIMARY KEY (side, grp, plural, version)) WITHOUT ROWID;
CREATE TABLE allocated (side TEXT NOT NULL, what TEXT NOT NULL, value TEXT NOT NULL, holder TEXT NOT NULL,
  PRIMARY KEY (side, what, value)) WITHOUT ROWID;
CREATE INDEX allocated_holder ON allocated (side, what, holder);
CREATE TABLE timers (side TEXT NOT NULL, controller TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
  due INTEGER NOT NULL, PRIMARY KEY (side, controller, ns, name)) WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due);
CREATE TABLE effects (key TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE firings (side TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, due INTEGER NOT NULL,
  PRIMARY KEY (side, ns, name, due)) WITHOUT ROWID;
CREATE TABLE routes (
  name TEXT PRIMARY KEY, rank INTEGER NOT NULL, services TEXT NOT NULL, green INTEGER NOT NULL,
  rate INTEGER NOT NULL, due_carry INTEGER NOT NULL, split_carry INTEGER NOT NULL,
  sample_carry INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE answered (route TEXT NOT NULL, side TEXT NOT NULL, source TEXT NOT NULL, requests INTEGER NOT NULL,
  failed INTEGER NOT NULL, PRIMARY KEY (route, side, source)) WITHOUT ROWID;
"""


class Key(NamedTuple):
    """What names one object in the file; `namespace` is empty for cluster-scoped ones."""

    side: str
    group: str
    plural: str
    namespace: str
    name: str


class Change(NamedTuple):
    """One object as it was last written, or as it was when it went (`deleted`)."""

    group: str
    plural: str
    namespace: str
    name: str
    rv: int
    deleted: bool
    body: str


def to_micros(moment: datetime) -> int:
    """A moment as microseconds since 1970 in UTC; exact."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment of so many microseconds since 1970, in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


@lru_cache(maxsize=4)
def stamp(micros: int) -> str:
    """A moment as the API writes it: RFC 3339, UTC, whole seconds."""
    return from_micros(micros).strftime("%Y-%m-%dT%H:%M:%SZ")


def dump(value: Any) -> str:
    """Render JSON as it is stored: compact, keys in their order, integers exact."""
    return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def whole(body: str, fields: str) -> dict[str, Any]:
    """An object with its managedFields, which are stored apart: they are half of it, and hardly anybody asks for them."""
    obj: dict[str, Any] = orjson.loads(body)
    if fields:
        obj["metadata"]["managedFields"] = orjson.loads(fields)
    return obj


class Store:
    """The file, open; every method joins the transaction that is under way, or is one by itself."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        if fresh and path.exists():
            raise FileExistsError(path)
        if not fresh and not path.exists():
            raise FileNotFoundError(path)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        # Small values of the transaction under way: nobody else can change them before it ends. Numbers that it set
        # are written with its end, because the same few are counted up at every write.
        self._small: dict[str, Any] = {}
        self._counted: dict[str, int] = {}
        # Of the same transaction: what a write reads again and again, a pod's namespace, its account, itself.
        self._recent: dict[Key, tuple[str, str] | None] = {}
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
        if fresh:
            self._db.execute("PRAGMA page_size=8192")  # most objects with their managedFields fit on one
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA cache_size=-32768")
        # the same pages are written again and again: brought into the file seldom, they are brought there once
        self._db.execute("PRAGMA wal_autocheckpoint=16384")
        if fresh:
            path.chmod(0o600)
            self._db.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
            self.set_number("schema", SCHEMA_VERSION)
        elif self._brought_up() != SCHEMA_VERSION:
            found = self.number("schema")
            self._db.close()
            message = f"{path} is a world of format {found}; this program reads {SCHEMA_VERSION}"
            raise ValueError(message)

    def _brought_up(self) -> int:
        """The file's format, after a former one that can be gone on with has been brought up to this one."""
        with self.transaction():
            if self.number("schema") == 1:
                # its bodies have their managedFields inside, until each is written again
                self.run("ALTER TABLE objects ADD COLUMN fields TEXT NOT NULL DEFAULT ''")
                self.set_number("schema", 2)
            return self.number("schema")

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside happen at once or, on any exception, not at all; nests by savepoints."""
        with self._lock:
            depth, counted, begun = self._depth, dict(self._counted), False
            name = f"nested{depth}"
            try:
                # all of it in here: a signal may raise between any two lines
                self._depth = depth + 1
                if not depth:
                    self._forget()
                self._db.execute(f"SAVEPOINT {name}" if depth else "BEGIN IMMEDIATE")
                begun = True
                yield
                if depth:
                    self._db.execute(f"RELEASE {name}")
                else:
                    self._write_numbers(self._counted)
                    self._db.execute("COMMIT")
                    self._counted = {}
            except BaseException:
                self._forget()
                self._counted = counted
                if not depth:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                elif begun:
                    self._db.execute(f"ROLLBACK TO {name}")
                    self._db.execute(f"RELEASE {name}")
                raise
            finally:
                self._depth = depth
                if not depth:
                    self._forget()

    def _forget(self) -> None:
        self._small.clear()
        self._recent.clear()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Join the transaction under way, or make one: for what need not be taken back by itself."""
        with self._lock:
            if self._depth:
                yield
            else:
                with self.transaction():
                    yield

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read all rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Any) -> int:
        """Run one statement and return how many rows it touched."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run one statement for many rows."""
        with self._lock:
            self._db.executemany(sql, values)

    # --- small values ------------------------------------------------------------------------------------------

    def number(self, key: str) -> int:
        """An integer by name; 0 where it was never set."""
        if key in self._counted:
            return self._counted[key]
        if self._depth and key in self._small:
            return int(self._small[key])
        found = self.rows("SELECT value FROM numbers WHERE key = ?", key)
        value = int(found[0][0]) if found else 0
        self._small[key] = value
        return value

    def set_number(self, key: str, value: int) -> None:
        """Set an integer by name."""
        if self._depth:
            self._counted[key] = value
        else:
            self._write_numbers({key: value})

    def next_number(self, key: str, by: int = 1) -> int:
        """Add to an integer by name and return the sum."""
        if self._depth:
            self._counted[key] = self.number(key) + by
            return self._counted[key]
        found = self.rows(
            "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + ? RETURNING value",
            key,
            by,
            by,
        )
        return int(found[0][0])

    def _write_numbers(self, numbers: Mapping[str, int]) -> None:
        sql = "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self.run_many(sql, list(numbers.items()))

    def value(self, key: str) -> Any:
        """A JSON value by name; None where it was never set."""
        if self._depth and f"={key}" in self._small:
            return self._small[f"={key}"]
        found = self.rows("SELECT value FROM meta WHERE key = ?", key)
        value = orjson.loads(found[0][0]) if found else None
        self._small[f"={key}"] = value
        return value

    def set_value(self, key: str, value: Any) -> None:
        """Set a JSON value by name; None forgets it."""
        self._small[f"={key}"] = value
        if value is None:
            self.run("DELETE FROM meta WHERE key = ?", key)
        else:
            self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, dump(value))

    def now(self) -> datetime:
        """The world's time."""
        return from_micros(self.number("clock"))

    def stamp(self) -> str:
        """The world's time as the API writes it."""
        return stamp(self.number("clock"))

    # --- objects -----------------------------------------------------------------------------------------------

    def body(self, key: Key) -> str | None:
        """The JSON text of one object without its managedFields, or None."""
        texts = self._texts(key)
        return texts[0] if texts else None

    def get(self, key: Key) -> dict[str, Any] | None:
        """One object with its managedFields, or None."""
        texts = self._texts(key)
        return whole(*texts) if texts else None

    def _texts(self, key: Key) -> tuple[str, str] | None:
        """One object's body and managedFields, or None."""
        with self._lock:
            if self._depth and key in self._recent:
                return self._recent[key]
            sql = "SELECT body, fields FROM objects WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND name = ?"
            texts: tuple[str, str] | None = self._db.execute(sql, key).fetchone()
            if self._depth:
                if len(self._recent) >= RECENT:
                    self._recent.clear()
                self._recent[key] = texts
            return texts

    def put(self, key: Key, obj: dict[str, Any], *, before: Mapping[str, Any] | None = None) -> None:
        """Write one object under its own uid and resourceVersion, and who owns it; `before` is what it was."""
        metadata = obj["metadata"]
        fields = metadata.get("managedFields")
        body = {**obj, "metadata": without(metadata, "managedFields")} if fields else obj
        texts = int(metadata["resourceVersion"]), dump(body), dump(fields) if fields else ""
        self._recent.pop(key, None)
        if before is not None:  # the index of uids is left alone
            found = self.rows(
                "UPDATE objects SET rv = ?, body = ?, fields = ?"
                " WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND name = ? RETURNING id",
                *texts, *key,
            )  # fmt: skip
        else:
            found = self.rows(
                "INSERT INTO objects (side, grp, plural, ns, name, uid, rv, body, fields)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (side, grp, plural, ns, name) DO UPDATE"
                " SET uid = excluded.uid, rv = excluded.rv, body = excluded.body, fields = excluded.fields"
                " RETURNING id",
                *key, metadata["uid"], *texts,
            )  # fmt: skip
        owners = metadata.get("ownerReferences") or []
        owned = (before["metadata"].get("ownerReferences") or []) if before is not None else []
        if owners == owned:
            return
        if owned:
            self.run("DELETE FROM owners WHERE object = ?", found[0][0])
        if owners:
            rows = [(key.side, owner.get("uid", ""), found[0][0]) for owner in owners]
            self.run_many("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", rows)

    def remove(self, key: Key, rv: int) -> None:
        """Take one object away, leaving the trace by which controllers learn of it."""
        self._recent.pop(key, None)
        found = self.rows(
            "DELETE FROM objects WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND name = ?"
            " RETURNING id, uid, body",
            *key,
        )
        for ident, uid, body in found:
            self.run("DELETE FROM owners WHERE object = ?", ident)
            self.run(
                "INSERT INTO gone VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                key.side, rv, key.group, key.plural, key.namespace, key.name, uid, body,
            )  # fmt: skip

    def page(
        self, side: str, group: str, plural: str, namespace: str, after: tuple[str, str], limit: int
    ) -> list[str]:
        """Up to `limit` bodies of a resource in the order of namespace and name, after a pair of them."""
        return [row[0] for row in self._page("body", side, group, plural, namespace, after, limit)]

    def whole_page(
        self, side: str, group: str, plural: str, namespace: str, after: tuple[str, str], limit: int
    ) -> list[dict[str, Any]]:
        """The same page as objects with their managedFields."""
        return [
            whole(*row) for row in self._page("body, fields", side, group, plural, namespace, after, limit)
        ]

    def _page(
        self,
        columns: str,
        side: str,
        group: str,
        plural: str,
        namespace: str,
        after: tuple[str, str],
        limit: int,
    ) -> list[tuple[Any, ...]]:
        where = "side = ? AND grp = ? AND plural = ?" + (" AND ns = ?" if namespace else "")
        values = [side, group, plural, *([namespace] if namespace else [])]
        sql = f"SELECT {columns} FROM objects WHERE {where} AND (ns, name) > (?, ?) ORDER BY ns, name LIMIT ?"  # noqa: S608
        return self.rows(sql, *values, *after, limit)

    def containing(self, side: str, group: str, plural: str, namespace: str, text: str) -> list[str]:
        """The bodies of a resource in a namespace that have a text in them, by name."""
        sql = (
            "SELECT body FROM objects WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND instr(body, ?)"
            " ORDER BY name"
        )
        return [row[0] for row in self.rows(sql, side, group, plural, namespace, text)]

    def owned(self, side: str, uid: str) -> list[tuple[str, str, str]]:
        """Group, plural and body of every object that names `uid` among its owners."""
        return [
            (row[0], row[1], row[2])
            for row in self.rows(
                "SELECT o.grp, o.plural, o.body FROM owners w JOIN objects o ON o.id = w.object"
                " WHERE w.side = ? AND w.owner = ? ORDER BY o.grp, o.plural, o.ns, o.name",
                side,
                uid,
            )
        ]

    def has_uid(self, side: str, uid: str) -> bool:
        """Whether an object of that uid is there."""
        return bool(self.rows("SELECT 1 FROM objects WHERE side = ? AND uid = ? LIMIT 1", side, uid))

    def revision(self) -> int:
        """The last resourceVersion that was given out."""
        return self.number("revision")

    def changes(self, side: str, since: int) -> list[Change]:
        """What was written or went on a side after a resourceVersion, in that order."""
        sql = (
            "SELECT grp, plural, ns, name, rv, 0, body FROM objects WHERE side = ? AND rv > ?"
            " UNION ALL SELECT grp, plural, ns, name, rv, 1, body FROM gone WHERE side = ? AND rv > ? ORDER BY 5"
        )
        return [
            Change(r[0], r[1], r[2], r[3], r[4], bool(r[5]), r[6])
            for r in self.rows(sql, side, since, side, since)
        ]
