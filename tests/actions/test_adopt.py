"""Adopting and giving up: without force, without a value in the journal, and never a delete."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.actions.adopt import Adopt, Disown, adopt
from migrate.doors.cluster import Verb, Write
from migrate.model import marks
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, annotations_of, dig
from migrate.simulation.server import SimulatedCluster
from tests.actions.conftest import RUN, Bench
from tests.actions.objects import CONFIG, body


def theirs(bench: Bench, **data: str) -> Object:
    """Another team's ConfigMap under our name."""
    other = SimulatedCluster(bench.world.store, Side.GREEN, manager="kubectl")
    resource = next(r for r in other.resources() if r.kind == "ConfigMap")
    whole = {**body(), "data": data}
    whole["metadata"] = {"name": CONFIG.name, "namespace": CONFIG.namespace}
    return other.write(Write(Verb.CREATE, resource, CONFIG.name, CONFIG.namespace, whole))


def adoption(obj: Object) -> Action:
    """Adopt it."""
    uid = str(dig(obj, "metadata", "uid"))
    return adopt(CONFIG, uid=uid, body_hash="h1", wave=6, differs=["data.k"])


def adopted(bench: Bench, action: Action, **data: str) -> Outcome:
    """Do it with our body."""
    bench.bodies.offer({action.key: body(**data)})
    handler = Adopt(bench.reach())
    (outcome,) = handler.act(handler.prepare([action]))
    return outcome


def given_up(bench: Bench, action: Action) -> Outcome:
    """Take it back."""
    assert action.inverse is not None
    handler = Disown(bench.reach())
    (outcome,) = handler.act(handler.prepare([action.inverse]))
    return outcome


def standing(bench: Bench) -> Any:
    """The object on green."""
    return bench.read(Side.GREEN, CONFIG)


def test_what_it_lacks_is_added_and_taken_away_again(bench: Bench) -> None:
    """Their fields stay, ours and our marks come and go, and nothing of ours is left in its ownership."""
    before = theirs(bench, other="x")
    action = adoption(before)
    assert Adopt(bench.reach()).observe(action).state is State.ABSENT
    assert adopted(bench, action).state is OutcomeState.DONE
    assert standing(bench)["data"] == {"other": "x", "k": "v"}
    assert annotations_of(standing(bench))[marks.RUN] == RUN
    assert Adopt(bench.reach()).observe(action).state is State.DONE
    assert given_up(bench, action).state is OutcomeState.DONE
    after = standing(bench)
    assert (after["data"], annotations_of(after)) == ({"other": "x"}, {})
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert {entry["manager"] for entry in after["metadata"]["managedFields"]} == {"kubectl"}
    assert action.inverse is not None
    assert Disown(bench.reach()).observe(action.inverse).state is State.DONE
    assert given_up(bench, action).evidence.endswith("is not ours any more and stays")


def test_what_a_release_has_patched_goes_with_it(bench: Bench) -> None:
    """A merge patch of ours makes another owner of the same manager: that is given up, too."""
    action = adoption(theirs(bench, other="x"))
    adopted(bench, action)
    green = bench.doors.green
    resource = next(r for r in green.resources() if r.kind == "ConfigMap")
    green.write(Write(Verb.PATCH, resource, CONFIG.name, CONFIG.namespace, {"data": {"k": "w", "z": "1"}}))
    assert given_up(bench, action).state is OutcomeState.DONE
    assert standing(bench)["data"] == {"other": "x"}


SUSPENDED = Ref("batch", "CronJob", "default", "nightly")


@pytest.mark.parametrize(("before", "differs"), [(True, []), (None, ["spec.suspend"])])
def test_what_slept_is_not_woken_by_the_default(bench: Bench, before: Any, differs: list[str]) -> None:
    """A start takes `suspend` from its owner; taken back and given up, it is as it was: asleep, or by the default."""
    other = SimulatedCluster(bench.world.store, Side.GREEN, manager="theirs")
    resource = next(r for r in other.resources() if r.kind == "CronJob")
    pod = {"containers": [{"name": "c", "image": "registry.example/c:1"}], "restartPolicy": "Never"}
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    whole: Object = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": SUSPENDED.name, "namespace": SUSPENDED.namespace},
        "spec": spec if before is None else {**spec, "suspend": before},
    }
    ours = {**body(), **whole, "metadata": {**body()["metadata"], **whole["metadata"]}}
    name, namespace = SUSPENDED.name, SUSPENDED.namespace
    stood = other.write(Write(Verb.APPLY, resource, name, namespace, whole))
    action = adopt(SUSPENDED, uid=stood["metadata"]["uid"], body_hash="h1", wave=6, differs=differs)
    bench.bodies.offer({action.key: {**ours, "spec": {**spec, "suspend": True}}})
    (outcome,) = Adopt(bench.reach()).act([action])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    for suspend in (False, True):
        change = {"spec": {"suspend": suspend}}
        bench.doors.green.write(Write(Verb.PATCH, resource, name, namespace, change))
    assert given_up(bench, action).state is OutcomeState.DONE
    after = bench.read(Side.GREEN, SUSPENDED) or {}
    assert dig(after, "spec", "suspend", default=False) is bool(before)
    assert {entry["manager"] for entry in after["metadata"]["managedFields"]} == {"theirs"}


def test_a_field_of_others_is_not_taken(bench: Bench) -> None:
    """The server names the manager and the field; the object is as it was."""
    before = theirs(bench, k="their own")
    outcome = adopted(bench, adoption(before))
    assert outcome.state is OutcomeState.FAILED
    assert outcome.refused
    assert 'conflict with "kubectl"' in outcome.evidence
    assert ".data.k" in outcome.evidence
    assert "onConflict: skip" in outcome.remedy
    assert standing(bench) == before


def test_another_object_of_that_name_is_neither_adopted_nor_given_up(bench: Bench) -> None:
    """The UID that was looked at is the one that is meant."""
    action = adoption(theirs(bench, other="x"))
    other = Action(action.kind, action.key, {**action.params, "uid": "another"}, inverse=action.inverse)
    assert adopted(bench, other).state is OutcomeState.FAILED
    assert marks.RUN not in annotations_of(standing(bench))
    adopted(bench, action)
    assert action.inverse is not None
    stranger = Action("disown", action.inverse.key, {**action.inverse.params, "uid": "another"})
    (outcome,) = Disown(bench.reach()).act([stranger])
    assert outcome.state is OutcomeState.DONE
    assert marks.RUN in annotations_of(standing(bench))


@pytest.mark.parametrize(
    ("error", "state"), [("forbidden", OutcomeState.FAILED), ("unreachable", OutcomeState.UNKNOWN)]
)
def test_a_server_that_refuses_or_is_silent(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refusal is a failure, silence leaves the act in doubt, forwards and backwards."""
    action = adoption(theirs(bench, other="x"))
    bench.world.failures.refuse(Side.GREEN, resource="configmaps", error=error, message="no thanks")
    assert adopted(bench, action).state is state
    bench.world.failures.forgive()
    adopted(bench, action)
    bench.world.failures.refuse(Side.GREEN, resource="configmaps", error=error, message="no thanks")
    assert given_up(bench, action).state is state


def test_no_value_is_a_parameter(bench: Bench) -> None:
    """The journal gets names, paths and hashes."""
    action = adoption(theirs(bench, other="x"))
    assert set(action.params) == {"side", "ref", "uid", "hash", "wave"}
    assert action.prior["differs"] == ["data.k"]


LEFT = {"k": "v", "other": "x"}
"""What an earlier run wrote, by the manager that every run has."""


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.APPLY])
@pytest.mark.parametrize("differs", [[], ["data.new"]])
def test_what_an_earlier_run_left_stays_whole(bench: Bench, verb: Verb, differs: list[str]) -> None:
    """Its fields have our manager's name and are another hand's: neither the adoption nor the way back takes them."""
    resource = next(r for r in bench.doors.green.resources() if r.kind == "ConfigMap")
    name, namespace = CONFIG.name, CONFIG.namespace
    whole: Object = {
        **body(),
        "metadata": {"name": name, "namespace": namespace, "annotations": {marks.RUN: "an earlier one"}},
        "data": LEFT,
    }
    bench.doors.green.write(Write(verb, resource, name, namespace, whole))
    finished = {"metadata": {"annotations": {marks.RUN: None}}}
    before = bench.doors.green.write(Write(Verb.PATCH, resource, name, namespace, finished))
    uid = str(dig(before, "metadata", "uid"))
    action = adopt(CONFIG, uid=uid, body_hash="h1", wave=6, differs=differs)
    ours = body(k="v", new="1") if differs else {**body(), "data": {}}
    bench.bodies.offer({action.key: ours})
    (outcome,) = Adopt(bench.reach()).act([action])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert standing(bench)["data"] == {**LEFT, **({"new": "1"} if differs else {})}
    release = Write(Verb.PATCH, resource, name, namespace, {"data": {"released": "1"}})
    bench.doors.green.write(release)
    assert given_up(bench, action).state is OutcomeState.DONE
    after = standing(bench)
    assert (after["data"], annotations_of(after)) == (LEFT, {})
