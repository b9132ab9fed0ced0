"""What was created by POST is brought up to date by apply on both sides of the cluster door: what blue gave up goes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from migrate.actions.apply import BLUE, Apply, apply
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.doors.cluster import FIELD_MANAGER
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model import marks
from migrate.model.action import Outcome, OutcomeState
from migrate.model.ids import RunId, Side
from migrate.model.objects import Object, dig, ref_of
from tests.contract.conftest import HAND, Bench
from tests.contract.objects import config_map, container, deployment, managers, service

RUN = RunId("run-1")


def ours(obj: dict[str, Any], digest: str = "1") -> dict[str, Any]:
    """The object with this run's marks."""
    notes = {marks.RUN: RUN, marks.SOURCE_HASH: digest}
    return {**obj, "metadata": {**obj["metadata"], "annotations": notes}}


def brought(bench: Bench, obj: Object) -> Outcome:
    """Bring an object up to date as a run does."""
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: bench.cluster))
    bodies = Bodies()
    handler = Apply(Reach(Directory(doors), bodies, RUN))
    action = apply(Side.GREEN, ref_of(obj), body_hash="2", command="", source=BLUE)
    bodies.offer({action.key: obj})
    (outcome,) = handler.act(handler.prepare([action]))
    return outcome


def test_what_blue_gave_up_goes(bench: Bench, namespace: str) -> None:
    """A key that was created and is sent no more is gone; a key that somebody else added stays."""
    made = bench.create(ours(config_map(namespace, a="1", b="2")))
    bench.by_hand(made, {"data": {"theirs": "3"}})
    outcome = brought(bench, ours(config_map(namespace, a="9"), "2"))
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    after = bench.get(made) or {}
    assert after["data"] == {"a": "9", "theirs": "3"}
    assert managers(after) == {(FIELD_MANAGER, "Apply"), (HAND, "Update")}


def test_what_blue_gave_up_goes_the_second_time_too(bench: Bench, namespace: str) -> None:
    """After a patch of ours behind the first apply, the next one takes away as well; nothing moves the third time."""
    made = bench.create(ours(config_map(namespace, a="1", b="2", c="3")))
    assert brought(bench, ours(config_map(namespace, a="1", b="2"), "2")).stands
    bench.patch(made, {"data": {"patched": "4"}})
    assert brought(bench, ours(config_map(namespace, a="1"), "3")).stands
    after = bench.get(made) or {}
    assert after["data"] == {"a": "1"}
    assert brought(bench, ours(config_map(namespace, a="1"), "3")).stands
    assert bench.get(made) == after


def test_a_container_that_blue_gave_up_goes(bench: Bench, namespace: str) -> None:
    """Fields below list keys, and those that the server defaulted in our name, go with their item."""
    made = bench.create(ours(deployment(namespace, "web", container("main"), container("sidecar"))))
    outcome = brought(bench, ours(deployment(namespace, "web", container("main", "new")), "2"))
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    containers = dig(bench.get(made), "spec", "template", "spec", "containers")
    assert [(c["name"], c["image"]) for c in containers] == [("main", "new")]
    assert dig(bench.get(made), "spec", "revisionHistoryLimit") == 10


def test_what_the_server_allocated_stays(bench: Bench, namespace: str) -> None:
    """A port that blue gave up goes; the cluster IP and the kept port's defaults are as they were."""
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    made = bench.create(ours(service(namespace, ports=ports)))
    assert brought(bench, ours(service(namespace, ports=ports[:1]), "2")).stands
    after = bench.get(made) or {}
    assert after["spec"] == {**made["spec"], "ports": made["spec"]["ports"][:1]}


def test_what_was_mended_on_green_is_not_written_over(bench: Bench, namespace: str) -> None:
    """Where blue and a hand changed the same field, the hand's stands; who and where is told, and no value."""
    made = bench.create(ours(config_map(namespace, a="1", b="2")))
    bench.by_hand(made, {"data": {"a": "mended"}})
    outcome = brought(bench, ours(config_map(namespace, a="changed"), "2"))
    assert outcome.state is OutcomeState.FAILED
    assert HAND in outcome.evidence
    assert ".data.a" in outcome.evidence
    assert "mended" not in outcome.evidence
    assert (bench.get(made) or {})["data"] == {"a": "mended", "b": "2"}
    bench.by_hand(made, {"data": {"a": "changed"}})
    assert brought(bench, ours(config_map(namespace, a="changed"), "2")).stands
    assert (bench.get(made) or {})["data"] == {"a": "changed"}


def test_a_namesake_without_our_mark_is_left_alone(bench: Bench, namespace: str) -> None:
    """What stands in the place of ours is nobody's to bring up to date."""
    made = bench.create(config_map(namespace, a="1"))
    outcome = brought(bench, ours(config_map(namespace, a="1"), "2"))
    assert outcome.state is OutcomeState.FAILED
    assert "does not carry this run's mark" in outcome.evidence
    assert bench.get(made) == made
