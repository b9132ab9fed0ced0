"""A way back that dies anywhere, while others lay hands on what it goes over: what has become theirs stays as it is."""

from __future__ import annotations

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
from migrate.errors import CheckFailed, DoorError, ForeignObject
from migrate.model import marks
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Resource, annotations_of, controller_of, kind_of, name_of
from migrate.simulation.faults import Fuse, Killed
from tests.scenario.endings import bodies, weights
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, created, deleted, patched
from tests.scenario.looks import Watching, alive, workings
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
from tests.scenario.test_way_back import settled
from tests.scenario.test_way_back_spares import volumes
from tests.scenario.visitors import come, identities

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SHARED = "default/shared"
"""A ConfigMap of ours in a namespace that green has by itself, so that nothing else goes by it."""


killed_anywhere = settings(
    max_examples=6,
    phases=[
        Step.explicit,
        Step.reuse,
        Step.generate,
    ],  # each example is a whole way back: shrinking takes long
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@dataclass(frozen=True, repr=False)
class Moved:
    """A move that soaks on a green where others are, and every call that an unbroken way back to build makes."""

    project: Project
    others: Mapping[str, Any]
    calls: tuple[str, ...]

    def death(self, share: float, *, after: bool, every_call: bool) -> Death:
        """A kill at a share of the way back, before a call or behind its effect."""
        only = everything if every_call else effects_only
        return Death(1 + int(share * sum(map(only, self.calls))), after=after, only=only)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """Where every way back of this module begins."""
    project = seeded(tmp_path_factory.mktemp("moved") / "move")
    run(project, Life(until=Until(phase=Phase.BUILD)))
    come(project)
    others = identities(project)
    run(project, Life(until=Until(phase=Phase.SOAK)))
    whole = copied(project, tmp_path_factory.mktemp("whole") / "move")
    fuse = Fuse(only=everything)
    roll_back_to(whole, Phase.BUILD, Life(fuse))
    return Moved(project, others, tuple(fuse.calls))


def read(project: Project, side: Side, resource: Resource, where: str) -> Object | None:
    """An object as it stands."""
    namespace, _, name = where.partition("/")
    with world_of(project) as world:
        return world.cluster(side).get(resource, name, namespace)


# --- what others do ----------------------------------------------------------------------------------------------


def take_over(project: Project) -> None:
    """Take our mark off: from then on it is theirs."""
    if read(project, Side.GREEN, CONFIG_MAPS, SHARED):
        none = {"metadata": {"annotations": {marks.RUN: None}}, "data": {"from": "them"}}
        patched(project, Side.GREEN, CONFIG_MAPS, SHARED, none)


def replace_unmarked(project: Project) -> None:
    """Delete ours, and have one of that name."""
    if read(project, Side.GREEN, CONFIG_MAPS, SHARED):
        deleted(project, Side.GREEN, CONFIG_MAPS, SHARED)
    created(project, Side.GREEN, CONFIG_MAPS, SHARED, data={"from": "them"})


def replace_for_another_run(project: Project) -> None:
    """The same by another move, with its marks."""
    if read(project, Side.GREEN, CONFIG_MAPS, SHARED):
        deleted(project, Side.GREEN, CONFIG_MAPS, SHARED)
    metadata = {"name": "shared", "namespace": "default", "annotations": {marks.RUN: "another"}}
    created(project, Side.GREEN, CONFIG_MAPS, SHARED, metadata=metadata, data={"from": "them"})


def delete_ours(project: Project) -> None:
    """Delete ours ahead of the way back."""
    if read(project, Side.GREEN, CONFIG_MAPS, SHARED):
        deleted(project, Side.GREEN, CONFIG_MAPS, SHARED)


def replace_blues_worker(project: Project) -> None:
    """Delete blue's worker, which rests or rests no more, and have another one of that name that is off."""
    worker = read(project, Side.BLUE, DEPLOYMENTS, "back/worker") or {}
    deleted(project, Side.BLUE, DEPLOYMENTS, "back/worker")
    with world_of(project) as world:
        world.clock().sleep(60)
    labels = {"by": "hand"}
    metadata = {"name": "worker", "namespace": "back", "labels": labels}
    spec = {**worker["spec"], "replicas": 0}
    created(project, Side.BLUE, DEPLOYMENTS, "back/worker", metadata=metadata, spec=spec)


@dataclass(frozen=True)
class Deed:
    """What others do, and which of their objects must be as it is from then on."""

    do: Callable[[Project], None]
    theirs: tuple[Side, Resource, str] | None = None


DEEDS = (
    Deed(take_over, (Side.GREEN, CONFIG_MAPS, SHARED)),
    Deed(replace_unmarked, (Side.GREEN, CONFIG_MAPS, SHARED)),
    Deed(replace_for_another_run, (Side.GREEN, CONFIG_MAPS, SHARED)),
    Deed(delete_ours),
    Deed(replace_blues_worker, (Side.BLUE, DEPLOYMENTS, "back/worker")),
)


def untouched(project: Project, deed: Deed) -> Any:
    """What must not change of their object: its UID, and what a person wrote."""
    if deed.theirs is None:
        return None
    obj = read(project, *deed.theirs)
    if obj is None:
        return None
    metadata = obj["metadata"]
    own = {k: v for k, v in annotations_of(obj).items() if not k.startswith("deployment.kubernetes.io/")}
    return metadata["uid"], metadata.get("labels"), own, obj.get("spec"), obj.get("data")


def ours(project: Project) -> list[str]:
    """What carries this run's mark on green."""
    mark = progress_of(project).run
    with world_of(project) as world:
        found = [o for o in bodies(world, Side.GREEN) if controller_of(o) is None]
    # what Calico's install applied carries none: build stands
    return [f"{kind_of(o)} {name_of(o)}" for o in found if annotations_of(o).get(marks.RUN) == mark]


@pytest.mark.timeout(600)
@settings(killed_anywhere, max_examples=12)
@given(
    share=st.floats(0, 1, exclude_max=True),
    after=st.booleans(),
    every_call=st.booleans(),
    deed=st.sampled_from(DEEDS),
)
def test_what_others_took_while_it_was_dead_stays(
    moved: Moved, places: Iterator[Path], share: float, deed: Deed, *, after: bool, every_call: bool
) -> None:
    """Killed anywhere, and gone on with after a deed of others: theirs stays as it is, ours goes, the data stays."""
    project = copied(moved.project, next(places))
    with suppress(Killed):
        roll_back_to(project, Phase.BUILD, Life(moved.death(share, after=after, every_call=every_call)))
    deed.do(project)
    before = untouched(project, deed)
    roll_back_to(project, Phase.BUILD)
    assert untouched(project, deed) == before
    assert identities(project) == moved.others
    assert ours(project) == []
    assert progress_of(project).in_doubt() == ()
    assert volumes(project) == {"work": ("Retain", "Released")}
    shutil.rmtree(project.state.parent.parent)


@pytest.mark.timeout(600)
@killed_anywhere
@given(
    share=st.floats(0, 1, exclude_max=True),
    after=st.booleans(),
    every_call=st.booleans(),
    namespace=st.sampled_from(["shop", "back"]),
)
def test_what_others_put_into_a_namespace_while_it_was_dead_keeps_that(
    moved: Moved, places: Iterator[Path], share: float, namespace: str, *, after: bool, every_call: bool
) -> None:
    """A person decides as long as it is there; once it is away the same command ends the way back."""
    project = copied(moved.project, next(places))
    with suppress(Killed):
        roll_back_to(project, Phase.BUILD, Life(moved.death(share, after=after, every_call=every_call)))
    theirs = Deed(
        lambda it: created(it, Side.GREEN, CONFIG_MAPS, f"{namespace}/theirs", data={"from": "them"}),
        (Side.GREEN, CONFIG_MAPS, f"{namespace}/theirs"),
    )
    try:
        theirs.do(project)
    except DoorError:
        space = read(project, Side.GREEN, NAMESPACES, f"/{namespace}")  # nobody can put anything into it
        assert space is None or "deletionTimestamp" in space["metadata"]
    before = untouched(project, theirs)
    if before is not None:
        with pytest.raises(ForeignObject, match=f"ConfigMap {namespace}/theirs"):
            roll_back_to(project, Phase.BUILD)
        assert untouched(project, theirs) == before
        deleted(project, Side.GREEN, CONFIG_MAPS, f"{namespace}/theirs")
    roll_back_to(project, Phase.BUILD)
    assert ours(project) == []
    assert identities(project) == moved.others
    assert volumes(project) == {"work": ("Retain", "Released")}
    shutil.rmtree(project.state.parent.parent)


def stood(project: Project) -> Any:
    """What a move has come to, but for what a second way there is given anew."""
    with world_of(project) as world:
        world.clock().sleep(60)
        sides = [settled(workings(world, side)) for side in Side]
        return sides, weights(world), progress_of(project).steps_done.keys(), progress_of(project).in_doubt()


@pytest.mark.timeout(600)
@killed_anywhere
@given(share=st.floats(0, 1, exclude_max=True), after=st.booleans(), every_call=st.booleans())
def test_who_changes_his_mind_goes_forward_from_where_it_died(
    moved: Moved, places: Iterator[Path], share: float, *, after: bool, every_call: bool
) -> None:
    """A run in the place of the rest of the way back ends where it had been; no writer runs on both sides meanwhile."""
    project = copied(moved.project, next(places))
    with suppress(Killed):
        roll_back_to(project, Phase.BUILD, Life(moved.death(share, after=after, every_call=every_call)))
    both: list[str] = []

    def look(words: str) -> None:
        with world_of(project) as world:
            both.extend([words] * (alive(world, Side.BLUE) and alive(world, Side.GREEN)))

    with suppress(
        CheckFailed
    ):  # what was on its way out when it died is to be gone first: it says so, and stops
        run(project, Life(Watching(before=look), until=Until(phase=Phase.SOAK)))
    with world_of(project) as world:
        world.clock().sleep(60)
    run(project, Life(Watching(before=look), until=Until(phase=Phase.SOAK)))
    assert both == []
    assert stood(project) == stood(moved.project)
    assert identities(project) == moved.others
    shutil.rmtree(project.state.parent.parent)


@pytest.mark.parametrize(
    "words",
    [
        "write delete green cronjobs.batch back/nightly",
        "write delete green deployments.apps back/worker",
        "write delete green namespaces /shop",
    ],
)
def test_what_was_on_its_way_out_is_made_again(moved: Moved, places: Iterator[Path], words: str) -> None:
    """The journal takes for standing nothing that the server has promised to delete, however long it still shows it."""
    project = copied(moved.project, next(places))
    at = moved.calls.index(words) + 1
    with pytest.raises(Killed):
        roll_back_to(project, Phase.BUILD, Life(Death(at, after=True, only=everything)))
    with pytest.raises(CheckFailed, match="is being deleted on green and still stands"):
        run(project, Life(until=Until(phase=Phase.SOAK)))
    with world_of(project) as world:
        world.clock().sleep(60)
    run(project, Life(until=Until(phase=Phase.SOAK)))
    assert stood(project) == stood(moved.project)
    roll_back_to(project, Phase.BUILD)
    assert ours(project) == []
    shutil.rmtree(project.state.parent.parent)
