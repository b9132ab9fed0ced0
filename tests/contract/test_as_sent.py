"""What the server's answer to a create says beside yes, on both sides of the cluster door."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from migrate.actions.create import Create, create
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.doors.cluster import FIELD_MANAGER
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model import marks
from migrate.model.action import Outcome, OutcomeState
from migrate.model.ids import RunId
from migrate.model.objects import Object, ref_of
from migrate.replay import beside, sanitise
from migrate.replay.causes import COMPLETED, OURS, TAKEN, cause
from tests.contract.conftest import HAND, Bench
from tests.contract.objects import config_map, container, deployment, service
from tests.contract.test_cluster_custom import crd, establish, thing

RUN = RunId("run-1")
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount"}
KNOWN = {"spec": {"type": "object", "properties": {"known": {"type": "integer"}}}}


def created(bench: Bench, obj: Object) -> Outcome:
    """Create an object as a run does."""
    sent = {**obj, "metadata": {**obj["metadata"], "annotations": {marks.RUN: RUN, marks.SOURCE_HASH: "1"}}}
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: bench.cluster))
    bodies = Bodies()
    action = create(ref_of(obj), key_hash="1", rule="r", wave=1, command="")
    bodies.offer({action.key: sent})
    (outcome,) = Create(Reach(Directory(doors), bodies, RUN)).act([action])
    return outcome


def test_a_field_that_was_dropped_is_told_by_its_path_and_in_the_servers_words(
    bench: Bench, namespace: str
) -> None:
    """A definition of another version knows a field less: the object stands without it, and that is no secret."""
    group = establish(bench, crd(f"g{uuid4().hex[:6]}", KNOWN))
    outcome = created(bench, thing(group, namespace, spec={"known": 1, "foo": 2}))
    assert outcome.state is OutcomeState.DONE
    assert outcome.facts["changed"] == ["spec.foo"]
    assert outcome.facts["warned"] == ['unknown field "spec.foo"']


def test_what_is_taken_as_sent_is_told_by_nothing(bench: Bench, namespace: str) -> None:
    """Defaults and what the server allocates are no difference; what it added unasked is told by itself."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {
            "containers": [container("main")],
            "schedulingGates": [{"name": "never"}],
        },
    }
    bench.until(
        "the ServiceAccount",
        lambda: bench.get(ACCOUNT | {"metadata": {"name": "default", "namespace": namespace}}),
    )
    for obj in (config_map(namespace, a="1"), deployment(namespace), service(namespace), pod):
        outcome = created(bench, obj)
        assert outcome.state is OutcomeState.DONE, outcome.evidence
        assert outcome.facts.keys() <= {"uid", "added"}, outcome.facts


def test_what_green_adds_is_told_apart_from_what_a_hand_added(bench: Bench, namespace: str) -> None:
    """A Service gets its address families from the server; a policy that somebody opened is that hand's."""
    closed: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    shop = service(namespace)
    assert created(bench, closed).facts.keys() == {"uid"}
    assert set(created(bench, shop).facts["added"]) >= {"spec.ipFamilies", "spec.ipFamilyPolicy"}
    assert more(bench, closed) == {}
    assert set(more(bench, shop).values()) == {COMPLETED}
    bench.by_hand(closed, {"spec": {"ingress": [{}], "podSelector": {"matchLabels": {"a": "b"}}}})
    bench.by_hand(shop, {"metadata": {"labels": {"a": "b"}}})
    opened = more(bench, closed)
    assert opened.keys() == {"spec.ingress", "spec.podSelector.matchLabels"}
    assert all(why.startswith(f"{HAND} at 2") for why in opened.values()), opened
    assert {path for path, why in more(bench, shop).items() if why != COMPLETED} == {"metadata.labels.a"}


def more(bench: Bench, sent: Object) -> dict[str, str]:
    """What stands beside what was sent, by path, and who put it there."""
    found = bench.get(sent) or {}
    return {
        path: cause(path, found, ours=FIELD_MANAGER, added=True) for path in beside(sanitise(sent), found)
    }


def test_who_changed_a_field_since_is_told_by_name(bench: Bench, namespace: str) -> None:
    """A hand's field is the hand's, down to an item of a list; what nobody touched was last written by this run."""
    obj = deployment(namespace, "web", container("main"), container("sidecar"))
    assert created(bench, obj).state is OutcomeState.DONE
    template = obj["spec"]["template"]
    others = {"containers": [container("main"), container("sidecar", "theirs")]}
    bench.by_hand(obj, {"spec": {"template": {**template, "spec": others}}})
    found = bench.get(obj) or {}

    def why(path: str) -> str:
        return cause(path, found, answered=(), ours=FIELD_MANAGER)

    assert why("spec.template.spec.containers[1].image").startswith(f"{HAND} at 2")
    assert why("spec.template.spec.containers[0].image") == OURS
    assert why("spec.template.spec.containers[2].image") == TAKEN
