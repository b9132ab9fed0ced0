"""The contract of the mover's door: what a program of the operator's and the simulated one do alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from migrate.doors.mover import Amount, Mover, Pass
from migrate.errors import DoorError
from migrate.model.ids import RunId, Side
from migrate.model.migration import Migration
from migrate.model.objects import Ref
from migrate.movers import mover as real_mover
from migrate.simulation.seed import seed_yaml
from migrate.simulation.world import World
from tests.movers.copying import PROGRAM, Green

CLAIM = Ref("", "PersistentVolumeClaim", "shop", "data")
WARM = Pass(RunId("run-1"), "warm", CLAIM, 1)
FINAL = replace(WARM, phase="final")
MINUTE = 60.0


@dataclass(frozen=True)
class Bench:
    """A mover, how blue's pods write to a claim's volume, and what lies on green's."""

    mover: Mover
    write: Callable[[Ref, str], None]
    on_green: Callable[[Ref], Amount]


@contextmanager
def command(folder: Path) -> Iterator[Bench]:
    """A program that copies directories."""
    (folder / "blue" / "shop" / "data").mkdir(parents=True)
    (folder / "green" / "shop" / "data").mkdir(parents=True)

    def write(claim: Ref, name: str) -> None:
        (folder / "blue" / claim.namespace / claim.name / name).write_text("four")

    def on_green(claim: Ref) -> Amount:
        files = [p for p in (folder / "green" / claim.namespace / claim.name).rglob("*") if p.is_file()]
        return Amount(sum(p.stat().st_size for p in files), len(files))

    yield Bench(
        real_mover(asked([sys.executable, str(PROGRAM), str(folder)]), Green(folder), folder / "notes"),
        write,
        on_green,
    )


@contextmanager
def simulated(folder: Path) -> Iterator[Bench]:
    """The simulation's numbers."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    with World.create(folder / "world.db") as world:
        for side in Side:
            seed_yaml(world, side, yaml.safe_dump(claim), side.value)
        mover = world.mover()

        def write(ref: Ref, name: str) -> None:
            held = mover.holds(Side.BLUE, ref)
            mover.fill(Side.BLUE, ref, Amount(held.bytes + len("four"), held.files + bool(name)))

        yield Bench(mover, write, lambda ref: mover.holds(Side.GREEN, ref))


def asked(argv: list[str], **more: str) -> Migration:
    """A migration that has the shop's data copied by a program."""
    mover = {"kind": "command", "command": argv, **more}
    volumes = [{"namespace": "shop", "as": "copy", "reason": "it is much", "mover": mover}]
    return Migration.model_validate(
        {
            "metadata": {"name": "dc1"},
            "blue": {"kubeconfig": "/blue.yaml", "context": "admin@blue"},
            "workloads": {"volumes": volumes},
        }
    )


@pytest.fixture(params=[command, simulated], ids=lambda made: made.__name__)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each mover with an empty volume on either side."""
    with request.param(tmp_path) as made:
        yield made


def test_a_pass_copies_everything_and_counts_both_ends(bench: Bench) -> None:
    """What lies on blue's volume lies on green's, and the mover says so of both."""
    for name in ("a", "b"):
        bench.write(CLAIM, name)
    copied = bench.mover.copy(WARM, MINUTE, lambda _: True)
    assert copied.source == copied.target == bench.on_green(CLAIM) == Amount(8, 2)


def test_the_final_pass_brings_what_came_since(bench: Bench) -> None:
    """Between the passes blue's writers are at work."""
    bench.write(CLAIM, "a")
    bench.mover.copy(WARM, MINUTE, lambda _: True)
    bench.write(CLAIM, "b")
    assert bench.mover.copy(FINAL, MINUTE, lambda _: True).target == bench.on_green(CLAIM) == Amount(8, 2)


def test_a_pass_that_was_not_asked_for_is_not_done(bench: Bench) -> None:
    """Neither another phase nor another attempt is taken for this one."""
    bench.write(CLAIM, "a")
    assert bench.mover.observe(WARM) is None
    copied = bench.mover.copy(WARM, MINUTE, lambda _: True)
    assert bench.mover.observe(WARM) == copied
    assert bench.mover.observe(FINAL) is None
    assert bench.mover.observe(replace(WARM, attempt=2)) is None


def test_a_pass_may_be_asked_for_again(bench: Bench) -> None:
    """After a crash it is: nothing comes twice."""
    bench.write(CLAIM, "a")
    first = bench.mover.copy(FINAL, MINUTE, lambda _: True)
    assert bench.mover.copy(FINAL, MINUTE, lambda _: True) == first
    assert bench.on_green(CLAIM) == Amount(4, 1)


def test_a_claim_that_is_not_there_is_refused(bench: Bench) -> None:
    """The mover's own words come with it, and nothing was copied."""
    gone = replace(FINAL, claim=CLAIM._replace(name="gone"))
    with pytest.raises(DoorError):
        bench.mover.copy(gone, MINUTE, lambda _: True)


def test_progress_is_told(bench: Bench) -> None:
    """What was copied by now is heard while the pass is under way."""
    bench.write(CLAIM, "a")
    seen: list[Amount | None] = []

    def going(amount: Amount | None) -> bool:
        seen.append(amount)
        return True

    bench.mover.copy(WARM, MINUTE, going)
    assert Amount(4, 1) in seen
