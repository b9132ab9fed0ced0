"""The world's SQLite file: one connection, nested transactions, and its small values; objects are in `store`.

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
from typing import Any

import orjson

SCHEMA_VERSION = 2

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


class WorldFile:
    """The file, open; every method joins the transaction that is under way, or is one by itself."""

    def __init__(self, path: Path, *, fresh: bool, alone: bool = False) -> None:
        """Open or make the file; `alone` where nobody else opens it meanwhile and a crash may spoil it: it is faster."""
        if fresh and path.exists():
            raise FileExistsError(path)
        if not fresh and not path.exists():
            raise FileNotFoundError(path)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._alone = alone
        # Small values of the transaction under way: nobody else can change them before it ends; who is alone keeps them.
        # Numbers that it set are written with its end, because the same few are counted up at every write.
        self._small: dict[str, Any] = {}
        self._counted: dict[str, int] = {}
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
        if fresh:
            self._db.execute("PRAGMA page_size=8192")  # most objects with their managedFields fit on one
        if alone:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute(f"PRAGMA journal_mode={'MEMORY' if alone else 'WAL'}")
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
                if not depth and not self._alone:
                    self.forget()
                self._db.execute(f"SAVEPOINT {name}" if depth else "BEGIN IMMEDIATE")
                begun = True
                yield
                if depth:
                    self._db.execute(f"RELEASE {name}")
                else:
                    self._write_numbers(self._counted)
                    self._db.execute("COMMIT")
                    self._small.update(self._counted)
                    self._counted = {}
            except BaseException:
                self.forget()
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
                if not depth and not self._alone:
                    self.forget()

    def forget(self) -> None:
        """Forget what was kept of the transaction."""
        self._small.clear()

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

    def number(self, key: str) -> int:
        """An integer by name; 0 where it was never set."""
        if key in self._counted:
            return self._counted[key]
        if (self._depth or self._alone) and key in self._small:
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
            self._small[key] = value

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
        self._small[key] = int(found[0][0])
        return int(found[0][0])

    def _write_numbers(self, numbers: Mapping[str, int]) -> None:
        sql = "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self.run_many(sql, list(numbers.items()))

    def value(self, key: str) -> Any:
        """A JSON value by name; None where it was never set."""
        if (self._depth or self._alone) and f"={key}" in self._small:
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
