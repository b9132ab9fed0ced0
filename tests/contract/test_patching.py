"""A patch between what was read and what is written: on both sides, blue stays as somebody else left it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from migrate.actions.directory import Directory
from migrate.actions.patch import Patch, patch
from migrate.actions.reach import TRIES, Reach
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model import marks
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import RunId, Side
from migrate.model.objects import Object, dig, ref_of
from migrate.simulation.faults import FaultyCluster, Fuse
from tests.contract.conftest import Bench
from tests.contract.objects import config_map, deployment

T = TypeVar("T")
RUN = RunId("contract")
CHANGE = {"data": {"mode": "rest", "fresh": "x"}}


@dataclass
class Meanwhile(Fuse):
    """Somebody else's change right before each of our patches reaches the server, up to `times` of them."""

    change: Callable[[], object] = lambda: None
    times: int = 1
    patches: list[str] = field(default_factory=list)

    def around(self, words: str, call: Callable[[], T]) -> T:
        """Let the other one be first."""
        if words.startswith("write patch"):
            self.patches.append(words)
            if len(self.patches) <= self.times:
                self.change()
        return call()


def handler_of(bench: Bench, fuse: Fuse) -> Patch:
    """The handler of patches, with the fuse between it and the server."""
    cluster = FaultyCluster(bench.cluster, fuse)
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: cluster))
    return Patch(Reach(Directory(doors), Bodies(), RUN))


def patched(
    bench: Bench, obj: Object, fuse: Fuse, change: Any = CHANGE, **more: Any
) -> tuple[Action, Outcome]:
    """Prepare a patch and do it, with the fuse between the handler and the server."""
    handler = handler_of(bench, fuse)
    (prepared,) = handler.prepare([patch(Side.GREEN, ref_of(obj), change, why="rest", **more)])
    (outcome,) = handler.act([prepared])
    return prepared, outcome


def way_back(action: Action) -> Any:
    """What the recorded way back would write."""
    assert action.inverse is not None
    return action.inverse.params["patch"]


def test_another_field_does_not_keep_a_patch_back(bench: Bench, namespace: str) -> None:
    """A status or an annotation counts the version up; what is patched is as it was read, so it is patched."""
    made = bench.create(deployment(namespace, replicas=1))
    status = {"status": {"conditions": [{"type": "Word", "status": "True"}]}}
    churn = Meanwhile(change=lambda: bench.patch(made, status, subresource="status"))
    prepared, outcome = patched(bench, made, churn, {"spec": {"replicas": 0}})
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert dig(bench.get(made), "spec", "replicas") == 0
    assert way_back(prepared) == {"spec": {"replicas": 1}}
    assert len(churn.patches) >= 2


def test_whoever_writes_all_the_time_is_named(bench: Bench, namespace: str) -> None:
    """A patch that never meets the version it has just read fails after some tries, and has changed nothing."""
    made = bench.create(config_map(namespace, mode="on"))
    count = iter(range(100))
    note = lambda: bench.patch(made, {"metadata": {"annotations": {"n": f"{next(count)}"}}})  # noqa: E731
    churn = Meanwhile(change=note, times=100)
    _, outcome = patched(bench, made, churn)
    assert outcome.state is OutcomeState.FAILED
    assert "Something else writes the same object" in outcome.remedy
    assert dig(bench.get(made), "data") == {"mode": "on"}
    assert len(churn.patches) == 1 + TRIES


@pytest.mark.parametrize("other", [{"mode": "off"}, {"mode": None}, {"fresh": "y"}])
def test_a_value_that_changed_is_not_overwritten(bench: Bench, namespace: str, other: Any) -> None:
    """The recorded way back would lose it: it fails; a new attempt reads afresh and goes back to what it found."""
    made = bench.create(config_map(namespace, mode="on"))
    _, outcome = patched(bench, made, Meanwhile(change=lambda: bench.patch(made, {"data": other})))
    assert outcome.state is OutcomeState.FAILED
    assert "was changed since it was read" in outcome.evidence
    left = {k: v for k, v in {"mode": "on", **other}.items() if v is not None}
    assert (dig(bench.get(made), "data") or {}) == left
    prepared, outcome = patched(bench, made, Fuse())
    assert outcome.state is OutcomeState.DONE
    after = bench.patch(made, way_back(prepared))
    assert (after.get("data") or {}) == left


def test_a_namesake_is_not_patched(bench: Bench, namespace: str) -> None:
    """An object that was deleted and made again is another one, though every value is the same."""
    made = bench.create(config_map(namespace, mode="on"))

    def again() -> None:
        bench.delete(made)
        bench.create(config_map(namespace, mode="on"))

    _, outcome = patched(bench, made, Meanwhile(change=again))
    assert outcome.state is OutcomeState.FAILED
    assert "another object than the one that was read" in outcome.evidence
    assert dig(bench.get(made), "data") == {"mode": "on"}


@pytest.mark.parametrize(
    ("more", "state"), [({}, OutcomeState.FAILED), ({"gone_is_fine": True}, OutcomeState.DONE)]
)
def test_what_went_meanwhile(bench: Bench, namespace: str, more: Any, state: OutcomeState) -> None:
    """An object that is gone by the time of the write needs no patch where that is fine, else it is said."""
    made = bench.create(config_map(namespace, mode="on"))
    _, outcome = patched(bench, made, Meanwhile(change=lambda: bench.delete(made)), **more)
    assert outcome.state is state
    assert bench.get(made) is None


def test_what_came_meanwhile_is_not_patched(bench: Bench, namespace: str) -> None:
    """An object that was not there to be read has no way back, so nothing is written to it."""
    obj = config_map(namespace, mode="on")

    class Coming(Fuse):
        def around(self, words: str, call: Callable[[], T]) -> T:
            found = call()
            if words.startswith("read green configmaps"):
                bench.create(obj)
            return found

    _, outcome = patched(bench, obj, Coming())
    assert outcome.state is OutcomeState.FAILED
    assert "was not there when it was read" in outcome.evidence
    assert dig(bench.get(obj), "data") == {"mode": "on"}


def taken_back(bench: Bench, done: Action, *, bound: bool = True) -> Outcome:
    """Take a patch back as the engine does: looked at, read, and written; unless `bound` as an older journal has it."""
    assert done.inverse is not None
    params = {k: v for k, v in done.inverse.params.items() if bound or k != "uid"}
    inverse, handler = replace(done.inverse, params=params), handler_of(bench, Fuse())
    seen = handler.observe(inverse)
    (prepared,) = handler.prepare([inverse])
    (outcome,) = handler.act([prepared])
    if "stays" in seen.evidence:  # both say so, or neither does
        assert (seen.state, outcome.evidence) == (State.DONE, seen.evidence)
    else:
        assert handler.observe(inverse).state is State.DONE
    return outcome


@pytest.mark.parametrize(
    ("bound", "run", "stays"),
    [(True, "", True), (True, "other", True), (True, RUN, False), (False, "", False)],
    ids=["of-nobody", "of-another-run", "of-this-run", "by-an-older-journal"],
)
def test_the_way_back_spares_a_namesake(
    bench: Bench, namespace: str, bound: bool, run: str, stays: bool
) -> None:
    """What somebody made under the name is theirs; what this run has made anew there goes the way back, too."""
    made = bench.create(config_map(namespace, mode="on"))
    prepared, _ = patched(bench, made, Fuse())
    bench.delete(made)
    theirs = config_map(namespace, mode="rest", fresh="theirs")
    theirs["metadata"]["annotations"] = {marks.RUN: run} if run else {}
    bench.create(theirs)
    outcome = taken_back(bench, prepared, bound=bound)
    assert outcome.state is OutcomeState.DONE
    left = {"mode": "rest", "fresh": "theirs"} if stays else {"mode": "on"}
    assert dig(bench.get(made), "data") == left
    assert (
        "is another object on green than the one that was patched, and stays" in outcome.evidence
    ) == stays


def test_the_way_back_on_the_object_itself(bench: Bench, namespace: str) -> None:
    """Bound to its UID, it puts back what was there."""
    made = bench.create(config_map(namespace, mode="on"))
    prepared, _ = patched(bench, made, Fuse())
    assert taken_back(bench, prepared).state is OutcomeState.DONE
    assert dig(bench.get(made), "data") == {"mode": "on"}
