"""The journal: durable, chained, fenced; what it refuses and with which exit code."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrate.engine import journal as journals
from migrate.engine.journal import Journal
from migrate.errors import (
    CnimigrateError,
    Fenced,
    JournalDamaged,
    PlanMismatch,
    StateNotWritable,
)
from migrate.model.entry import Draft, EntryKind
from tests.engine.books import filled, remark
from tests.engine.doubles import HandClock


def damaged(path: Path, change: Callable[[sqlite3.Connection], object]) -> CnimigrateError:
    """Change a closed journal's file, and return what reading it says."""
    with closing(sqlite3.connect(path)) as db, db:
        change(db)
    with pytest.raises(JournalDamaged) as caught, journals.open_(path, HandClock()) as opened:
        list(opened.entries())
    return caught.value


def test_durability_is_read_back(journal: Journal) -> None:
    """An open journal is in WAL mode with synchronous=FULL."""
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize(("pragma", "answer"), [("journal_mode", "delete"), ("synchronous", 1)])
def test_a_journal_that_cannot_be_durable_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str, answer: object
) -> None:
    """A build or file system that ignores a pragma ends the run before the first act, with exit 30."""

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *more: object) -> sqlite3.Cursor:
            if sql.startswith(f"PRAGMA {pragma}"):
                return super().execute("SELECT ?", (answer,))
            return super().execute(sql, *more)  # type: ignore[arg-type]

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Deaf))
    with pytest.raises(StateNotWritable, match="cannot be made durable") as caught:
        journals.create(path, HandClock())
    assert caught.value.exit_code == 30


def test_the_file_and_its_side_files_are_private(journal: Journal, path: Path) -> None:
    """The journal, its -wal and its -shm are 0600, whatever the umask says."""
    journal.append([remark()])
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


def test_a_wide_umask_opens_nothing(path: Path) -> None:
    """With umask 0 the files are still private."""
    former = os.umask(0)
    try:
        with journals.create(path, HandClock()) as made:
            made.append([remark()])
            modes = {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(former)
    assert modes == {0o600}


def test_entries_come_back_as_they_were_written(journal: Journal) -> None:
    """What append returns is what is read, numbered from one, exact integers included."""
    big = 2**60 + 1
    written = journal.append([remark(), Draft(EntryKind.REMARK, {"number": big})])
    read = list(journal.entries())
    assert read == written
    assert [e.seq for e in read] == [1, 2]
    assert read[1].data == {"number": big}
    assert read[0].as_json()["hash"] == read[0].hash
    assert journal.head() == (2, read[1].hash)


def test_reading_on_needs_no_reading_again(journal: Journal) -> None:
    """`after` gives the entries that follow, with the chain checked from there."""
    journal.append([remark("one")])
    journal.append([remark("two")])
    assert [e.data["what"] for e in journal.entries(after=1)] == ["two"]
    assert list(journal.entries(after=2)) == []


def test_reading_on_after_an_entry_that_never_was_is_damage(journal: Journal) -> None:
    """Asking for what follows an unknown entry does not pass for a whole chain."""
    journal.append([remark(), remark(), remark()])
    journal._db.execute("DELETE FROM entry WHERE seq = 2")
    with pytest.raises(JournalDamaged):
        list(journal.entries(after=2))


@pytest.mark.parametrize("column", ["at", "epoch", "kind", "batch", "step", "key", "data", "hash"])
@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_changed_column_breaks_the_chain(path: Path, column: str, seq: int) -> None:
    """Whatever is changed in whichever entry, the journal is damaged: exit 51, and it says which entry."""
    filled(path)
    value = {"epoch": 7, "kind": "step", "data": '{"what":"numbeR 0"}'}.get(column, "x")
    error = damaged(path, lambda db: db.execute(f"UPDATE entry SET {column} = ? WHERE seq = ?", (value, seq)))
    assert error.exit_code == 51
    assert f"entry {seq}" in error.message


def test_some_kinds_are_read_alone(journal: Journal) -> None:
    """The same entries as among all, in their order."""
    run = {"run": "r", "migration": "m"}
    journal.append([Draft(EntryKind.RUN, run), remark(), Draft(EntryKind.REVISION, {"plan": {}}), remark()])
    whole = list(journal.entries())
    assert journal.of_kinds(EntryKind.RUN, EntryKind.REVISION) == [whole[0], whole[2]]


@pytest.mark.parametrize("column", ["at", "epoch", "batch", "step", "key", "data", "hash"])
@pytest.mark.parametrize("seq", [1, 3])
def test_an_entry_of_a_kind_that_was_changed_is_damage(path: Path, column: str, seq: int) -> None:
    """Each is held against the one before it, wherever it stands."""
    filled(path)
    with closing(sqlite3.connect(path)) as db, db:
        value = {"epoch": 7, "data": '{"what":"numbeR 0"}'}.get(column, "x")
        db.execute(f"UPDATE entry SET {column} = ? WHERE seq = ?", (value, seq))
    with journals.open_(path, HandClock()) as opened, pytest.raises(JournalDamaged, match=f"entry {seq} "):
        opened.of_kinds(EntryKind.REMARK)


def test_every_flipped_byte_of_an_entry_is_found(path: Path) -> None:
    """Each byte of an entry's data and time matters."""
    filled(path, 3)
    with closing(sqlite3.connect(path)) as db:
        (at, data) = db.execute("SELECT at, data FROM entry WHERE seq = 2").fetchone()
    for column, text in (("at", at), ("data", data)):
        for place in range(len(text)):
            flipped = f"{text[:place]}{chr(ord(text[place]) ^ 1)}{text[place + 1 :]}"
            with closing(sqlite3.connect(path)) as db, db:
                db.execute(f"UPDATE entry SET {column} = ? WHERE seq = 2", (flipped,))
            with pytest.raises(JournalDamaged, match="entry 2"), journals.open_(path, HandClock()) as opened:
                list(opened.entries())
            with closing(sqlite3.connect(path)) as db, db:
                db.execute(f"UPDATE entry SET {column} = ? WHERE seq = 2", (text,))
    with journals.open_(path, HandClock()) as opened:
        assert len(list(opened.entries())) == 3


def test_a_byte_flipped_in_the_file_is_found(path: Path) -> None:
    """A flipped byte on disk, inside an entry, is damage and no success."""
    filled(path)
    raw = bytearray(path.read_bytes())
    place = raw.index(b"number 2")
    raw[place] ^= 1
    path.write_bytes(raw)
    with pytest.raises(JournalDamaged), journals.open_(path, HandClock()) as opened:
        list(opened.entries())


@pytest.mark.parametrize("seq", [1, 2, 4])
def test_a_missing_entry_is_found(path: Path, seq: int) -> None:
    """An entry taken out of the middle, or off the beginning, breaks the chain."""
    filled(path)
    assert damaged(path, lambda db: db.execute("DELETE FROM entry WHERE seq = ?", (seq,))).exit_code == 51


def test_swapped_entries_are_found(path: Path) -> None:
    """Two entries in each other's place break the chain."""
    filled(path)

    def swap(db: sqlite3.Connection) -> None:
        for old, new in ((2, 90), (3, 2), (90, 3)):
            db.execute("UPDATE entry SET seq = ? WHERE seq = ?", (new, old))

    damaged(path, swap)


def test_a_word_that_no_entry_kind_is_is_damage(path: Path) -> None:
    """A kind that this release does not know, with a right hash, is damage and not skipped."""
    from migrate.model.entry import chained, line_of

    filled(path, 1)

    def foreign(db: sqlite3.Connection) -> None:
        head = db.execute("SELECT hash FROM entry WHERE seq = 1").fetchone()[0]
        digest = chained(head, 2, "t", 0, line_of("dream", "", "", "", "{}"))
        db.execute("INSERT INTO entry VALUES (2, 't', 0, 'dream', '', '', '', '{}', ?)", (digest,))

    damaged(path, foreign)


def test_a_batch_is_one_commit(journal: Journal) -> None:
    """Entries by the hundred cost one transaction and a statement a hundred, and every one of them stands."""
    statements: list[str] = []
    journal._db.set_trace_callback(statements.append)
    written = journal.append([remark(str(n)) for n in range(250)])
    journal._db.set_trace_callback(None)
    assert statements.count("COMMIT") == 1
    assert sum(s.startswith("INSERT") for s in statements) == 3
    assert list(journal.entries()) == written
    assert [e.seq for e in written] == list(range(1, 251))


def test_a_batch_is_all_or_nothing(journal: Journal) -> None:
    """An entry that cannot be written takes its whole batch with it, and the journal goes on."""
    with pytest.raises(TypeError):
        journal.append([remark(), Draft(EntryKind.REMARK, {"what": object()})])
    assert journal.head()[0] == 0
    assert journal.append([remark()])[0].seq == 1


def test_a_fenced_writer_writes_nothing(journal: Journal, path: Path) -> None:
    """Once another runner has taken over, the former one is refused with exit 41 and leaves no row."""
    journal.take_over()
    journal.append([remark("mine")])
    with journals.open_(path, HandClock()) as other:
        assert other.take_over() == 2
        with pytest.raises(Fenced, match=r"epoch 2, this one has 1") as caught:
            journal.append([remark("too late")])
        assert caught.value.exit_code == 41
        other.append([remark("theirs")])
        assert [e.data["what"] for e in other.entries()] == ["mine", "theirs"]


def test_a_bystander_writes_without_taking_over(journal: Journal, path: Path) -> None:
    """Approvals come from processes that never took the epoch: they chain on, and fence nobody."""
    journal.take_over()
    with journals.open_(path, HandClock()) as other:
        other.append([remark("approved")])
    journal.append([remark("seen")])
    assert [(e.epoch, e.data["what"]) for e in journal.entries()] == [(1, "approved"), (1, "seen")]


APPENDER = """
import sys
from pathlib import Path
from migrate.engine import journal
from migrate.model.entry import Draft, EntryKind
from tests.engine.doubles import HandClock
with journal.open_(Path(sys.argv[1]), HandClock()) as opened:
    for number in range(40):
        opened.append([Draft(EntryKind.REMARK, {"by": sys.argv[2], "number": number})])
"""


def test_two_processes_append_to_one_chain(journal: Journal, path: Path) -> None:
    """Processes that write at the same time lose no entry and break no chain."""
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(path), name], cwd=root)
        for name in ("one", "two")
    ]
    assert [w.wait(60) for w in writers] == [0, 0]
    entries = list(journal.entries())
    assert len(entries) == 80
    for name in ("one", "two"):
        assert [e.data["number"] for e in entries if e.data["by"] == name] == list(range(40))


def test_another_format_is_refused(path: Path) -> None:
    """A journal of another format is a disagreement, exit 50, and is never taken for finished."""
    filled(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '2' WHERE name = 'format'")
    with pytest.raises(PlanMismatch, match="format 2") as caught:
        journals.open_(path, HandClock())
    assert caught.value.exit_code == 50


@pytest.mark.parametrize("name", ["format", "key"])
def test_a_journal_without_its_particulars_is_damaged(path: Path, name: str) -> None:
    """A missing format or key is damage."""
    filled(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM meta WHERE name = ?", (name,))
    with pytest.raises(JournalDamaged, match=f"no {name}"), journals.open_(path, HandClock()) as opened:
        _ = opened.key


def test_a_corrupted_page_is_found_at_opening(path: Path) -> None:
    """SQLite's own check finds a page of nonsense before anything is read from it."""
    filled(path, 200)
    raw = bytearray(path.read_bytes())
    raw[2 * 4096 : 2 * 4096 + 2048] = b"\xa5" * 2048
    path.write_bytes(raw)
    with pytest.raises(JournalDamaged) as caught, journals.open_(path, HandClock()):
        pass
    assert caught.value.exit_code == 51


@pytest.mark.parametrize(
    "content", [b"no database at all, only words that go on and on", b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_damaged(path: Path, content: bytes) -> None:
    """A half-written or foreign file is refused with exit 51."""
    path.write_bytes(content * 100)
    with pytest.raises(JournalDamaged) as caught:
        journals.open_(path, HandClock())
    assert caught.value.exit_code == 51


def test_an_empty_file_is_no_journal(path: Path) -> None:
    """A journal cut to nothing is damaged; it does not pass for a fresh one."""
    path.touch()
    with pytest.raises(JournalDamaged):
        journals.open_(path, HandClock())


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Without its directory a journal cannot be opened: exit 30."""
    with pytest.raises(StateNotWritable):
        journals.open_(tmp_path / "nowhere" / "journal.db", HandClock())


def test_an_entry_is_json(journal: Journal) -> None:
    """An exported entry can be dumped as it is."""
    (entry,) = journal.append([remark()])
    assert json.loads(json.dumps(entry.as_json()))["data"] == {"what": "hello"}


def test_what_a_killed_creation_left_is_no_journal(path: Path) -> None:
    """A runner killed while it made the journal leaves nothing in its place, and the next one makes it whole."""
    part = path.with_name("journal.db.new")
    part.write_bytes(b"SQLite format 3\0 and then the power went")
    assert not path.exists()
    with journals.create(path, HandClock()) as made:
        made.append([remark()])
        assert len(list(made.entries())) == 1
    assert not part.exists()


def test_a_file_that_may_not_be_written_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that this user may read but not write stops with exit 30 before anything."""
    filled(path)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(StateNotWritable, match="is read-only") as caught:
        journals.open_(path, HandClock())
    assert caught.value.exit_code == 30
