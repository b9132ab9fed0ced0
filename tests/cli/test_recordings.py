"""Recordings that somebody has edited: whatever was done to them, a command works or says what is wrong; exit 2."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.calico.documents import documents
from migrate.cli.app import main
from tests.cli.conftest import PLANS, Cli, recorded, simulated

BLUES = ("weave-to-calico", "flannel-to-calico", "canal-to-calico")

Path_ = tuple[str | int, ...]

ODD: tuple[Any, ...] = (
    None, True, 0, -5, 3.5, 2**62, "", "text", "10.0.0.0/8", "1.2.3.999", "2026-13-45T99:00:00Z", "%s {x} $(y)",
    [], ["a"], [None], [{}], [[]], {}, {"a": "b"}, {"a": None}, {"": ""},
)  # fmt: skip
"""What is put where something else was."""

GONE = object()

ENDS = {0, 2, 12, 30}
"""Done, refused, a CNI that is not known, a finding: all in words."""


def objects(name: str) -> list[dict[str, Any]]:
    """The objects of a recorded blue of `plans/`."""
    return [dict(o) for o in documents((PLANS / f"{name}.blue.yaml").read_text(encoding="utf-8"))]


def spots(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every place in a value, the root left out."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*path, key)
        yield from spots(item, (*path, key))


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A recorded blue in which a few places, at any depth, are gone or hold something else."""
    name = draw(st.sampled_from(BLUES))
    found = copy.deepcopy(objects(name))
    for _ in range(draw(st.integers(1, 3))):
        obj = draw(st.sampled_from(found))
        places = list(spots(obj))
        if not places:
            continue
        *way, last = draw(st.sampled_from(places))
        parent: Any = obj
        for key in way:
            parent = parent[key]
        new = draw(st.sampled_from((GONE, *ODD)))
        if new is GONE:
            del parent[last]
        else:
            parent[last] = copy.deepcopy(new)
    return name, found


def code(*argv: object) -> int:
    """Call the program in this process; a traceback is the test's failure."""
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in argv])
    assert isinstance(left.value.code, int)
    return left.value.code


RELAXED = settings(suppress_health_check=list(HealthCheck), derandomize=True)


def ends(plan: str, blue: list[dict[str, Any]]) -> None:
    """Plan, assess and the runbook end in words; and where one cannot read the recording, none can."""
    with tempfile.TemporaryDirectory() as folder:
        file = simulated(
            Path(folder),
            yaml.safe_dump_all(blue),
            network="{podCIDR: 10.48.0.0/14, serviceCIDR: 10.112.0.0/16}",
        )
        codes = {
            "plan": code("plan", file, "--objects", "-o", "json"),
            "assess": code("assess", file),
            "runbook": code(
                "runbook",
                PLANS / f"{plan}.yaml",
                "--recorded",
                Path(folder) / "try.blue.yaml",
                "--dir",
                Path(folder) / "o",
            ),
        }
        assert set(codes.values()) <= ENDS, codes
        assert (codes["plan"] == 2) == (codes["assess"] == 2) == (codes["runbook"] == 2), codes
        assert not (Path(folder) / ".cnimigrate").exists()


@settings(RELAXED, max_examples=8)
@given(mangled())
def test_a_mangled_recording_ends_in_words(blue: tuple[str, list[dict[str, Any]]]) -> None:
    """Keys removed and values of wrong types, at any depth: exit 2 with words, or it works; never a traceback."""
    ends(*blue)


@pytest.mark.slow
@settings(RELAXED, max_examples=300)
@given(mangled())
def test_many_mangled_recordings_end_in_words(blue: tuple[str, list[dict[str, Any]]]) -> None:
    """The same, many times."""
    ends(*blue)


NIL: dict[str, tuple[str, ...]] = {
    "metadata": ("labels", "annotations", "ownerReferences", "finalizers"),
    "containers": ("env", "envFrom", "args", "command", "ports", "volumeMounts"),
    "pod": ("volumes", "tolerations", "imagePullSecrets", "initContainers", "nodeSelector"),
}
"""Lists and maps that Go may leave nil, by what they stand in."""


def with_nulls(value: Any, within: str = "") -> Any:
    """The same object with a null for each of these that it has not."""
    if isinstance(value, list):
        return [with_nulls(item, within) for item in value]
    if not isinstance(value, dict):
        return value
    lacking = {
        key: None for key in NIL.get("pod" if "containers" in value else within, ()) if key not in value
    }
    return {**{key: with_nulls(item, key) for key, item in value.items()}, **lacking}


def test_nulls_of_a_real_server_change_nothing(cli: Cli, tmp_path: Path) -> None:
    """The Plan is the same where lists and maps that are not there are null."""
    blue = objects("weave-to-calico")
    plain = cli("plan", simulated(tmp_path, yaml.safe_dump_all(blue)), "--objects", "-o", "json")
    odd = cli(
        "plan", simulated(tmp_path, yaml.safe_dump_all(map(with_nulls, blue))), "--objects", "-o", "json"
    )
    assert odd.code == 0, odd.err
    assert odd.document["decisions"] == plain.document["decisions"]


def test_a_recording_is_refused_with_file_place_object_and_path(cli: Cli, tmp_path: Path) -> None:
    """Every problem of the file on a line of its own, the same words from each command, and nothing begun."""
    wrong = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "odd", "namespace": "shop", "labels": ["a"]},
    }
    file = simulated(tmp_path, recorded("weave-to-calico", wrong, {"kind": "Pod"}))
    blue = tmp_path / "try.blue.yaml"
    for words in (["plan", file], ["assess", file], ["run", file], ["runbook", file, "--recorded", blue]):
        said = cli(*words)
        assert said.code == 2
        assert f"{blue}: document " in said.err
        assert "Service shop/odd: metadata.labels: is a list; write a mapping of keys to values" in said.err
        assert "apiVersion: is nothing; write for example apiVersion: apps/v1" in said.err
        assert f"{blue} is no recorded cluster" in said.err
        assert not (tmp_path / ".cnimigrate").exists()


def test_a_directory_and_json_lines_are_a_recorded_blue(cli: Cli, tmp_path: Path) -> None:
    """`blue.simulated` and `--recorded` take a directory; the Plan is that of the same objects in one file."""
    file = simulated(tmp_path, "")
    place = tmp_path / "try.blue.yaml"
    place.unlink()
    place.mkdir()
    every = objects("weave-to-calico")
    (place / "one.yaml").write_text(yaml.safe_dump_all(every[:20]))
    (place / "two.jsonl").write_text("\n".join(map(json.dumps, every[20:])))
    said = cli("plan", file, "-o", "json")
    assert said.code == 0, said.err
    place.rename(tmp_path / "parts")
    place.write_text(recorded("weave-to-calico"))
    assert said.document["objects"] == cli("plan", file, "-o", "json").document["objects"]
    assert (
        cli(
            "runbook",
            PLANS / "weave-to-calico.yaml",
            "--recorded",
            tmp_path / "parts",
            "--dir",
            tmp_path / "o",
        ).code
        == 0
    )
