"""State that is damaged, foreign, lost, full or read-only: refused with its own exit code, nothing done."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from migrate.cli.project import NETWORK, filesystem
from migrate.model.entry import EntryKind
from migrate.model.ids import Side
from tests.cli.moving import DONE, Place, at_gate, demo
from tests.engine.mounts import mounted, needs_root


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run that stands at the gate before the cutover."""
    return at_gate(demo(tmp_path_factory.mktemp("waiting") / "it"))


@pytest.fixture
def place(waiting: Place, tmp_path: Path) -> Place:
    """A copy of it."""
    return waiting.copy(tmp_path / "it")


def flip(path: Path, near: bytes) -> None:
    """Turn one bit of a file, right behind some bytes that are in it."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(path.read_bytes())
    at = content.find(near)
    assert at > 0
    content[at + len(near)] ^= 1
    path.write_bytes(content)


def test_a_flipped_byte_in_the_journal(place: Place) -> None:
    """Exit 51 with the file and the entry, from whatever reads it; nothing is done, and the file is left as it is."""
    journal = place.state / "journal.db"
    flip(journal, b'"evidence":"appl')
    before, effects = journal.read_bytes(), place.effects()
    for words in (("run",), ("status",), ("approve", "before-cutover")):
        ended = place.run(*words)
        assert ended.code == 51, ended.all
        assert f"the journal {journal} is damaged: entry " in ended.err
        assert "Restore the file from a copy" in ended.err
    assert journal.read_bytes() == before
    assert place.effects() == effects


def test_the_red_button_works_with_a_damaged_journal(place: Place) -> None:
    """Traffic goes back to blue all the same; the exit code says that the journal is damaged (51)."""
    with place.world() as world, world.store.transaction():
        world.store.run("UPDATE routes SET green = 25 WHERE name = 'shop'")
    flip(place.state / "journal.db", b'"evidence":"appl')
    ended = place.run("abort")
    assert ended.code == 51
    assert "shop: 0 % on green" in ended.out
    assert "the traffic was put back without being journalled, because the journal" in ended.err
    assert "Nothing was done" not in ended.err
    assert place.green() == 0


@pytest.mark.parametrize("cut", [0.5, 0.0])
def test_half_a_journal(place: Place, cut: float) -> None:
    """A file that was cut off, or emptied, is damaged (51), not new."""
    journal = place.state / "journal.db"
    flip(journal, b"seq")  # folds the side file in
    journal.write_bytes(journal.read_bytes()[: int(journal.stat().st_size * cut)])
    ended = place.run("run")
    assert ended.code == 51, ended.all
    assert str(journal) in ended.err


def test_a_journal_of_another_format(place: Place) -> None:
    """Exit 50 with both formats, and what to do."""
    with sqlite3.connect(place.state / "journal.db") as db:
        db.execute("UPDATE meta SET value = '7' WHERE name = 'format'")
    db.close()
    ended = place.run("run")
    assert ended.code == 50
    assert "is a journal of format 7; this release writes format 1" in ended.err
    assert "Go on with the release that began the run." in ended.err


def test_a_journal_of_another_migration(place: Place) -> None:
    """Exit 50 with both names."""
    place.edit(("name: demo", "name: other"))
    ended = place.run("run", "--state", str(place.state))
    assert ended.code == 50
    assert "is the journal of migration demo, not other" in ended.err
    assert "--state DIR" in ended.err


def test_a_deleted_state_directory(place: Place) -> None:
    """Green carries marks of a run that nobody remembers: exit 33 with the run, and nothing is written to it."""
    run, effects = place.progress().run, place.effects()
    for left in place.state.iterdir():
        if not left.name.startswith("world.db"):  # the world stands for clusters, which nobody deletes
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    ended = place.run("run")
    assert ended.code == 33
    assert f"green carries the marks of run {run}" in ended.err
    assert f"no journal of it in {place.state}" in ended.err
    assert "--state DIR" in ended.err
    assert place.effects() == effects


def test_a_file_that_changed_where_it_may_not(place: Place) -> None:
    """Exit 50 with each key; amend refuses, too; put back as it was, the run goes on."""
    for words in (("run",), ("amend", "--yes")):
        original = place.file.read_text()
        place.edit(("podCIDR: 10.48.0.0/14", "podCIDR: 10.64.0.0/14"), ("soak: 10m", "soak: 5m"))
        ended = place.run(*words)
        place.file.write_text(original)
        assert ended.code == 50
        assert "file: green.network.podCIDR changed; file: soak changed" in ended.err
        assert "Put the file back as it was" in ended.err
    assert place.run("run").code == 20


def test_a_file_that_changed_where_it_may(place: Place) -> None:
    """Run stops (50); amend shows each change, voids approvals and makes a revision; approved again, the run goes on."""
    assert place.run("approve", "before-cutover", "--by", "ana").code == 0
    place.edit(("before-writers: auto", "before-writers: approval"), ("- 25\n", "- 50\n"))
    stopped = place.run("run")
    assert stopped.code == 50
    assert "the migration file changed since revision 1: cutover.ramp, gates" in stopped.err
    assert "cnimigrate amend" in stopped.err
    asked = place.run("amend")
    assert asked.code == 2
    assert "Add --yes." in asked.err
    amended = place.run("amend", "--yes")
    assert amended.code == 0
    assert "  cutover.ramp: [1,25,100] becomes [1,50,100]" in amended.out
    assert '  gates.before-writers: "auto" becomes "approval"' in amended.out
    assert "revision 2" in amended.out
    void = place.run("run")
    assert void.code == 20
    assert "1 given before no longer binds: the Plan, a verdict or what it was about changed" in void.err
    assert place.run("approve", "before-cutover", "--by", "ana").code == 0
    ended = place.run("run")
    assert ended.code == 20
    assert "all/before-writers needs an approval" in ended.err
    assert place.green() == 100
    assert place.effects()["set route shop 50"] == 1
    assert "set route shop 25" not in place.effects()


@needs_root
def test_a_read_only_state_directory(place: Place) -> None:
    """Before anything and in the middle of a run: exit 30, where, and what to write; once writable, it goes on."""
    disk_place = place.folder / "disk"
    with mounted(disk_place, "size=16m") as disk:
        shutil.copytree(place.state, disk / "state")
        disk.read_only()
        for words, code in ((("run",), 30), (("approve", "before-cutover"), 30), (("status",), 30)):
            ended = place.run(*words, "--state", str(disk / "state"))
            assert ended.code == code, ended.all
            assert str(disk / "state") in ended.err
            assert "--state DIR" in ended.err
            assert "Traceback" not in ended.err
        fresh = place.run("run", "--state", str(disk / "new"))
        assert fresh.code == 30
        assert "cannot be written: Read-only file system" in fresh.err
        disk.writable()
        assert place.run("run", "--state", str(disk / "state")).code == 20


@needs_root
def test_a_disk_that_fills_up(place: Place) -> None:
    """The journal's disk is full in the middle: exit 32, nothing half done, no success claimed; with room it goes on."""
    assert place.run("approve", "before-cutover").code == 0
    with mounted(place.folder / "disk", "size=16m") as disk:
        for file in place.state.glob("journal.db*"):
            shutil.move(file, disk / file.name)
        (place.state / "journal.db").symlink_to(disk / "journal.db")
        room = shutil.disk_usage(disk.place).free
        filler = disk / "filler"
        filler.write_bytes(b"x" * (room - 48 * 1024))
        ended = place.run("run")
        assert ended.code == 32, ended.all
        assert "cannot be written: database or disk is full" in ended.err
        assert "Make room or mend the disk, then run the same command to go on." in ended.err
        assert DONE not in ended.out
        filler.unlink()
        finished = place.run("run")
        assert finished.code == 0, finished.all
        assert DONE in finished.out
        entries = place.entries()
    assert place.effects()["set route shop 100"] == 1
    assert sum(e.kind is EntryKind.STEP for e in entries) == 17


@needs_root
def test_a_disk_that_is_full_from_the_beginning(tmp_path: Path) -> None:
    """Nothing was begun (30), or nothing is half done (32): a message with the place, never a traceback; then it runs."""
    place = demo(tmp_path / "it")
    with mounted(tmp_path / "disk", "size=3m") as disk:
        for size in (200, 1500, 3000):
            filler = disk / "filler"
            filler.write_bytes(b"x" * (3072 - size) * 1024)
            ended = place.run("run", "--state", str(disk / "state"))
            assert ended.code in {30, 32}, ended.all
            assert "Traceback" not in ended.err
            assert "full" in ended.err or "No space left" in ended.err
            filler.unlink()
            shutil.rmtree(disk / "state", ignore_errors=True)
    assert place.run("run", "--until", "assess").code == 0


def test_state_on_a_network_file_system_is_told_by_the_table_of_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest mount point that holds a path decides; a blank in its name is written as the kernel writes it."""
    table = (
        "/dev/sda1 / ext4 rw 0 0\nfiler:/home /home nfs4 rw 0 0\n/dev/sdb1 /home/local ext4 rw 0 0\n"
        "share /mnt/team\\040share cifs rw 0 0\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda self, *a, **k: table)
    kinds = {
        "/home/ana/x": "nfs4",
        "/home/local/x": "ext4",
        "/homestead": "ext4",
        "/mnt/team share/m": "cifs",
        "/srv": "ext4",
    }
    assert {path: filesystem(Path(path)) for path in kinds} == kinds
    assert {"nfs4", "cifs"} <= NETWORK
    assert "ext4" not in NETWORK


def test_a_lost_reply_after_a_create(place: Place, tmp_path: Path) -> None:
    """What was created although nobody said so is found, adopted and not created again."""
    place = demo(tmp_path / "lost")
    assert place.run("run", "--until", "build").code == 0
    with place.world() as world:
        world.failures.refuse(
            Side.GREEN, verb="create", resource="configmaps", error="lost", times=2, message="gone"
        )
    ended = place.run("run")
    assert ended.code in {20, 33}, ended.all
    if ended.code == 33:
        ended = place.run("run")
    assert ended.code == 20, ended.all
    created = {k: n for k, n in place.effects().items() if k.startswith("create green configmaps")}
    assert created
    assert set(created.values()) == {1}


def test_green_is_away_when_a_run_is_to_go_on(tmp_path: Path) -> None:
    """Exit 30 with what does not answer, because this command did nothing; when it answers again the run goes on."""
    place = demo(tmp_path / "it")
    assert place.run("run", "--until", "build").code == 0
    with place.world() as world:
        world.failures.cut_api(Side.GREEN)
    ended = place.run("run")
    assert ended.code == 30, ended.all
    assert "green (demo): no answer from the API server" in ended.err
    assert "Nothing was changed." in ended.err
    with place.world() as world:
        world.failures.forgive()
    assert place.run("run").code == 20
