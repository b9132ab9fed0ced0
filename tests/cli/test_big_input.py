"""Exports of many objects: taken by the snapshot, read back as a recording, planned, replayed and taken back."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from migrate.actions.snapshot import Snapshot, snapshot
from migrate.model.action import OutcomeState
from migrate.model.ids import Side
from migrate.simulation import recorded
from migrate.simulation.world import World
from tests.bench.blue import Size, make
from tests.cli.conftest import Cli, simulated
from tests.cli.moving import ARGV

ALONE = """\
workloads:
  include: ["team-*"]
  rules: [{kind: MutatingWebhookConfiguration, name: "*", skip: true, reason: its backend stays}]
gates: {before-replay: auto, before-start: auto}
"""
"""The crowded namespace moves, and nobody is asked."""

RANGES = "{podCIDR: 10.128.0.0/10, serviceCIDR: 10.112.0.0/16}"


def exported(folder: Path, size: Size, key: Path | None = None) -> int:
    """The snapshot of a blue of that size, in `folder`/snapshot; how many objects it has."""
    make(folder / "big.db", size)
    with World.open(folder / "big.db") as world:
        (outcome,) = Snapshot(world.cluster(Side.BLUE), folder).act([snapshot(str(key) if key else None)])
    assert outcome.state is OutcomeState.DONE, outcome
    return int(outcome.facts["objects"])


def of_the_export(folder: Path) -> Path:
    """A migration file whose blue is that snapshot."""
    file = simulated(folder, "", network=RANGES)
    file.write_text(file.read_text().replace("try.blue.yaml", "snapshot"))
    return file


@pytest.mark.parametrize(
    "objects", [2_000, pytest.param(50_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_an_export_is_planned(tmp_path: Path, objects: int) -> None:
    """Snapshot and Plan of an export directory; the time and the peak of memory are printed, not judged."""
    begun = time.monotonic()
    count = exported(tmp_path, Size(objects // 5, objects))
    print(f"{count} objects made and exported in {time.monotonic() - begun:.1f} s")
    file = of_the_export(tmp_path)
    begun = time.monotonic()
    ended = subprocess.run([*ARGV, "plan", file, "-o", "json"], check=False, capture_output=True, text=True)
    seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    assert ended.returncode == 0, ended.stderr
    planned = json.loads(ended.stdout)["objects"]["total"]
    print(f"planned {planned} objects from the export in {seconds:.1f} s, {peak} MiB at most")
    assert planned >= count


def test_an_encrypted_export_is_read_without_its_secrets(cli: Cli, tmp_path: Path) -> None:
    """No key is asked for: a recording needs no values, everything else is there, and what is not is said."""
    key = tmp_path / "key"
    key.write_bytes(Fernet.generate_key())
    count = exported(tmp_path, Size(10, 300), key)
    objects = recorded.of_path(tmp_path / "snapshot")
    assert not [obj for obj in objects if obj["kind"] == "Secret"]
    secrets = (tmp_path / "snapshot" / "secrets.jsonl").read_text().count("\n")
    assert secrets
    assert len(objects) == count - secrets
    said = cli("plan", of_the_export(tmp_path))
    assert said.code == 0
    assert f"{secrets} secrets are encrypted, and are left out" in said.err


@pytest.mark.parametrize(
    "pods", [100, pytest.param(3_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_a_namespace_full_of_pods_starts_and_goes_back(cli: Cli, tmp_path: Path, pods: int) -> None:
    """All of its pods run on green; after the way back none of its objects stands there."""
    exported(tmp_path, Size(pods, 2 * pods, namespaces=1))
    file = of_the_export(tmp_path)
    file.write_text(file.read_text() + ALONE)
    assert on(tmp_path, Side.BLUE, "big.db") >= pods
    said = cli("run", file, "--until", "start")
    assert said.code == 0, said.err
    assert on(tmp_path, Side.GREEN) >= pods
    said = cli("rollback", file, "--to", "build")
    assert said.code == 0, said.err
    assert on(tmp_path, Side.GREEN) == 0


def on(folder: Path, side: Side, file: str = ".cnimigrate/try/world.db") -> int:
    """How many pods of the application a side has: those outside the system's namespaces."""
    with World.open(folder / file) as world:
        cluster = world.cluster(side)
        (what,) = (r for r in cluster.resources() if r.name == "pods")
        found = [obj for page in cluster.pages(what) for obj in page]
    return sum(obj["metadata"]["namespace"].startswith("team-") for obj in found)
