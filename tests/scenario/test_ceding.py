"""After the finish whoever keeps an object on blue keeps it on green: changes it, and takes away what it says no more."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.engine.runner import Until
from migrate.model import marks
from migrate.model.entry import EntryKind, text_of
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, dig, name_of
from migrate.model.ownership import entries_of
from migrate.simulation.faults import Fuse, Killed
from migrate.simulation.server import SimulatedCluster
from tests.scenario.hands import CONFIG_MAPS
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    copied,
    progress_of,
    roll_back_to,
    run,
    seeded,
    world_of,
)
from tests.scenario.moves import entries_of as journalled
from tests.scenario.test_conflicts import NAMESPACES, on, theirs
from tests.scenario.test_many_doubts import DyingWithDoubts

CEDING = "write patch green configmaps shop/settings"
FLUX = "kustomize-controller"


def applied(project: Project, side: Side, **data: str) -> Object:
    """What the pipeline applies from Git, without force."""
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
    body["metadata"] = {"name": "settings", "namespace": "shop"}
    with world_of(project) as world:
        flux = SimulatedCluster(world.store, side, manager=FLUX)
        return flux.write(Write(Verb.APPLY, CONFIG_MAPS, "settings", "shop", body))


def owners(project: Project) -> set[str]:
    """Who owns a field of it on green."""
    with world_of(project) as world:
        found = world.cluster(Side.GREEN).get(CONFIG_MAPS, "settings", "shop") or {}
    return {entry["manager"] for entry in entries_of(found)}


def test_a_pipeline_changes_and_prunes_what_was_replayed(project: Project) -> None:
    """As on blue: no conflict with us, and a key that Git has no more goes."""
    applied(project, Side.BLUE, colour="red", size="1")
    run(project, Life(until=Until(phase=Phase.SOAK)))
    assert FIELD_MANAGER in owners(project)
    assert run(project)
    assert owners(project) == {FLUX}
    assert applied(project, Side.GREEN, colour="blue")["data"] == {"colour": "blue"}


def test_a_way_back_behind_the_finish_gives_up_what_was_adopted(project: Project) -> None:
    """What we added to another team's object is ours again for it, and goes; what they had stays."""
    run(project, Life(until=Until(phase=Phase.BUILD)))
    for resource, where, body in (
        (NAMESPACES, "back", {}),
        (CONFIG_MAPS, "back/worker", {"data": {"theirs": "kept"}}),
    ):
        theirs(project, resource, where, **body)
    stays = "{kind: ConfigMap, namespace: back, name: worker, path: data.theirs, reason: the other team's own key}"
    project = amended(project, f"{FILE}  onConflict: adopt\nverify: {{accept: [{stays}]}}\n")
    assert run(project)
    roll_back_to(project, Phase.BUILD)
    assert (on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {})["data"] == {"theirs": "kept"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_finish_that_was_cut_off_cedes_it_all_the_same(project: Project, after: bool) -> None:
    """Killed at the write of the owners, the next run has the end of an unbroken one."""
    applied(project, Side.BLUE, colour="red")
    run(project, Life(until=Until(phase=Phase.SOAK)))
    with pytest.raises(Killed):
        run(project, Life(Death(1, after=after, only=lambda words: words == CEDING)))
    assert run(project)
    assert owners(project) == {FLUX}


def test_another_runs_objects_are_not_ceded(project: Project) -> None:
    """It has our manager's name, and another run's mark."""
    run(project, Life(until=Until(phase=Phase.SOAK)))
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    body["metadata"] = {"name": "settings", "namespace": "shop", "annotations": {marks.RUN: "another"}}
    with world_of(project) as world:
        world.cluster(Side.GREEN).write(Write(Verb.CREATE, CONFIG_MAPS, "settings", "shop", body))
    assert run(project)
    assert owners(project) == {FIELD_MANAGER}


MANY = 450
SORT = "write patch green configmaps shop/many-"


@dataclass
class Reclaiming(DyingWithDoubts):
    """Killed with acts in doubt once the marks are on again, each of which is a patch as well."""

    behind: int = MANY + 200


def held(project: Project) -> dict[str, Any]:
    """Who owns what of green's ConfigMaps in the shop, our marks apart, which come off and on by themselves."""
    with world_of(project) as world:
        green = world.cluster(Side.GREEN)
        pages = green.pages(CONFIG_MAPS, namespace="shop", ownership=True)
        return {
            name_of(obj): sorted(
                (entry["manager"], word)
                for entry in entries_of(obj)
                for word in dig(entry, "fieldsV1", "f:data", default={})
            )
            for page in pages
            for obj in page
        }


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A move with many ConfigMaps that kubectl made on blue, and nothing left to do but the finish."""
    project = seeded(tmp_path_factory.mktemp("many") / "move")
    with world_of(project) as world:
        kubectl = SimulatedCluster(world.store, Side.BLUE, manager="kubectl")
        for number in range(MANY):
            name = f"many-{number:03}"
            body = {"metadata": {"name": name, "namespace": "shop"}, "data": {"n": str(number)}}
            kubectl.write(Write(Verb.CREATE, CONFIG_MAPS, name, "shop", body))
    run(project, Life(until=Until(phase=Phase.SOAK)))
    return project


def read_alone(calls: Sequence[str]) -> int:
    """How many of them were read one by one."""
    return sum(words.startswith("read green configmaps shop/many-") for words in calls)


def test_many_are_ceded_and_claimed_back_by_pages(soaked: Project, tmp_path: Path) -> None:
    """A write an object either way; what the journal says of an object is small, and of its way back next to nothing."""
    project = copied(soaked, tmp_path / "move")
    before = held(project)
    fuse = Fuse(only=lambda words: " green configmaps" in words)
    assert run(project, Life(fuse))
    ceding = [words for words in fuse.calls if words.startswith("write patch green configmaps shop/many-")]
    assert len(ceding) == 2 * MANY  # the owners, and then the marks
    assert read_alone(fuse.calls) == 0
    assert all(
        owner == "kubectl" for name, found in held(project).items() if "many" in name for owner, _ in found
    )

    last = journalled(project)[-1].seq
    roll_back_to(project, Phase.SOAK, Life(fuse := Fuse(only=lambda words: " green configmaps" in words)))
    assert held(project) == before
    patches = [words for words in fuse.calls if words.startswith("write patch green configmaps shop/many-")]
    assert len(patches) == 2 * MANY
    assert read_alone(fuse.calls) == MANY  # where the marks come on again, each is read
    intents = [e for e in journalled(project) if e.kind is EntryKind.INTENT]
    there = [len(text_of(e.data)) for e in intents if e.data["action"]["kind"] == "cede"]
    back = [len(text_of(e.data)) for e in intents if e.seq > last and e.data["action"]["kind"] == "reclaim"]
    assert len(back) == len(there) >= MANY
    assert max(back) < 250
    assert run(project)
    assert held(project) != before


@dataclass(frozen=True)
class Ends:
    """How an unbroken finish and an unbroken way back end, and how many calls of a sort each made."""

    there: dict[str, Any]
    back: dict[str, Any]
    calls: tuple[int, int]


def of_owners(words: str) -> bool:
    """Writes and pages of ConfigMaps on green, and the journal's entries."""
    return words.startswith(("write patch green configmaps", "read green configmaps", "journal "))


@pytest.fixture(scope="module")
def ends(soaked: Project, tmp_path_factory: pytest.TempPathFactory) -> Ends:
    """The run that the killed ones are held against."""
    project = copied(soaked, tmp_path_factory.mktemp("whole") / "move")
    there, back = Fuse(only=of_owners), Fuse(only=of_owners)
    assert run(project, Life(there))
    finished = held(project)
    roll_back_to(project, Phase.SOAK, Life(back))
    return Ends(finished, held(project), (len(there.calls), len(back.calls)))


@pytest.mark.parametrize("share", [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_there_and_back_it_ends_as_unbroken(
    soaked: Project, ends: Ends, tmp_path: Path, share: float, after: bool
) -> None:
    """Cut off at a write, a page or an entry, between two batches or in one: each field is with whom it would be."""
    project = copied(soaked, tmp_path / "move")
    there, back = (1 + int(share * calls) for calls in ends.calls)
    with pytest.raises(Killed):
        run(project, Life(Death(there, after=after, only=of_owners)))
    assert run(project)
    assert held(project) == ends.there
    with pytest.raises(Killed):
        roll_back_to(project, Phase.SOAK, Life(Death(back, after=after, only=of_owners)))
    roll_back_to(project, Phase.SOAK)
    assert held(project) == ends.back == held(soaked)


def test_hundreds_in_doubt_are_read_by_pages(soaked: Project, ends: Ends, tmp_path: Path) -> None:
    """Killed as the outcomes would be recorded, there and back: what was written is seen, and not written again."""
    project = copied(soaked, tmp_path / "move")
    with suppress(Killed):
        run(project, Life(DyingWithDoubts(at=0, only=lambda _: False, sort=SORT)))
    assert len(progress_of(project).in_doubt()) >= 200
    fuse = Fuse(only=of_owners)
    assert run(project, Life(fuse))
    assert read_alone(fuse.calls) == 0
    with suppress(Killed):
        roll_back_to(project, Phase.SOAK, Life(Reclaiming(at=0, only=lambda _: False, sort=SORT)))
    doubts = [intent.action.kind for intent in progress_of(project).in_doubt()]
    assert set(doubts) == {"reclaim"}
    assert len(doubts) >= 200
    fuse = Fuse(only=of_owners)
    roll_back_to(project, Phase.SOAK, Life(fuse))
    assert read_alone(fuse.calls) <= 1
    assert held(project) == ends.back
