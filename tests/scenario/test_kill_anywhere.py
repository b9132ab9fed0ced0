"""A run killed anywhere, any number of times, and resumed ends where an unbroken run ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Step
from hypothesis import strategies as st

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.simulation.faults import Fuse, Killed
from tests.scenario.endings import Ending, bodies, difference, ending_of, told
from tests.scenario.hands import CONFIG_MAPS, patched
from tests.scenario.moves import (
    Death,
    Life,
    copied,
    effects_only,
    everything,
    progress_of,
    roll_back_to,
    run,
    seeded,
    world_of,
)
from tests.scenario.visitors import VISITORS, come, identities


@dataclass(frozen=True, repr=False)
class Unbroken:
    """A run that nobody cut off, the world that it began in, and every call that it made."""

    fresh: Project
    ending: Ending
    calls: tuple[str, ...]
    others: Mapping[str, Any]

    def of(self, only: Callable[[str], bool]) -> int:
        """How many calls of a sort there were."""
        return sum(map(only, self.calls))


def carried_out(fresh: Project, directory: Path) -> Unbroken:
    """A run from there to the end; what belongs to others must be as it was, to begin with."""
    others = identities(fresh)
    project = copied(fresh, directory / "unbroken")
    fuse = Fuse(only=everything)
    assert run(project, Life(fuse))
    assert identities(project) == others
    return Unbroken(fresh, ending_of(project), tuple(fuse.calls), others)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """The run that the others are held against."""
    fresh = seeded(tmp_path_factory.mktemp("unbroken") / "fresh")
    return carried_out(fresh, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """The same from the end of build on, once others have settled on green."""
    built = seeded(tmp_path_factory.mktemp("visited") / "built")
    run(built, Life(until=Until(phase=Phase.BUILD)))
    come(built)
    return carried_out(built, tmp_path_factory.mktemp("run"))


@dataclass(frozen=True)
class Kill:
    """Where one process dies: at a share of all calls of a sort, before the call or behind its effect."""

    share: float
    after: bool
    every_call: bool

    def fuse(self, unbroken: Unbroken) -> Death:
        """The fuse of that process."""
        only = everything if self.every_call else effects_only
        return Death(1 + int(self.share * unbroken.of(only)), after=self.after, only=only)


kills = st.builds(
    Kill,
    share=st.floats(0, 1, exclude_max=True, allow_nan=False),
    after=st.booleans(),
    every_call=st.booleans(),
)


def resumed(project: Project, fuses: list[Death]) -> None:
    """Run, killed by each fuse in turn, then to the end."""
    for fuse in fuses:
        with suppress(Killed):
            run(project, Life(fuse))
    assert run(project)


def check(project: Project, unbroken: Unbroken) -> None:
    """Hold a broken run's end against the unbroken one's."""
    assert difference(unbroken.ending, ending_of(project)) == []
    assert identities(project) == unbroken.others
    assert told(project) == []


@pytest.mark.timeout(1200)  # a busy machine; alone it takes half a minute
@settings(
    max_examples=40,
    phases=[Step.explicit, Step.reuse, Step.generate, Step.shrink],  # explaining reads all of both worlds
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(deaths=st.lists(kills, min_size=1, max_size=3), others=st.booleans())
def test_killed_anywhere(
    unbroken: Unbroken, visited: Unbroken, places: Iterator[Path], deaths: list[Kill], *, others: bool
) -> None:
    """Up to three kills at any journal write or door call: the end is an unbroken run's, what is others' untouched."""
    reference = visited if others else unbroken
    project = copied(reference.fresh, next(places))
    resumed(project, [kill.fuse(reference) for kill in deaths])
    check(project, reference)
    shutil.rmtree(project.state.parent.parent)


@pytest.mark.timeout(600)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(kill=kills, to=st.sampled_from([None, Phase.PREPARE, Phase.BUILD, Phase.REPLAY, Phase.VERIFY]))
def test_rollback_killed_anywhere(
    whole_way: WholeWay, places: Iterator[Path], kill: Kill, to: Phase | None
) -> None:
    """A rollback killed anywhere and resumed ends where an unbroken rollback ends, and the run goes forward again."""
    project = copied(whole_way.done, next(places))
    only = everything if kill.every_call else effects_only
    fuse = Death(1 + int(kill.share * 200), after=kill.after, only=only)
    with suppress(Killed):
        roll_back_to(project, to, Life(fuse))
    roll_back_to(project, to)
    assert difference(whole_way.back(to), ending_of(project)) == []
    if to not in {None, Phase.PREPARE}:  # behind build green itself goes, with whoever is there
        assert identities(project) == whole_way.others
    assert run(project)
    shutil.rmtree(project.state.parent.parent)


class WholeWay:
    """A finished run, and where an unbroken rollback of it to each phase ends."""

    def __init__(self, done: Project, places: Iterator[Path]) -> None:
        self.done = done
        self.others = identities(done)
        self._places = places
        self._endings: dict[Phase | None, Ending] = {}

    def back(self, to: Phase | None) -> Ending:
        """The ending of an unbroken rollback."""
        if to not in self._endings:
            project = copied(self.done, next(self._places))
            roll_back_to(project, to)
            self._endings[to] = ending_of(project)
        return self._endings[to]


@pytest.fixture(scope="module")
def whole_way(visited: Unbroken, places: Iterator[Path]) -> WholeWay:
    """A finished run to go back from, on a green where others are."""
    done = copied(visited.fresh, next(places))
    assert run(done)
    return WholeWay(done, places)


def test_the_comparison_sees_what_it_should(unbroken: Unbroken, places: Iterator[Path]) -> None:
    """The endings hold objects of both sides, weights and effects, and a difference in any of them is told."""
    project = copied(unbroken.fresh, next(places))
    assert run(project)
    with world_of(project) as world:
        store = world.store
        body = next(dict(b) for b in bodies(world, Side.GREEN) if b["metadata"]["name"] == "api-from-web")
        body["spec"] = {**body["spec"], "policyTypes": ["Ingress", "Egress"]}
        store.run("UPDATE objects SET body = ? WHERE uid = ?", json.dumps(body), body["metadata"]["uid"])
        store.run("UPDATE routes SET green = 50")
        store.run("UPDATE effects SET count = 2 WHERE key LIKE 'create green secrets%'")
        store.run("DELETE FROM objects WHERE plural = 'services' AND name = 'api' AND side = 'green'")
    found = difference(unbroken.ending, ending_of(project))
    assert any("NetworkPolicy shop/api-from-web" in line and "Egress" in line for line in found)
    assert any(line.startswith("weights: shop") for line in found)
    assert any(line.startswith("effects: create green secrets shop/api-token") for line in found)
    assert any("green v1 Service shop/api" in line for line in found)


def test_the_comparison_sees_who_touched_what_is_others(visited: Unbroken, places: Iterator[Path]) -> None:
    """A write that changes nothing but a resourceVersion is told, of an object inside a replayed namespace too."""
    project = copied(visited.fresh, next(places))
    assert {where for where in identities(project) if where.startswith("green")} >= {
        f"green ConfigMap {place}/{VISITORS}" for place in (VISITORS, "default")
    }
    patched(project, Side.GREEN, CONFIG_MAPS, f"default/{VISITORS}", {"metadata": {"labels": {"a": "b"}}})
    now = identities(project)
    assert [where for where in now if now[where] != visited.others[where]] == [
        f"green ConfigMap default/{VISITORS}"
    ]


def test_a_kill_is_noticed_by_the_next_run(unbroken: Unbroken, places: Iterator[Path]) -> None:
    """A process killed behind an effect leaves an intent in doubt: the kill is one that the engine must mend."""
    project = copied(unbroken.fresh, next(places))
    at = [c for c in unbroken.calls if effects_only(c)].index("write create green secrets shop/api-token") + 1
    with pytest.raises(Killed):
        run(project, Life(Death(at, after=True, only=effects_only)))
    assert "create green Secret shop/api-token" in [i.action.key for i in progress_of(project).in_doubt()]
    assert run(project)
    check(project, unbroken)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(20))
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_effect(
    unbroken: Unbroken, places: Iterator[Path], part: int, *, after: bool
) -> None:
    """Every single journal write and effect is a place to die at."""
    for at in range(1 + part, unbroken.of(effects_only) + 1, 20):
        project = copied(unbroken.fresh, next(places))
        resumed(project, [Death(at, after=after, only=effects_only)])
        check(project, unbroken)
        shutil.rmtree(project.state.parent.parent)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(20))
def test_killed_at_every_call(unbroken: Unbroken, places: Iterator[Path], part: int) -> None:
    """Every single call, reads among them, is a place to die at."""
    for at in range(1 + part, unbroken.of(everything) + 1, 20):
        project = copied(unbroken.fresh, next(places))
        resumed(project, [Death(at, only=everything)])
        check(project, unbroken)
        shutil.rmtree(project.state.parent.parent)
