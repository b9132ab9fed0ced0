"""The folder is the registry; the store is a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrate.cutovers import FileStore, kinds, traffic
from migrate.errors import MigrationFileError, UsageError
from migrate.files import replace
from migrate.model.migration import CommandTraffic, Cutover, HAProxy, ManualTraffic
from tests.cutovers.clocks import StillClock

SPECS = {
    "command": Cutover(kind="command", command=CommandTraffic(read=("r",), set=("s",))),
    "haproxy": Cutover(
        kind="haproxy", haproxy=HAProxy(socket="/run/s", backend="shop", blue=("b",), green=("g",))
    ),
    "manual": Cutover(kind="manual", manual=ManualTraffic()),
}


def test_every_real_kind_is_a_file_of_the_folder() -> None:
    """Neither more nor less; what the kinds share is no kind."""
    assert kinds() == tuple(sorted(SPECS))


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_kind_is_made_without_touching_anything(kind: str) -> None:
    """The door exists before its target is asked for anything."""
    made = traffic(SPECS[kind], StillClock(), {})
    assert made.kind == kind
    assert len(made.routes()) == 1


def test_the_simulated_kind_has_no_real_side() -> None:
    """It is the wiring's to choose; here it is refused with what there is."""
    with pytest.raises(UsageError, match="simulated has no real side") as caught:
        traffic(Cutover(), StillClock(), {})
    assert caught.value.remedy == "write one of: command, haproxy, manual"


@pytest.mark.parametrize("kind", ["command", "haproxy"])
def test_a_kind_without_its_part_says_what_to_write(kind: str) -> None:
    """As an error of the migration file."""
    spec = SPECS[kind].model_copy(update={kind: None})
    with pytest.raises(MigrationFileError):
        traffic(spec, StillClock(), {})


def test_the_store_outlives_the_program(tmp_path: Path) -> None:
    """What one wrote the next one reads, from a file that only its owner may."""
    path = tmp_path / "new" / "traffic.json"
    first = FileStore(path)
    assert len(first) == 0
    first["a"], first["b"] = "1", "2"
    del first["a"]
    assert dict(FileStore(path)) == {"b": "2"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"b": "2"}
    with pytest.raises(KeyError):
        FileStore(path)["a"]


def test_a_store_that_holds_something_else_is_an_error(tmp_path: Path) -> None:
    """It is never overwritten as if it were empty."""
    path = tmp_path / "traffic.json"
    for content in ("[]", '{"a": 1}', '{"a": "half'):
        path.write_text(content)
        with pytest.raises(OSError, match="holds no JSON object of texts; move it away"):
            FileStore(path)["a"] = "1"
        assert path.read_text() == content


def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle of a write: readers still have the old text."""
    path = tmp_path / "f"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(path, "new", mode=0o644)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]
