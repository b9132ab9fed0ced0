"""Owners are written beside those that are there, only while they stand, and taken back alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrate.actions.directory import Directory
from migrate.actions.link import Links, joined, link, parted
from migrate.doors.cluster import Verb, Write
from migrate.errors import Invalid
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, dig
from migrate.simulation.faults import FaultyCluster, Fuse
from tests.actions.conftest import Bench

CHILD = Ref("", "ConfigMap", "default", "child")
OWNER = Ref("", "ConfigMap", "default", "owner")
OTHER = Ref("", "Secret", "default", "other")


def put(bench: Bench, ref: Ref, *owners: Object) -> Object:
    """Write an object on green and let the controllers act."""
    metadata: dict[str, Any] = {"name": ref.name, "namespace": ref.namespace}
    if owners:
        metadata["ownerReferences"] = list(owners)
    resource = Directory(bench.doors).resource(Side.GREEN, ref)
    made = bench.doors.green.write(
        Write(Verb.CREATE, resource, ref.name, ref.namespace, {"metadata": metadata})
    )
    bench.world.settle()
    return made


def reference(obj: Object, **more: Any) -> dict[str, Any]:
    """The owner reference to an object."""
    meta = obj["metadata"]
    return {"apiVersion": "v1", "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"], **more}


def uid(obj: Object) -> str:
    """An object's UID."""
    return str(obj["metadata"]["uid"])


def done(bench: Bench, action: Action) -> tuple[Action, Outcome]:
    """Carry out one Action of either kind."""
    handler = Links(bench.reach(), joined if action.kind == "link" else parted)
    (prepared,) = handler.prepare([action])
    (outcome,) = handler.act([prepared])
    bench.world.settle()
    return prepared, outcome


def owners(bench: Bench, ref: Ref = CHILD) -> list[str]:
    """The names of an object's owners."""
    found = dig(bench.read(Side.GREEN, ref), "metadata", "ownerReferences", default=()) or ()
    return [owner["name"] for owner in found]


def test_a_link_stands_beside_what_green_wrote_and_goes_back_alone(bench: Bench) -> None:
    """Green's own reference stays, before and after; what the intent says is what stands; nothing is collected."""
    other, owner = put(bench, OTHER), put(bench, OWNER)
    child = put(bench, CHILD, reference(other))
    prepared, outcome = done(bench, link(CHILD, uid(child), [reference(owner, blockOwnerDeletion=True)]))
    assert outcome.state is OutcomeState.DONE
    assert owners(bench) == ["other", "owner"]
    assert Links(bench.reach(), joined).observe(prepared).state is State.DONE
    assert prepared.inverse is not None
    assert Links(bench.reach(), parted).observe(prepared.inverse).state is State.ABSENT
    _, back = done(bench, prepared.inverse)
    assert back.state is OutcomeState.DONE
    assert owners(bench) == ["other"]
    assert Links(bench.reach(), joined).observe(prepared).state is State.ABSENT


def test_deleting_the_owner_collects_what_was_linked(bench: Bench) -> None:
    """The reference is a real one: what it links goes with its owner."""
    owner, child = put(bench, OWNER), put(bench, CHILD)
    done(bench, link(CHILD, uid(child), [reference(owner)]))
    resource = Directory(bench.doors).resource(Side.GREEN, OWNER)
    bench.doors.green.write(Write(Verb.DELETE, resource, OWNER.name, OWNER.namespace))
    bench.world.settle()
    assert bench.read(Side.GREEN, CHILD) is None


@pytest.mark.parametrize(("name", "words"), [("gone", "is not on green any more"), ("owner", "another one")])
def test_no_uid_is_written_that_nobody_has(bench: Bench, name: str, words: str) -> None:
    """An owner that went, or was made anew, since it was read: the object is left as it is, and not collected."""
    child = put(bench, CHILD)
    stale = {**reference(put(bench, OWNER), uid="of-before"), "name": name}
    _, outcome = done(bench, link(CHILD, uid(child), [stale]))
    assert outcome.state is OutcomeState.FAILED
    assert words in outcome.evidence
    assert bench.read(Side.GREEN, CHILD) is not None
    assert owners(bench) == []


def test_green_writes_into_the_same_list_meanwhile(bench: Bench) -> None:
    """A reference that came since the object was read is kept."""
    other, owner, child = put(bench, OTHER), put(bench, OWNER), put(bench, CHILD)
    action = link(CHILD, uid(child), [reference(owner)])
    bench.bodies.offer({action.key: child})
    body = {"metadata": {"ownerReferences": [reference(other)]}}
    resource = Directory(bench.doors).resource(Side.GREEN, CHILD)
    bench.doors.green.write(Write(Verb.PATCH, resource, CHILD.name, CHILD.namespace, body))
    _, outcome = done(bench, action)
    assert outcome.state is OutcomeState.DONE
    assert owners(bench) == ["other", "owner"]


def test_a_namesake_is_not_linked(bench: Bench) -> None:
    """An object that was made anew since it was read is somebody's: refused; taken back, there is nothing to do."""
    owner, child = put(bench, OWNER), put(bench, CHILD)
    action = link(CHILD, "another", [reference(owner)])
    prepared, outcome = done(bench, action)
    assert outcome.state is OutcomeState.FAILED
    assert owners(bench) == []
    assert Links(bench.reach(), joined).observe(prepared).state is State.ABSENT
    good, _ = done(bench, link(CHILD, uid(child), [reference(owner)]))
    assert good.inverse is not None
    back = replace(good.inverse, params={**good.inverse.params, "uid": "another"})
    _, outcome = done(bench, back)
    assert outcome.state is OutcomeState.DONE
    assert Links(bench.reach(), parted).observe(back).state is State.DONE
    assert owners(bench) == ["owner"]


def test_without_the_right_to_the_owners_finalizers(bench: Bench) -> None:
    """A server that denies blockOwnerDeletion is written to without it, and the object is owned all the same."""

    class Denying(FaultyCluster):
        def write_many(self, writes: Any) -> Any:
            return list(self.send_many(writes))

        def send_many(self, writes: Any) -> Any:
            denied = Invalid("cannot set blockOwnerDeletion", status=403, reason="Forbidden")
            for write in writes:
                asks = "blockOwnerDeletion" in str(write.body)
                yield denied if asks else bench.doors.green.write(write)

    owner, child = put(bench, OWNER), put(bench, CHILD)
    doors = replace(bench.doors, green=Denying(bench.doors.green, Fuse()))
    handler = Links(bench.reach(doors), joined)
    (prepared,) = handler.prepare([link(CHILD, uid(child), [reference(owner, blockOwnerDeletion=True)])])
    (outcome,) = handler.act([prepared])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    (found,) = dig(bench.read(Side.GREEN, CHILD), "metadata", "ownerReferences")
    assert (found["name"], found.get("blockOwnerDeletion")) == ("owner", None)
