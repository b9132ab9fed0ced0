"""Adopting and giving up, and deleting by a list, against a real API server: its managedFields and preconditions count."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from migrate.actions.adopt import Adopt, Disown, adopt
from migrate.actions.delete import Delete, delete
from migrate.actions.directory import Directory
from migrate.actions.reach import Reach
from migrate.actions.seeing import MANY
from migrate.cli.wiring import SystemClock
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.engine.signals import Stop
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model import marks
from migrate.model.action import Action, OutcomeState
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, Resource, annotations_of
from tests.actions.conftest import RUN
from tests.lab.control_plane import ControlPlane

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)


@pytest.fixture
def plane(blue_and_green: tuple[ControlPlane, ControlPlane]) -> ControlPlane:
    """The real green."""
    return blue_and_green[1]


@pytest.fixture
def green(plane: ControlPlane) -> Iterator[KubeCluster]:
    """Our door to it."""
    with connect(plane.kubeconfig, None, Side.GREEN) as cluster:
        yield cluster


def reach_of(green: KubeCluster) -> Reach:
    """What handlers need."""
    doors = cast("Doors", SimpleNamespace(cluster=lambda _: green))
    return Reach(Directory(doors), Bodies(), RUN)


def marked(body: Object) -> Object:
    """A body with our marks."""
    notes = {marks.RUN: str(RUN), marks.SOURCE_HASH: "h1"}
    return {**body, "metadata": {**body["metadata"], "annotations": notes}}


def adoption(obj: Object, resource: Resource, *differs: str) -> Action:
    """Adopt what was read."""
    metadata = obj["metadata"]
    ref = Ref(resource.group, resource.kind, metadata["namespace"], metadata["name"])
    return adopt(ref, uid=metadata["uid"], body_hash="h1", wave=6, differs=differs or ["data"])


def applied_by_others(plane: ControlPlane, **more: Any) -> Object:
    """A Deployment of another manager's: an apply owns what it says, a POST what the server defaulted, too."""
    name = f"cart-{uuid4().hex[:8]}"
    pod = {"containers": [{"name": "c", "image": "registry.example/cart:1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **more}
    body: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    plane.api.patch(f"/apis/apps/v1/namespaces/default/deployments/{name}?fieldManager=theirs", body, "apply")
    return body


def config_map(prefix: str, **data: str) -> Object:
    """A ConfigMap under a name of its own."""
    metadata = {"name": f"{prefix}-{uuid4().hex[:8]}", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def adopted(green: KubeCluster, action: Action, ours: Object) -> Reach:
    """Adopt, which must succeed; what the way back needs."""
    reach = reach_of(green)
    reach.bodies.offer({action.key: marked(ours)})
    (outcome,) = Adopt(reach).act([action])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    return reach


def given_up(reach: Reach, action: Action) -> None:
    """Give up what was adopted, which must succeed."""
    assert action.inverse is not None
    (back,) = Disown(reach).act([action.inverse])
    assert back.state is OutcomeState.DONE, back.evidence


def without_times(obj: Object) -> Object:
    """An object without what every write changes."""
    changing = {"resourceVersion", "managedFields", "generation"}
    metadata = {k: v for k, v in obj["metadata"].items() if k not in changing}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": metadata}


def test_a_workload_is_adopted_released_and_given_back(plane: ControlPlane, green: KubeCluster) -> None:
    """Dormant by a field that nobody owned, released by our merge patch, given up: it stands as its maker had it."""
    body = applied_by_others(plane)
    name, spec = body["metadata"]["name"], body["spec"]
    before = green.get(DEPLOYMENTS, name, "default") or {}
    differs = ("spec.replicas", "spec.minReadySeconds")
    action = adoption(before, DEPLOYMENTS, *differs)
    reach = adopted(green, action, {**body, "spec": {**spec, "replicas": 0, "minReadySeconds": 3}})
    asleep = green.get(DEPLOYMENTS, name, "default") or {}
    assert (asleep["spec"]["replicas"], asleep["spec"]["minReadySeconds"]) == (0, 3)
    green.write(Write(Verb.PATCH, DEPLOYMENTS, name, "default", {"spec": {"replicas": 2}}))

    given_up(reach, action)
    after = green.get(DEPLOYMENTS, name, "default") or {}
    notes = {k: v for k, v in annotations_of(after).items() if not k.startswith("deployment.kubernetes.io/")}
    assert notes == {}
    assert without_times(after)["spec"] == without_times(before)["spec"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert "cnimigrate" not in {entry["manager"] for entry in after["metadata"]["managedFields"]}


def test_what_was_at_rest_before_is_at_rest_after_a_start_and_its_way_back(
    plane: ControlPlane, green: KubeCluster
) -> None:
    """Our release took the replicas from their owner: given up they would be one, by the server's default."""
    body = applied_by_others(plane, replicas=0)
    name, spec = body["metadata"]["name"], body["spec"]
    before = green.get(DEPLOYMENTS, name, "default") or {}
    action = adoption(before, DEPLOYMENTS, "spec.minReadySeconds")
    reach = adopted(green, action, {**body, "spec": {**spec, "minReadySeconds": 3}})
    for replicas in (2, 0):
        green.write(Write(Verb.PATCH, DEPLOYMENTS, name, "default", {"spec": {"replicas": replicas}}))

    given_up(reach, action)
    after = green.get(DEPLOYMENTS, name, "default") or {}
    assert without_times(after)["spec"] == without_times(before)["spec"]
    assert "cnimigrate" not in {entry["manager"] for entry in after["metadata"]["managedFields"]}


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.APPLY])
@pytest.mark.parametrize("added", [{}, {"new": "1"}], ids=["equal", "lacking"])
def test_what_an_earlier_run_left_stays_whole(green: KubeCluster, verb: Verb, added: dict[str, str]) -> None:
    """Its fields have our manager's name and are another hand's: neither the adoption nor the way back takes them."""
    body = config_map("left", k="v")
    name = body["metadata"]["name"]
    green.write(Write(verb, CONFIG_MAPS, name, "default", marked(body)))
    unmarked = {"metadata": {"annotations": {marks.RUN: None, marks.SOURCE_HASH: None}}}
    before = green.write(Write(Verb.PATCH, CONFIG_MAPS, name, "default", unmarked))
    assert {entry["manager"] for entry in before["metadata"]["managedFields"]} == {"cnimigrate"}
    action = adoption(before, CONFIG_MAPS)
    data = {"data": {**body["data"], **added}} if added else {"data": {}}
    reach = adopted(green, action, {**body, **data})
    assert (green.get(CONFIG_MAPS, name, "default") or {})["data"] == {"k": "v", **added}
    given_up(reach, action)
    after = green.get(CONFIG_MAPS, name, "default") or {}
    assert without_times(after) == without_times(before)


def test_a_field_of_others_is_refused_by_a_dry_run_and_in_earnest(
    plane: ControlPlane, green: KubeCluster
) -> None:
    """The server names the manager and the field, and the object is as it was."""
    body = config_map("theirs", k="their own")
    name = body["metadata"]["name"]
    plane.api.create("/api/v1/namespaces/default/configmaps", body)
    before = green.get(CONFIG_MAPS, name, "default") or {}
    ours = marked({**body, "data": {"k": "v"}})
    uid = before["metadata"]["uid"]
    asked = Write(Verb.APPLY, CONFIG_MAPS, name, "default", ours, uid=uid, dry_run=True)
    (foreseen,) = green.write_many([asked])
    assert ".data.k" in str(foreseen)
    action, reach = adoption(before, CONFIG_MAPS), reach_of(green)
    reach.bodies.offer({action.key: ours})
    (outcome,) = Adopt(reach).act([action])
    assert (outcome.state, outcome.refused) == (OutcomeState.FAILED, True)
    assert ".data.k" in outcome.evidence
    assert "their own" not in outcome.evidence
    assert green.get(CONFIG_MAPS, name, "default") == before


def test_many_deletes_take_a_list_and_one_request_each(green: KubeCluster) -> None:
    """What somebody took over or changed behind the list is looked at by itself."""
    prefix = f"many-{uuid4().hex[:6]}"
    refs = [Ref("", "ConfigMap", "default", f"{prefix}-{n}") for n in range(3 * MANY)]
    bodies = [
        marked(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": r.name, "namespace": "default"}}
        )
        for r in refs
    ]
    writes = [
        Write(Verb.CREATE, CONFIG_MAPS, r.name, "default", b) for r, b in zip(refs, bodies, strict=True)
    ]
    assert not [answer for answer in green.write_many(writes) if isinstance(answer, Exception)]
    handler = Delete(reach_of(green), SystemClock(), Stop())
    first, rest = refs[:MANY], refs[MANY:]
    assert {o.state for o in handler.act([delete(Side.GREEN, r, ours=True) for r in first])} == {
        OutcomeState.DONE
    }
    taken, changed = rest[0], rest[1]
    lost = {"metadata": {"annotations": {marks.RUN: None}}}
    green.write(Write(Verb.PATCH, CONFIG_MAPS, taken.name, "default", lost))
    green.write(Write(Verb.PATCH, CONFIG_MAPS, changed.name, "default", {"data": {"new": "1"}}))
    before = green.requests()
    outcomes = handler.act([delete(Side.GREEN, r, ours=True) for r in rest])
    assert {o.state for o in outcomes} == {OutcomeState.DONE}
    # each once, and of the two: refused as listed, read, and one of them deleted after all
    assert green.requests() - before == len(rest) + 2 + 1
    assert green.get(CONFIG_MAPS, taken.name, "default") is not None
    assert green.get(CONFIG_MAPS, changed.name, "default") is None
    green.write(Write(Verb.DELETE, CONFIG_MAPS, taken.name, "default"))
