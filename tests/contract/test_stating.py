"""The status of a custom resource, written behind it: on both sides once, and never over what green has said itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.actions.status import Status, state
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import RunId
from migrate.model.objects import Object, ref_of
from tests.contract.conftest import Bench
from tests.contract.test_cluster_custom import crd, establish, thing

STATUS = {"bucket": "b-7", "conditions": [{"type": "Ready", "status": "True"}]}
PROPERTIES = {
    "size": {"type": "integer"},
    "status": {
        "type": "object",
        "properties": {
            "bucket": {"type": "string"},
            "conditions": {
                "type": "array",
                "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
    },
}


@pytest.fixture
def made(bench: Bench, namespace: str) -> Object:
    """A custom resource whose kind has a status apart; the create's own word on it is passed over."""
    name = f"t{uuid4().hex[:8]}"
    group = establish(bench, crd(name, PROPERTIES, subresources={"status": {}}))
    return bench.create(thing(group, namespace, size=3, status={"bucket": "of-the-create"}))


def written(bench: Bench, made: Object, status: Any) -> tuple[Status, Action, Outcome]:
    """Write a status on the object as it was read."""
    bodies = Bodies()
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: bench.cluster))
    handler = Status(Reach(Directory(doors), bodies, RunId("contract")))
    action = state(ref_of(made), uid=made["metadata"]["uid"], key_hash="h", wave=10)
    read = {"resourceVersion": made["metadata"]["resourceVersion"]}
    bodies.offer({action.key: {"apiVersion": made["apiVersion"], "metadata": read, "status": status}})
    (outcome,) = handler.act(handler.prepare([action]))
    return handler, action, outcome


def test_a_status_stands_as_it_was_sent(bench: Bench, made: Object) -> None:
    """A create leaves none; what is written behind it is read back, and the generation is the first still."""
    assert not made.get("status")
    handler, action, outcome = written(bench, made, STATUS)
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    found = bench.get(made) or {}
    assert found["status"] == STATUS
    assert found["metadata"]["generation"] == 1
    assert handler.observe(action).state is State.DONE


def test_what_the_definition_does_not_know_is_told_by_path(bench: Bench, made: Object) -> None:
    """A server drops what its schema does not have: the outcome names the place and not the value."""
    _, _, outcome = written(bench, made, {**STATUS, "secret": "canary"})
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert outcome.evidence.endswith("on green otherwise at status.secret")
    assert "canary" not in outcome.evidence


def test_a_newer_version_is_written_over_only_without_a_status(bench: Bench, made: Object) -> None:
    """A label that came meanwhile does not matter; a status that green's operator has written stays."""
    bench.patch(made, {"metadata": {"labels": {"a": "b"}}})
    _, _, outcome = written(bench, made, STATUS)
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert (bench.get(made) or {})["status"] == STATUS
    bench.patch(made, {"status": {"bucket": "of-green"}}, subresource="status")
    _, _, outcome = written(bench, made, STATUS)
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert (bench.get(made) or {})["status"]["bucket"] == "of-green"


def test_a_namesake_is_left_alone(bench: Bench, made: Object) -> None:
    """An object that was made anew since it was read gets none: a server tells it by the version."""
    bench.delete(made)
    bench.until("no thing", lambda: bench.get(made) is None)
    name, space = made["metadata"]["name"], made["metadata"]["namespace"]
    anew = bench.create({**made, "metadata": {"name": name, "namespace": space}})
    handler, action, outcome = written(bench, made, STATUS)
    assert outcome.state is OutcomeState.FAILED
    assert handler.observe(action).state is State.ABSENT
    assert not (bench.get(anew) or {}).get("status")
