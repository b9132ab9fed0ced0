"""Owners that were written to green, and the garbage collector there: on both sides it takes what a real owner takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from migrate.actions.directory import Directory
from migrate.actions.link import Links, joined, link, parted
from migrate.actions.reach import Reach
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import RunId
from migrate.model.objects import Object, dig, ref_of
from tests.contract.conftest import Bench
from tests.contract.objects import config_map

NOBODY = "0f0f0f0f-0000-4000-8000-000000000000"


def done(bench: Bench, action: Action) -> tuple[Action, Outcome]:
    """Carry out one Action of either kind."""
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: bench.cluster))
    handler = Links(
        Reach(Directory(doors), Bodies(), RunId("contract")), joined if action.kind == "link" else parted
    )
    (prepared,) = handler.prepare([action])
    (outcome,) = handler.act([prepared])
    return prepared, outcome


def reference(owner: Object, **more: Any) -> dict[str, Any]:
    """The reference to an owner."""
    named = {key: owner["metadata"][key] for key in ("name", "uid")}
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **named, **more}


def made(bench: Bench, namespace: str, name: str, *owners: Object) -> Object:
    """A ConfigMap with owners."""
    obj = config_map(namespace, mode="on")
    metadata = {**obj["metadata"], "name": name, **({"ownerReferences": list(owners)} if owners else {})}
    return bench.create({**obj, "metadata": metadata})


def collector_passed(bench: Bench, namespace: str, owner: Object) -> None:
    """Wait until the garbage collector has seen what was written so far: it takes what names a UID that nobody has."""
    bait = made(bench, namespace, "bait", reference(owner, uid=NOBODY))
    bench.until("bait that is collected", lambda: bench.get(bait) is None)


def owners_of(bench: Bench, obj: Object) -> list[str]:
    """The names of the owners of an object that must be there."""
    found = bench.get(obj)
    assert found is not None, "it was collected"
    return [owner["name"] for owner in dig(found, "metadata", "ownerReferences", default=()) or ()]


def test_what_is_linked_is_not_collected_until_its_owner_goes(bench: Bench, namespace: str) -> None:
    """An owner beside it and one for the whole cluster hold it; the last that goes takes it along."""
    parent, child = made(bench, namespace, "parent"), made(bench, namespace, "child")
    body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": namespace}}
    wide = bench.create({**body, "value": 7})
    uid = child["metadata"]["uid"]
    _, outcome = done(bench, link(ref_of(child), uid, [reference(parent), reference(wide)]))
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    collector_passed(bench, namespace, parent)
    assert owners_of(bench, child) == ["parent", namespace]
    bench.delete(parent)
    bench.until("one owner left", lambda: owners_of(bench, child) == [namespace])
    bench.delete(wide)
    bench.until("no child", lambda: bench.get(child) is None)


def test_an_owner_that_is_deleted_in_the_foreground_waits_for_what_blocks_it(
    bench: Bench, namespace: str
) -> None:
    """What is linked with blockOwnerDeletion goes first, as on blue."""
    parent, child = made(bench, namespace, "parent"), made(bench, namespace, "child")
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    bench.patch(child, held)
    uid = child["metadata"]["uid"]
    _, outcome = done(bench, link(ref_of(child), uid, [reference(parent, blockOwnerDeletion=True)]))
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    collector_passed(bench, namespace, parent)
    bench.delete(parent, foreground=True)
    bench.until("child on its way", lambda: dig(bench.get(child), "metadata", "deletionTimestamp"))
    assert bench.get(parent) is not None
    bench.patch(child, {"metadata": {"finalizers": None}})
    bench.until("no parent", lambda: bench.get(parent) is None)


def test_after_the_way_back_an_owner_takes_nothing_along(bench: Bench, namespace: str) -> None:
    """Going back, links go before what they name: the delete of an owner then leaves everything else in its turn."""
    parent, child = made(bench, namespace, "parent"), made(bench, namespace, "child")
    uid = child["metadata"]["uid"]
    action, _ = done(bench, link(ref_of(child), uid, [reference(parent)]))
    assert action.inverse is not None
    _, back = done(bench, action.inverse)
    assert back.state is OutcomeState.DONE, back.evidence
    bench.delete(parent, foreground=True)
    bench.until("no parent", lambda: bench.get(parent) is None)
    collector_passed(bench, namespace, parent)
    assert owners_of(bench, child) == []


def test_a_uid_that_nobody_has_is_not_written(bench: Bench, namespace: str) -> None:
    """The owner is another object by now: what would have been collected stands, without owners."""
    parent, child = made(bench, namespace, "parent"), made(bench, namespace, "child")
    uid = child["metadata"]["uid"]
    _, outcome = done(bench, link(ref_of(child), uid, [reference(parent, uid=NOBODY)]))
    assert outcome.state is OutcomeState.FAILED
    collector_passed(bench, namespace, parent)
    assert owners_of(bench, child) == []
