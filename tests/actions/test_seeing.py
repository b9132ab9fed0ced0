"""Many objects are looked at by the pages of lists, few one by one; deletes of many read once a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from migrate.actions.delete import Delete, delete
from migrate.actions.seeing import MANY, seen
from migrate.doors.cluster import Verb, Write
from migrate.model import marks
from migrate.model.action import Action, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Ref, dig
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import Bench
from tests.actions.objects import CONFIG, NOWHERE, body, creation


class Counting(Fuse):
    """Count what is read and written; `then` is done before a call of those words."""

    def __init__(self, before: str = "", then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.words: list[str] = []
        self._before, self._then = before, then

    def around(self, words: str, call: Any) -> Any:
        """Note the words, and make the call."""
        self.words.append(words)
        if self._before and words.startswith(self._before):
            self._before = ""
            self._then()
        return call()

    def count(self, beginning: str) -> int:
        """How many calls began so."""
        return sum(word.startswith(beginning) for word in self.words)


def refs(count: int, namespaces: Sequence[str] = ("default",)) -> list[Ref]:
    """So many names, dealt out to namespaces in turn."""
    return [CONFIG._replace(name=f"c{n}", namespace=namespaces[n % len(namespaces)]) for n in range(count)]


def standing(bench: Bench, names: Sequence[Ref], **marked: str) -> None:
    """Let them stand on green with our marks."""
    green = bench.doors.green
    resource = next(r for r in green.resources() if r.kind == "ConfigMap")
    for ref in names:
        whole = body(**marked)
        whole = {**whole, "metadata": {**whole["metadata"], "name": ref.name, "namespace": ref.namespace}}
        green.write(Write(Verb.CREATE, resource, ref.name, ref.namespace, whole))


def counted(bench: Bench, fuse: Counting) -> Counting:
    """Put the fuse in front of the doors."""
    bench.doors = behind(bench.doors, fuse)
    return fuse


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, 200])
def test_observing_many_says_what_observing_each_says(bench: Bench, count: int) -> None:
    """Standing, of another state of blue, and absent: the same states, in the same order, in fewer readings."""
    names = refs(count)
    standing(bench, names[::3])
    standing(bench, names[1::3], digest="h0")
    actions = [creation(ref) for ref in names]
    each = [bench.create.observe(action) for action in actions]
    assert {o.state for o in each[:3]} <= {State.DONE, State.FOREIGN, State.ABSENT}
    fuse = counted(bench, Counting())
    assert list(bench.create.observe_many(actions)) == each
    one_by_one = fuse.count("read green configmaps default/")
    assert one_by_one == (count if count < MANY else 0)


def test_many_namespaces_are_listed_together(bench: Bench) -> None:
    """One list for all of them; a few names in one namespace beside many in another are read by themselves."""
    spaces = [f"n{n}" for n in range(8)]
    green = bench.doors.green
    kind = next(r for r in green.resources() if r.kind == "Namespace")
    for space in spaces:
        green.write(Write(Verb.CREATE, kind, space, body={"metadata": {"name": space}}))
    names = refs(160, spaces)
    standing(bench, names)
    fuse = counted(bench, Counting())
    states = [o.state for o in bench.create.observe_many([creation(ref) for ref in names])]
    assert states == [State.DONE] * 160
    assert fuse.count("read green configmaps") == 1

    some = [*refs(MANY, spaces[:1]), CONFIG._replace(namespace="n1", name="c1")]
    fuse.words.clear()
    bench.create.observe_many([creation(ref) for ref in some])
    assert fuse.count("read green configmaps n1/c1") == 1


def test_a_list_that_costs_more_than_reading_each_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few among very many: after as many pages as they are worth, the rest is read one by one."""
    names = refs(120)
    standing(bench, names)
    wanted = [creation(ref) for ref in names[-MANY:]]
    pages = 0

    class Paged:
        """Green by pages of one object."""

        def __getattr__(self, name: str) -> Any:
            return getattr(bench.doors.green, name)

        def pages(self, *args: Any, **options: Any) -> Any:
            nonlocal pages
            for page in bench.doors.green.pages(*args, **{**options, "limit": 1}):
                pages += 1
                yield page

    reach = bench.reach()
    monkeypatch.setattr(reach.directory, "cluster", lambda _: Paged())
    found = dict(seen(reach, wanted))
    assert sorted(found) == list(range(MANY))
    assert all(obj is not None for obj in found.values())
    assert pages <= MANY // 4 + 1


def test_what_is_not_served_is_absent(bench: Bench) -> None:
    """A kind that green does not have has none of them."""
    actions = [creation(NOWHERE._replace(name=f"w{n}")) for n in range(MANY)]
    assert {o.state for o in bench.create.observe_many(actions)} == {State.ABSENT}


# --- deletes -----------------------------------------------------------------------------------------------------


def deletes(names: Sequence[Ref]) -> list[Action]:
    """Delete them where they are ours."""
    return [delete(Side.GREEN, ref, ours=True) for ref in names]


def test_many_deletes_read_their_kind_once(bench: Bench) -> None:
    """Batch after batch: one list for all of them, then one request each; what others have stays unread and untouched."""
    names = refs(300)
    standing(bench, names)
    standing(bench, [CONFIG._replace(name="theirs")], run="another")
    fuse = counted(bench, Counting())
    handler = bench.delete
    for first in range(0, 300, 100):
        outcomes = handler.act(deletes(names[first : first + 100]))
        assert {o.state for o in outcomes} == {OutcomeState.DONE}
    assert fuse.count("write delete green configmaps") == 300
    assert fuse.count("read green configmaps") == 2  # one page, and the call that finds no further one
    theirs = bench.world.cluster(Side.GREEN)
    assert theirs.get(next(r for r in theirs.resources() if r.kind == "ConfigMap"), "theirs", "default")


def test_what_lost_our_mark_since_the_list_stays(bench: Bench) -> None:
    """Taken over by somebody between the list and its delete: the version does not fit, and the second look spares it."""
    names = refs(MANY)
    standing(bench, names)

    def taken_over() -> None:
        green = bench.world.cluster(Side.GREEN)
        resource = next(r for r in green.resources() if r.kind == "ConfigMap")
        change = {"metadata": {"annotations": {marks.RUN: None}}}
        green.write(Write(Verb.PATCH, resource, "c3", "default", change))
        green.write(Write(Verb.PATCH, resource, "c4", "default", {"data": {"new": "1"}}))

    fuse = counted(bench, Counting("write delete green configmaps", taken_over))
    outcomes = Delete(bench.reach(), bench.doors.clock, bench.stop).act(deletes(names))
    assert {o.state for o in outcomes} == {OutcomeState.DONE}
    assert "is not from this run any more and stays" in outcomes[3].evidence
    assert fuse.count("read green configmaps default/") == 2
    assert bench.read(Side.GREEN, names[3]) is not None
    assert bench.read(Side.GREEN, names[4]) is None  # changed, and still ours


def test_what_is_gone_since_the_list_is_done(bench: Bench) -> None:
    """Somebody was faster; made anew under the same name it is another object, and is looked at."""
    names = refs(MANY)
    standing(bench, names)

    def faster() -> None:
        green = bench.world.cluster(Side.GREEN)
        resource = next(r for r in green.resources() if r.kind == "ConfigMap")
        for name in ("c3", "c4"):
            green.write(Write(Verb.DELETE, resource, name, "default"))
        standing(bench, [names[4]], run="another")

    counted(bench, Counting("write delete green configmaps", faster))
    outcomes = bench.delete.act(deletes(names))
    assert {o.state for o in outcomes} == {OutcomeState.DONE}
    again = bench.read(Side.GREEN, names[4])
    assert dig(again, "metadata", "annotations", marks.RUN) == "another"


def test_what_lingers_is_looked_at_by_lists(bench: Bench) -> None:
    """Many that wait for a finalizer: each look is a list, not a reading of each."""
    names = refs(MANY)
    standing(bench, names)
    green = bench.world.cluster(Side.GREEN)
    resource = next(r for r in green.resources() if r.kind == "ConfigMap")
    for ref in names:
        green.write(
            Write(
                Verb.PATCH, resource, ref.name, ref.namespace, {"metadata": {"finalizers": ["a.example/b"]}}
            )
        )
    fuse = counted(bench, Counting())
    outcomes = bench.delete.act(deletes(names))
    assert {o.state for o in outcomes} == {OutcomeState.FAILED}
    assert fuse.count("read green configmaps default/") == 0
    assert {o.state for o in bench.delete.observe_many(deletes(names))} == {State.PARTIAL}
