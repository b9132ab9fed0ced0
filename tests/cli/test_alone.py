"""Resolve, amend and unlock write what a run builds on: while they do, nobody runs, and beside a run they do nothing."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.wiring import SystemClock
from migrate.engine import journal as journals
from migrate.engine import lock
from migrate.engine.journal import Journal
from migrate.model.action import Action
from migrate.model.entry import Draft, Entry, EntryKind
from migrate.model.ids import ActionKey, BatchName, StepId
from tests.cli.conftest import Cli
from tests.cli.moving import Place, at_gate, demo, end, environment

ANA = {"user": "ana", "host": "ops1", "pid": 4242, "since": "2026-01-05T09:00:00+00:00"}
RESOLVE = ("resolve", "turn shop", "--as", "absent", "--reason", "read it at the balancer")
UNLOCK = ("unlock", "--reason", "ops1 burnt down")
CHANGES = ("before-writers: auto", "before-writers: approval")


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run at its gate, with one act in doubt."""
    place = at_gate(demo(tmp_path_factory.mktemp("waiting") / "it"))
    doubtful = Action("weight", ActionKey("turn shop"), {"route": "shop", "green": 1})
    intent = Draft(
        EntryKind.INTENT,
        {"action": doubtful.as_json()},
        BatchName("all"),
        StepId("cutover.ramp"),
        "turn shop",
    )
    with journals.open_(place.state / "journal.db", SystemClock()) as journal:
        journal.append([intent])
    return place


@pytest.fixture
def place(waiting: Place, tmp_path: Path) -> Place:
    """A copy of it."""
    return waiting.copy(tmp_path / "it")


@pytest.fixture
def held(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the local lock was held at each write to the journal."""
    found: list[bool] = []
    append = Journal.append

    def watched(journal: Journal, drafts: Sequence[Draft]) -> list[Entry]:
        found.append(bool(lock.holder(place.state / "lock")))
        return append(journal, drafts)

    monkeypatch.setattr(Journal, "append", watched)
    return found


@pytest.mark.parametrize("words", [RESOLVE, ("amend", "--yes"), UNLOCK])
def test_the_lock_is_held_at_every_write(cli: Cli, place: Place, held: list[bool], words: Any) -> None:
    """Nobody begins to run between the look and the write; afterwards the lock is free."""
    place.edit(CHANGES)
    said = cli(*words, "-f", place.file)
    assert said.code == 0, said.all
    assert held == [True]
    assert not lock.holder(place.state / "lock")


@pytest.mark.parametrize("words", [RESOLVE, ("amend", "--yes"), UNLOCK])
def test_beside_a_run_nothing_is_written(cli: Cli, place: Place, words: Any) -> None:
    """Exit 40 with who runs it, since when and from where, and what to do; the journal is as it was."""
    place.edit(CHANGES)
    before = len(place.entries())
    with lock.held(place.state / "lock", ANA):
        said = cli(*words, "-f", place.file)
    assert said.code == 40
    assert (
        "this migration is being run by ana on ops1 (process 4242), since 2026-01-05T09:00:00+00:00"
        in said.err
    )
    assert "stop it with Ctrl-C where it is" in said.err
    assert len(place.entries()) == before
    assert [i.action.key for i in place.progress().in_doubt()] == ["turn shop"]


def test_status_names_who_holds_the_lock(cli: Cli, place: Place) -> None:
    """It is the holder's own word that is told, and not who ran last."""
    with lock.held(place.state / "lock", {**ANA, "doing": "amended"}):
        said = cli("status", "-f", place.file)
    assert (
        "runner   alive: being amended by ana on ops1 (process 4242), since 2026-01-05T09:00:00+00:00"
        in said.out
    )
    assert "alive" not in cli("status", "-f", place.file).out


@contextmanager
def at_terminal(place: Place, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program with a terminal to answer at, and the keys to type on; both ends with the block."""
    keys, terminal = pty.openpty()
    running = subprocess.Popen(
        place.argv(*words),
        cwd=place.folder,
        env=environment(None),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running, keys
    finally:
        running.kill()
        running.wait()
        os.close(keys)
        os.close(terminal)


def test_no_run_begins_while_amend_asks(place: Place) -> None:
    """A run is told who amends; once it is answered, the revision stands and the run goes on from it."""
    place.edit(CHANGES)
    with at_terminal(place, "amend") as (amending, keys):
        assert amending.stderr is not None
        asked = ""
        while "[y/N]" not in asked:
            part = amending.stderr.read(1)
            assert part, asked
            asked += part
        for words in (("run",), RESOLVE):
            refused = place.run(*words)
            assert refused.code == 40, refused.all
            assert f"(process {amending.pid})" in refused.err
            assert "this migration is being amended by " in refused.err
        os.write(keys, b"y\n")
        ended = end(amending)
    assert ended.code == 0, ended.all
    assert "revision 2" in ended.out
    assert place.run("run").code == 20


@pytest.mark.parametrize("words", [("run",), ("rollback",)])
def test_a_begun_journal_is_read_whole_only_once(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    """A big one takes seconds; what only compares the Plan reads the entries that say it."""
    place = at_gate(demo(tmp_path / "it"))
    whole = 0
    entries = Journal.entries

    def counted(journal: Journal, after: int = 0) -> Iterator[Entry]:
        nonlocal whole
        whole += not after
        return entries(journal, after)

    monkeypatch.setattr(Journal, "entries", counted)
    cli(*words, "-f", place.file)
    assert whole == 1
