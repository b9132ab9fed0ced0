"""A Secret's value appears nowhere: no output, log, journal, document, error, snapshot or world of a rehearsal."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet

from migrate.model.ids import Side
from tests.cli.conftest import CANARY as PLANTED
from tests.cli.conftest import CANARY_ENCODED
from tests.cli.moving import PLANS, Ended, Place
from tests.cli.test_bad_input import BEGIN, real
from tests.lab.control_plane import ControlPlane
from tests.scenario.blue import CANARY, CANARY_SPELLINGS, small_blue

WORLD = "world.db"
"""The simulated clusters themselves: a real API server has its Secrets, too, and so has the stand-in for one."""


def spellings() -> tuple[bytes, ...]:
    """The value as it is, as base64, and as base64 of what kubectl's annotation would quote."""
    twice = base64.b64encode(base64.b64encode(CANARY.encode())).decode()
    return tuple(s.encode() for s in (*CANARY_SPELLINGS, twice))


def found_in(folder: Path, *, spare: str = "") -> list[str]:
    """The files below a folder that hold the value, side files of databases among them."""
    files = (p for p in folder.rglob("*") if p.is_file() and not (spare and p.name.startswith(spare)))
    return [str(p.relative_to(folder)) for p in files if any(s in p.read_bytes() for s in spellings())]


def said(ended: Ended) -> list[bytes]:
    """The spellings that an output holds."""
    return [s for s in spellings() if s in ended.all.encode()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A small blue with the canary in a Secret; the recorded blue itself lies elsewhere."""
    recorded = tmp_path / "recorded" / "blue.yaml"
    recorded.parent.mkdir()
    recorded.write_text(small_blue())
    content = yaml.safe_load((PLANS / "demo.yaml").read_text(encoding="utf-8"))
    content["workloads"] = {
        "volumes": [{"namespace": "back", "name": "work", "as": "empty", "reason": "drained"}]
    }
    content["blue"] = {"simulated": str(recorded)}
    content["cutover"] = {
        "kind": "simulated", "ramp": [50, 100], "pause": "10s", "minSamples": 30, "abort": {"errorRate": "10%"},
    }  # fmt: skip
    content["gates"] = dict.fromkeys(
        ("before-replay", "before-start", "before-cutover", "before-full", "before-writers"), "auto"
    )
    content["soak"] = "1m"
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "demo.yaml").write_text(yaml.safe_dump(content))
    return Place(folder)


def everything(place: Place) -> Iterator[tuple[str, Ended]]:
    """A move with failures on the way, and every command that shows something."""
    yield "assess", place.run("assess", "--all", "-o", "json")
    yield "plan", place.run("plan", "--objects")
    yield "rehearse", place.run("rehearse")
    yield "run until build", place.run("run", "--until", "build", "-o", "json")
    with place.world() as world:
        # a server that quotes what it refuses, as admission webhooks do
        world.failures.refuse(
            Side.GREEN, verb="create", resource="secrets", times=1, message="no Secret for you"
        )
        world.failures.refuse(
            Side.GREEN, verb="create", resource="services", error="lost", times=1, message="gone"
        )
    yield "run that fails", place.run("run")
    yield "status", place.run("status")
    yield "run again", place.run("run")
    yield "run to the end", place.run("run", "-o", "json")
    yield "verify", place.run("verify")
    yield "runbook", place.run("runbook", "--dir", "books")
    yield "export", place.run("export", "--out", "evidence.jsonl")
    yield "export to stdout", place.run("export")
    yield "rollback", place.run("rollback", "--accept-data-loss")
    yield "abort", place.run("abort")


def test_a_secret_is_said_nowhere(place: Place) -> None:
    """Whatever is typed, succeeds or fails: neither the outputs nor any file of ours hold the value."""
    codes = {}
    for name, ended in everything(place):
        assert not said(ended), name
        assert "Traceback" not in ended.err, (name, ended.err)
        codes[name] = ended.code
    assert codes["run that fails"] in {30, 33}
    assert codes["run to the end"] == 0
    assert found_in(place.folder, spare=WORLD) == []
    assert list((place.folder / "books").iterdir())


def test_the_search_finds_what_it_looks_for(place: Place) -> None:
    """The control: green's own Secret has the value, so the world's file has it, and a planted one is found."""
    assert place.run("run", "--until", "replay").code == 0
    assert found_in(place.folder), "the simulated green holds the Secret"
    (place.folder / "planted").write_text(f"password: {CANARY_SPELLINGS[1]}")
    assert found_in(place.folder, spare=WORLD) == ["planted"]


def test_the_world_of_a_rehearsal_holds_no_secret(place: Place) -> None:
    """Secret values never enter a world that is seeded from another cluster."""
    assert place.run("rehearse").code == 0
    assert found_in(place.state / "rehearsal") == []
    assert (place.state / "rehearsal" / WORLD).exists()


def test_a_snapshot_has_secrets_only_under_the_operators_key(place: Place) -> None:
    """With a key the Secret is in the snapshot, and only that key opens it."""
    key = Fernet.generate_key()
    (place.folder / "key").write_bytes(key)
    with place.file.open("a") as file:
        file.write("snapshot: {secretsKey: key}\n")
    assert place.run("run", "--until", "prepare").code == 0
    assert found_in(place.folder, spare=WORLD) == []
    lines = (place.state / "snapshot" / "secrets.jsonl").read_bytes().splitlines()
    opened = b"".join(Fernet(key).decrypt(line) for line in lines)
    assert CANARY_SPELLINGS[1].encode() in opened or CANARY.encode() in opened


def test_files_of_the_state_are_their_owners_alone(place: Place) -> None:
    """Nothing in the state directory can be read by others, side files of databases among them."""
    assert place.run("run", "--until", "replay").code == 0
    assert place.state.stat().st_mode & 0o077 == 0
    loose = [p.name for p in place.state.rglob("*") if p.is_file() and p.stat().st_mode & 0o077]
    assert [name for name in loose if name != ".gitignore"] == []


def test_a_real_secret_leaves_blue_by_no_way(weave_plane: ControlPlane, tmp_path: Path) -> None:
    """From a real API server: assess, rehearse and the beginning of a run keep nothing of it."""
    place = real(tmp_path / "it", weave_plane.setup_kubeconfig)
    for words in (("assess", "--all"), ("plan", "--objects"), ("rehearse",), BEGIN, ("export",)):
        ended = place.run(*words)
        assert PLANTED not in ended.all
        assert CANARY_ENCODED not in ended.all
        assert "Traceback" not in ended.err
    files = [p.read_bytes() for p in place.folder.rglob("*") if p.is_file()]
    assert len(files) > 3
    assert not [f for f in files if PLANTED.encode() in f or CANARY_ENCODED.encode() in f]
