"""The contract of the mover's door: what a program of the operator's and the simulated one do alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from migrate.doors.cluster import Cluster
from migrate.doors.mover import Amount, Mover, Pass
from migrate.errors import DoorError
from migrate.model.ids import RunId, Side
from migrate.model.objects import Ref
from migrate.movers import mover as real_mover
from migrate.simulation.seed import seed_yaml
from migrate.simulation.world import World
from tests.movers.copying import PROGRAM
from tests.movers.reaching import Stage, asked, claimed, ends, on_real, on_simulated, serving

CLAIM = Ref("", "PersistentVolumeClaim", "shop", "data")
MINUTE = 60.0


@dataclass(frozen=True)
class Bench:
    """A mover, how blue's pods write to a claim's volume, and what lies on green's."""

    mover: Mover
    write: Callable[[Ref, str], None]
    on_green: Callable[[Ref], Amount]
    claim: Ref = CLAIM

    @property
    def warm(self) -> Pass:
        """The first pass over the claim."""
        return Pass(RunId("run-1"), "warm", self.claim, 1)

    @property
    def final(self) -> Pass:
        """The last one."""
        return replace(self.warm, phase="final")


@contextmanager
def command(folder: Path) -> Iterator[Bench]:
    """A program that copies directories."""
    mover = real_mover(ends(asked([sys.executable, str(PROGRAM), str(folder)]), folder))
    yield of_directories(mover, folder, CLAIM)


def of_directories(mover: Mover, folder: Path, claim: Ref) -> Bench:
    """A bench whose volumes are directories, empty ones for the claim."""

    def volume(side: Side, ref: Ref) -> Path:
        return folder / side.value / ref.namespace / ref.name

    for side in Side:
        volume(side, claim).mkdir(parents=True)

    def on_green(ref: Ref) -> Amount:
        files = [p for p in volume(Side.GREEN, ref).rglob("*") if p.is_file()]
        return Amount(sum(p.stat().st_size for p in files), len(files))

    return Bench(mover, lambda ref, name: write_four(volume(Side.BLUE, ref) / name), on_green, claim)


def write_four(file: Path) -> None:
    """Put four bytes into a file."""
    file.write_text("four")


@contextmanager
def volsync(folder: Path) -> Iterator[Bench]:
    """VolSync's replication on simulated API servers, with a stand-in for its controller."""
    with on_simulated(folder, CLAIM) as made:
        yield of_directories(real_mover(made.ends), made.volsync.folder, CLAIM)


@contextmanager
def simulated(folder: Path) -> Iterator[Bench]:
    """The simulation's numbers."""
    with World.create(folder / "world.db") as world:
        for side in Side:
            seed_yaml(world, side, yaml.safe_dump(claimed(CLAIM)), side.value)
        mover = world.mover()

        def write(ref: Ref, name: str) -> None:
            held = mover.holds(Side.BLUE, ref)
            mover.fill(Side.BLUE, ref, Amount(held.bytes + len("four"), held.files + bool(name)))

        yield Bench(mover, write, lambda ref: mover.holds(Side.GREEN, ref))


@pytest.fixture(
    params=[command, simulated, volsync, pytest.param(None, marks=pytest.mark.lab, id="volsync-real")],
    ids=lambda made: made.__name__,
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each mover with an empty volume on either side."""
    if request.param is None:
        made = request.getfixturevalue("real_volsync")
        yield of_directories(real_mover(made.ends), made.volsync.folder, made.claim)
        return
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def serving_volsync(request: pytest.FixtureRequest) -> Iterator[Mapping[Side, Cluster]]:
    """Real API servers that serve VolSync's kinds, as long as tests ask for them."""
    planes = request.getfixturevalue("blue_and_green")
    with serving([plane.kubeconfig for plane in planes]) as clusters:
        yield clusters


@pytest.fixture
def real_volsync(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """VolSync's replication on real API servers, with the same stand-in."""
    with on_real(tmp_path, request.getfixturevalue("serving_volsync")) as made:
        yield made


def test_a_pass_copies_everything_and_counts_both_ends(bench: Bench) -> None:
    """What lies on blue's volume lies on green's, and the mover says so of both."""
    for name in ("a", "b"):
        bench.write(bench.claim, name)
    copied = bench.mover.copy(bench.warm, MINUTE, lambda _: True)
    assert copied.source == copied.target == bench.on_green(bench.claim) == Amount(8, 2)


def test_the_final_pass_brings_what_came_since(bench: Bench) -> None:
    """Between the passes blue's writers are at work."""
    bench.write(bench.claim, "a")
    bench.mover.copy(bench.warm, MINUTE, lambda _: True)
    bench.write(bench.claim, "b")
    assert (
        bench.mover.copy(bench.final, MINUTE, lambda _: True).target
        == bench.on_green(bench.claim)
        == Amount(8, 2)
    )


def test_a_pass_that_was_not_asked_for_is_not_done(bench: Bench) -> None:
    """Neither another phase nor another attempt is taken for this one."""
    bench.write(bench.claim, "a")
    assert bench.mover.observe(bench.warm) is None
    copied = bench.mover.copy(bench.warm, MINUTE, lambda _: True)
    assert bench.mover.observe(bench.warm) == copied
    assert bench.mover.observe(bench.final) is None
    assert bench.mover.observe(replace(bench.warm, attempt=2)) is None


def test_a_pass_may_be_asked_for_again(bench: Bench) -> None:
    """After a crash it is: nothing comes twice."""
    bench.write(bench.claim, "a")
    first = bench.mover.copy(bench.final, MINUTE, lambda _: True)
    assert bench.mover.copy(bench.final, MINUTE, lambda _: True) == first
    assert bench.on_green(bench.claim) == Amount(4, 1)


def test_a_claim_that_is_not_there_is_refused(bench: Bench) -> None:
    """The mover's own words come with it, and nothing was copied."""
    gone = replace(bench.final, claim=bench.claim._replace(name="gone"))
    with pytest.raises(DoorError):
        bench.mover.copy(gone, MINUTE, lambda _: True)


def test_progress_is_told(bench: Bench) -> None:
    """What was copied by now is heard while the pass is under way."""
    bench.write(bench.claim, "a")
    seen: list[Amount | None] = []

    def going(amount: Amount | None) -> bool:
        seen.append(amount)
        return True

    bench.mover.copy(bench.warm, MINUTE, going)
    assert Amount(4, 1) in seen


def test_letting_go_leaves_what_was_copied(bench: Bench) -> None:
    """Before a pass and behind one: there is nothing to take away, and asking again is the same."""
    bench.mover.let_go(bench.final, MINUTE, lambda _: True)
    bench.write(bench.claim, "a")
    bench.mover.copy(bench.final, MINUTE, lambda _: True)
    for _ in range(2):
        bench.mover.let_go(bench.final, MINUTE, lambda _: True)
    assert bench.on_green(bench.claim) == Amount(4, 1)
