"""Ceding goes along both sides' lists at once: a batch is there before the next page is read, and a page is read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate.actions.cede import Cede
from migrate.doors.cluster import PAGE, Verb, Write
from migrate.engine.step import Scene
from migrate.errors import Forbidden
from migrate.model import marks
from migrate.model.action import Action
from migrate.model.canonical import canonical
from migrate.model.ids import NO_BATCH, Side
from migrate.model.migration import Blue, Metadata, Migration
from migrate.model.objects import Resource
from migrate.model.progress import Progress
from migrate.simulation.server import SimulatedCluster
from migrate.steps.base import BATCH
from migrate.steps.ceding import ceded_to_blues
from tests.actions.conftest import RUN, Bench, bench
from tests.actions.test_seeing import Counting, counted

__all__ = ["bench"]

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
KIND = ("", "ConfigMap")


def replayed(bench: Bench, names: Sequence[str], *, gone: Sequence[str] = ()) -> None:
    """Have them on both sides, by kubectl on blue and by us on green; what is `gone` is on green alone."""
    kubectl = SimulatedCluster(bench.world.store, Side.BLUE, manager="kubectl")
    for name in names:
        metadata: dict[str, Any] = {"name": name, "namespace": "default"}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "secret-word"}}
        if name not in gone:
            kubectl.write(Write(Verb.CREATE, CONFIG_MAPS, name, "default", body))
        marked = {**body, "metadata": {**metadata, "annotations": {marks.RUN: RUN}}}
        bench.doors.green.write(Write(Verb.CREATE, CONFIG_MAPS, name, "default", marked))


def scene(bench: Bench) -> Scene:
    """A run whose step cedes."""
    migration = Migration(metadata=Metadata(name="test"), blue=Blue(simulated=""))
    return Scene(migration, bench.doors, Progress(), RUN, b"", NO_BATCH, Path(), bench.bodies)


def batches(bench: Bench) -> Iterator[Sequence[Action]]:
    """What the step yields, each batch done before the next is asked for."""
    for batch in ceded_to_blues(scene(bench), {KIND}):
        Cede(bench.reach()).act(batch)
        yield batch


def managers(action: Action) -> list[str]:
    """Who gets a share."""
    return [share["owner"]["manager"] for share in action.params["shares"]]


def test_no_more_is_read_than_is_done(bench: Bench) -> None:
    """Behind each batch at most one page of either side is ahead of it, and in the end every page was read once."""
    names = [f"c{number:05}" for number in range(3 * PAGE - 100)]
    replayed(bench, names)
    fuse = counted(bench, Counting())
    seen: list[str] = []
    for number, batch in enumerate(batches(bench), 1):
        pages = (number * BATCH) // PAGE + 1
        # the end of a list is a call as well, and what only one side has shifts the pages' borders
        assert fuse.count("read green configmaps") <= pages + 1
        assert fuse.count("read blue configmaps") <= pages + 1
        assert {tuple(managers(action)) for action in batch} == {("kubectl", "cnimigrate")}
        held = [bench.bodies.take(action.key) for action in batch]
        assert all(held)
        assert "secret-word" not in canonical(held)
        seen += [action.params["ref"]["name"] for action in batch]
    assert [name for name in seen if name in set(names)] == names
    assert fuse.count("read green configmaps") == 4
    assert fuse.count("read blue configmaps") <= 4
    assert not list(batches(bench))


def test_the_way_back_has_the_order_of_the_list(bench: Bench) -> None:
    """Who goes back by rank goes along the list once more, behind what has none."""
    replayed(bench, [f"c{number:05}" for number in range(BATCH + 50)])
    ranks = [action.params["rank"] for batch in batches(bench) for action in batch]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(ranks)
    assert max(ranks) < 0


def test_what_blue_has_no_more_is_read_by_itself_and_is_nobodys(bench: Bench) -> None:
    """No place in a list proves that something is not there."""
    names = [f"c{number:05}" for number in range(60)]
    replayed(bench, names, gone=names[10:13])
    fuse = counted(bench, Counting())
    (batch,) = batches(bench)
    found = {action.params["ref"]["name"]: managers(action) for action in batch}
    assert [name for name in names if "kubectl" not in found[name]] == names[10:13]
    assert fuse.count("read blue configmaps default/") == 3


class Refusing(Counting):
    """A server that lets nobody list, or get, ConfigMaps on a side."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.refused = words

    def around(self, words: str, call: Any) -> Any:
        """Refuse those words."""
        if words.startswith(self.refused):
            message = "you may not"
            raise Forbidden(message, status=403)
        return super().around(words, call)


@pytest.mark.parametrize(
    ("refused", "count"),
    [("read blue configmaps", 30), ("read blue configmaps default/", 5), ("read green configmaps", 0)],
)
def test_what_may_not_be_read_ends_nothing(bench: Bench, refused: str, count: int) -> None:
    """Who owns it on blue is not known then, and on green nothing is ceded."""
    replayed(bench, [f"c{number:05}" for number in range(count or 30)])
    counted(bench, Refusing(refused))
    found = [managers(action) for batch in batches(bench) for action in batch]
    assert found == [["cnimigrate"]] * count


class Twice(SimulatedCluster):
    """A server whose token has expired behind a first, short page: the list begins again."""

    def pages(self, resource: Resource, **options: Any) -> Iterator[Any]:
        """Ten objects, and then all of them."""
        yield next(super().pages(resource, **{**options, "limit": 10}))
        yield from super().pages(resource, **options)


def test_a_list_that_begins_again_cedes_nothing_twice(bench: Bench) -> None:
    """An object that comes once more while it waits for its batch is in it once."""
    replayed(bench, [f"c{number:05}" for number in range(40)])
    bench.doors = replace(
        bench.doors, green=Twice(bench.world.store, Side.GREEN), blue=Twice(bench.world.store, Side.BLUE)
    )
    (batch,) = batches(bench)
    keys = [action.key for action in batch]
    assert len(keys) == len(set(keys)) == 40
    assert all("kubectl" in managers(action) for action in batch)
