"""The journal: one SQLite file, append-only, hash-chained, durable before every act.

WAL with synchronous=FULL costs one sync a commit; both pragmas are read back at every open, because a build or a
file system may ignore them. Writers of another process (approve, abort) share the file: the chain's head is read in
the transaction that extends it. What was written is read back by orjson, which shares the names of members between
entries: a big run keeps its intents in memory. Integers of 64 bits stay exact, as the Kubernetes API has no others.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import orjson

from migrate.errors import Fenced, JournalDamaged, PlanMismatch, StateNotWritable
from migrate.model.entry import GENESIS, Draft, Entry, EntryKind, chained, line_of, text_of
from migrate.model.ids import BatchName, StepId

FORMAT = 1
"""The journal's own format; another one is refused with exit 50."""

BUSY = 30.0
"""Seconds to wait for another process that is writing."""

_ROWS = 100
"""Rows an INSERT: every statement hands the interpreter to the threads that write, and has to get it back. SQLite
before 3.32 takes 999 values a statement."""

_MAKE_ROOM = "Make room or mend the disk, then run the same command to go on."

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL, batch TEXT NOT NULL,
  step TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL, hash TEXT NOT NULL
);
"""


class Now(Protocol):
    """Whatever tells the time: the clock's door."""

    def now(self) -> datetime:
        """The time, with its offset."""
        ...


class Journal:
    """An open journal; writes as the runner of `epoch`, or as a bystander where `epoch` is None."""

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Now) -> None:
        self.path = path
        self.epoch: int | None = None
        self._db = connection
        self._clock = clock

    def __enter__(self) -> Self:
        """Use the journal as a context that closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the journal."""
        self.close()

    def close(self) -> None:
        """Close the file; what was committed is on disk already."""
        self._db.close()

    @property
    def key(self) -> bytes:
        """The run's key for hashes that leave the machine; it is never exported."""
        return bytes.fromhex(self._meta("key"))

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Commit entries in one transaction and return them numbered.

        Raises Fenced when another runner has taken over since this one began, StateNotWritable for a full or lost
        disk; nothing of the batch was written then.
        """
        with self._transaction() as db:
            current = self._epoch(db)
            if self.epoch is not None and current != self.epoch:
                message = (
                    f"another runner took this migration over (epoch {current}, this one has {self.epoch})"
                )
                raise Fenced(message, remedy="Nothing more was done here. See cnimigrate status.")
            seq, head = self._head(db)
            at = self._clock.now().isoformat(timespec="milliseconds")
            entries, rows = [], []
            for draft in drafts:
                seq += 1
                text = text_of(draft.data)
                line = line_of(draft.kind, draft.batch, draft.step, draft.key, text)
                head = chained(head, seq, at, current, line)
                entries.append(
                    Entry(
                        seq,
                        at,
                        current,
                        draft.kind,
                        draft.batch,
                        draft.step,
                        draft.key,
                        orjson.loads(text),
                        head,
                    )
                )
                rows.append((seq, at, current, draft.kind, draft.batch, draft.step, draft.key, text, head))
            for first in range(0, len(rows), _ROWS):
                some = rows[first : first + _ROWS]
                values = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
                db.execute(f"INSERT INTO entry VALUES {values}", [cell for row in some for cell in row])  # noqa: S608 - marks alone
        return entries

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Read entries with a number above `after`, checking the chain; raises JournalDamaged where it breaks."""
        head = GENESIS
        if after:
            row = self._db.execute("SELECT hash FROM entry WHERE seq = ?", (after,)).fetchone()
            head = row[0] if row else ""
        expected = after
        try:
            for seq, at, epoch, kind, batch, step, key, text, stored in self._db.execute(
                "SELECT seq, at, epoch, kind, batch, step, key, data, hash FROM entry WHERE seq > ? ORDER BY seq",
                (after,),
            ):
                expected += 1
                head = chained(head, seq, at, epoch, line_of(kind, batch, step, key, text))
                if head != stored or seq != expected:
                    raise _damaged(self.path, f"entry {expected} does not follow from the one before it")
                yield _entry(seq, at, epoch, kind, batch, step, key, text, stored)
        except (sqlite3.DatabaseError, ValueError) as error:
            raise _damaged(self.path, str(error)) from error

    def of_kinds(self, *kinds: EntryKind) -> list[Entry]:
        """Read the entries of some kinds alone, each held against the one before it; the rest of the chain is not read.

        So nothing is done upon them before all was read. Raises JournalDamaged.
        """
        marks = ", ".join("?" * len(kinds))
        sql = (
            "SELECT e.seq, e.at, e.epoch, e.kind, e.batch, e.step, e.key, e.data, e.hash, p.hash"  # noqa: S608 - marks alone
            f" FROM entry e LEFT JOIN entry p ON p.seq = e.seq - 1 WHERE e.kind IN ({marks}) ORDER BY e.seq"
        )
        found = []
        try:
            rows = self._db.execute(sql, kinds)
            for *row, before in rows:
                seq, at, epoch, kind, batch, step, key, text, stored = row
                line = line_of(kind, batch, step, key, text)
                if chained(before or GENESIS, seq, at, epoch, line) != stored:
                    raise _damaged(self.path, f"entry {seq} does not follow from the one before it")
                found.append(_entry(*row))
        except (sqlite3.DatabaseError, ValueError) as error:
            raise _damaged(self.path, str(error)) from error
        return found

    def head(self) -> tuple[int, str]:
        """The number and the hash of the last entry."""
        return self._head(self._db)

    def take_over(self) -> int:
        """Begin a new epoch and write as its runner from now on; whoever wrote before is fenced."""
        with self._transaction() as db:
            epoch = self._epoch(db) + 1
            db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (str(epoch),))
        self.epoch = epoch
        return epoch

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            message = f"the journal {self.path} cannot be written: {error}"
            raise StateNotWritable(message, remedy=_MAKE_ROOM) from error

    def _meta(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise _damaged(self.path, f"it has no {name}")
        return str(row[0])

    def _epoch(self, db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0])

    @staticmethod
    def _head(db: sqlite3.Connection) -> tuple[int, str]:
        row = db.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
        return (int(row[0]), str(row[1])) if row else (0, GENESIS)


def create(path: Path, clock: Now) -> Journal:
    """Make a new journal, readable by its owner alone; raises StateNotWritable where that cannot be.

    It is made beside its place and moved there whole: a runner killed meanwhile leaves no half journal, which the
    next one would have to call damaged.
    """
    part = path.with_name(f"{path.name}.new")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        _lay_out(part)
        part.rename(path)
        _sync_directory(path.parent)
    except (OSError, sqlite3.Error) as error:
        message = f"the journal {path} cannot be made: {error}"
        raise StateNotWritable(message, remedy=_where_else()) from error
    return _connect(path, clock)


def open_(path: Path, clock: Now) -> Journal:
    """Open an existing journal, reading its pragmas back and checking the file.

    Raises JournalDamaged for a file that SQLite finds fault with, PlanMismatch for another format,
    StateNotWritable where it cannot be written.
    """
    journal = _connect(path, clock)
    try:
        verdict = journal._db.execute("PRAGMA quick_check(1)").fetchone()[0]  # noqa: SLF001
        if verdict != "ok":
            raise _damaged(path, str(verdict).splitlines()[-1])
        found = journal._meta("format")  # noqa: SLF001
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    if found != str(FORMAT):
        message = f"{path} is a journal of format {found}; this release writes format {FORMAT}"
        raise PlanMismatch(message, remedy="Go on with the release that began the run.")
    return journal


def _lay_out(path: Path) -> None:
    """Write the tables of an empty journal, in SQLite's default mode: there is no side file to move along."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN")
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("format", str(FORMAT)), ("epoch", "0"), ("key", secrets.token_hex(32))],
        )
        db.execute("COMMIT")


def _sync_directory(path: Path) -> None:
    """Make a new name durable; on Linux a directory is synced like a file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path, clock: Now) -> Journal:
    # SQLite makes the -wal and -shm files with the mode of the main file, which is 0600
    try:
        db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        db.execute("PRAGMA synchronous = FULL")
        sync = db.execute("PRAGMA synchronous").fetchone()[0]
    except sqlite3.OperationalError as error:
        message = f"the journal {path} cannot be used: {error}"
        raise StateNotWritable(message, remedy=_where_else()) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    if mode != "wal" or sync != 2:  # 2 is SQLite's number for FULL
        db.close()
        message = f"the journal {path} cannot be made durable: journal_mode is {mode}, synchronous is {sync}"
        raise StateNotWritable(message, remedy=_where_else())
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        db.close()
        message = f"the journal {path} is read-only"
        raise StateNotWritable(message, remedy=_where_else())
    return Journal(db, path, clock)


def _where_else() -> str:
    return "Give a directory on a local disk that you may write: --state DIR"


def _damaged(path: Path, what: str) -> JournalDamaged:
    return JournalDamaged(
        f"the journal {path} is damaged: {what}",
        remedy="Nothing was done. Restore the file from a copy; if there is none, put traffic where you want it by the "
        "back-out sheet of the runbook, then look at both clusters by hand.",
    )


def _entry(
    seq: int, at: str, epoch: int, kind: str, batch: str, step: str, key: str, text: str, stored: str
) -> Entry:
    """A row of the file as an entry; raises ValueError for a kind or data that are none."""
    data = orjson.loads(text)
    return Entry(seq, at, epoch, EntryKind(kind), BatchName(batch), StepId(step), key, data, stored)
