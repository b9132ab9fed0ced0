"""Walking along a list: each page read once, nobody missed for its order, and never dearer than reading each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from migrate.actions.seeing import DEARER, MANY
from migrate.actions.walking import Place, Walk
from migrate.doors.cluster import Cluster
from migrate.model.objects import Object, Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)


class Shown:
    """A cluster that shows a list by pages of so many, and counts them."""

    def __init__(self, places: Sequence[Place], page: int = 10) -> None:
        self.places = places
        self.page = page
        self.read = 0

    def pages(self, resource: Resource, **options: Any) -> Any:
        """Page after page, with the owners."""
        assert (resource, options) == (CONFIG_MAPS, {"ownership": True})
        for first in range(0, len(self.places), self.page):
            self.read += 1
            yield [shown(place) for place in self.places[first : first + self.page]]


def shown(place: Place) -> Object:
    """An object at its place."""
    return {"metadata": {"namespace": place[0], "name": place[1]}}


def places(*namespaces: str, count: int = 100) -> list[Place]:
    """So many names in each of these namespaces."""
    return [(space, f"c{number:04}") for space in namespaces for number in range(count)]


def walk(cluster: Shown) -> Walk:
    """A walk along its list."""
    return Walk(cast("Cluster", cluster), CONFIG_MAPS)


@pytest.mark.parametrize("batch", [MANY, 64, 200])
@pytest.mark.parametrize("spaces", [("team", "team-a", "u"), ("team-a", "team", "u")], ids=["pairs", "keys"])
def test_each_page_is_read_once(batch: int, spaces: tuple[str, ...]) -> None:
    """Whichever order the server has: of pairs, or of etcd's keys, where a dash comes before the slash."""
    cluster = Shown(places(*spaces))
    walked = walk(cluster)
    met: set[Place] = set()
    for first in range(0, len(cluster.places), batch):
        wanted = cluster.places[first : first + batch]
        found = walked.met(wanted)
        if len(wanted) >= MANY:
            assert list(found) == wanted
        met |= found.keys()
    assert len(met) >= len(cluster.places) - MANY
    assert cluster.read <= len(cluster.places) // cluster.page


def test_what_is_not_there_holds_up_nobody() -> None:
    """It stops behind the place where it would be, and has those that are asked for next."""
    cluster = Shown([place for place in places("a", "c") if not place[1].endswith("7")])
    walked = walk(cluster)
    for space in ("a", "b", "c"):
        wanted = places(space)
        there = {} if space == "b" else {place for place in wanted if not place[1].endswith("7")}
        assert walked.met(wanted).keys() == set(there)
    assert cluster.read == 18


def test_a_few_are_worth_no_page() -> None:
    """Those at hand are given all the same."""
    cluster = Shown(places("a"))
    walked = walk(cluster)
    assert walked.met(places("a", count=MANY - 1)) == {}
    assert cluster.read == 0
    walked.met(places("a", count=MANY))
    assert list(walked.met([("a", "c0015"), ("a", "c0030")])) == [("a", "c0015")]
    assert cluster.read == 2


def test_it_costs_no_more_than_reading_each() -> None:
    """A few among very many: it gives up for now, and goes on from there for the next."""
    cluster = Shown(places("a", count=1000))
    walked, wanted = walk(cluster), places("a", count=1000)[-MANY:]
    assert walked.met(wanted) == {}
    assert cluster.read == MANY // DEARER
    for _ in range(20):
        walked.met(wanted)
    assert list(walked.met(wanted)) == wanted[-cluster.page :]


def test_a_list_that_began_again_or_has_no_order_misleads_nobody() -> None:
    """Who was not met is simply not told of: no order that was broken makes one absent or another one of it."""
    once = places("a", count=40)
    cluster = Shown([*once[:20], *once])
    walked = walk(cluster)
    assert list(walked.met(once[:20])) == once[:20]
    assert list(walked.met(once[20:])) == once[20:]
    shuffled = Shown(places("a", count=40)[::-1])
    met = walk(shuffled).met(once)
    assert all(obj == shown(place) for place, obj in met.items())
