"""Every owner that does not control is either linked on green, under the UID that it has there, or told with why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.decision import Form
from migrate.model.ids import RunId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, ref_of
from migrate.model.verdict import Result
from migrate.replay import Decisions, mark
from migrate.replay.links import judged, lacking, resolve
from tests.replay.builders import decide, inventory, obj

RUN = RunId("run-1")
CHILD = Ref("", "ConfigMap", "shop", "child")


def reference(owner: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The reference to an owner of blue."""
    meta = owner["metadata"]
    named = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    return {**named, **more}


def green_of(decisions: Decisions, run: str = RUN) -> Inventory:
    """Green as the replay leaves it, everything under a UID of its own."""
    written = (
        mark(d.target, run=RunId(run), key=b"k", source_uid="")
        for d in decisions.written
        if d.target is not None
    )
    return inventory(*({**o, "metadata": {**o["metadata"], "uid": f"green {ref_of(o)}"}} for o in written))


def linked(green: Inventory, references: Mapping[Ref, Any]) -> Inventory:
    """Green with references written."""
    return inventory(
        *(
            {**o, "metadata": {**o["metadata"], "ownerReferences": list(references.get(ref_of(o), ()))}}
            for _, o in green
        )
    )


FATES = ("moves", "skipped", "elsewhere", "gone", "cluster-wide", "deferred")


def owner_of(number: int, fate: str) -> tuple[Object | None, dict[str, Any]]:
    """An owner on blue with some fate, and the reference to it."""
    name, uid = f"o{number}", f"blue-{number}"
    match fate:
        case "elsewhere":
            made = obj("ConfigMap", name, "other", uid=uid)
        case "cluster-wide":
            made = obj("Shop", name, "", "example.net/v1", uid=uid)
        case "deferred":
            made = obj("CronJob", name, "shop", "batch/v1", uid=uid, spec={"schedule": "@daily"})
        case "skipped":
            made = obj("Secret", name, "shop", uid=uid)
        case _:
            made = obj("ConfigMap", name, "shop", uid=uid)
    return (None if fate == "gone" else made), reference(made)


SKIPPING = {"rules": [{"kind": "Secret", "skip": True, "reason": "test"}]}


@given(st.lists(st.lists(st.sampled_from(FATES), max_size=4), min_size=1, max_size=4))
def test_every_owner_is_linked_late_or_told(children: list[list[str]]) -> None:
    """What is written names only what stands on green, by kind, name and UID; nothing is dropped silently."""
    blue: list[Object] = []
    number = 0
    for child, fates in enumerate(children):
        references = []
        for fate in fates:
            made, named = owner_of(number := number + 1, fate)
            blue += [made] if made else []
            references.append(named)
        blue.append(obj("ConfigMap", f"child{child}", "shop", uid=f"c-{child}", owners=references))
    decisions = decide(*blue, workloads=SKIPPING)
    green = green_of(decisions)
    resolved = resolve(decisions.links, green, RUN)
    by_uid = {o["metadata"]["uid"]: ref_of(o) for _, o in green}
    for ref, owners in resolved.references.items():
        for one in owners:
            owner = by_uid[one["uid"]]
            assert (owner.kind, owner.name) == (one["kind"], one["name"])
            assert owner.namespace in {"", ref.namespace}
    wanted = [fate for fates in children for fate in fates]
    found = sum(map(len, resolved.references.values()))
    assert found == sum(fate in {"moves", "cluster-wide"} for fate in wanted)
    late = sum(link.late and not link.obstacle for links in decisions.links.values() for link in links)
    assert late == wanted.count("deferred")
    assert found + late + len(resolved.without) == len(wanted)
    assert all(link.obstacle for _, link in resolved.without)
    after = linked(green, resolved.references)
    assert list(lacking(resolved, after)) == []
    assert judged(decisions.links, resolved, after).passed
    assert judged(decisions.links, resolved, green).result is (Result.FAIL if found else Result.PASS)


PARENT = obj("ConfigMap", "parent", "shop", uid="p-1")
SET = obj("StatefulSet", "db", "shop", "apps/v1", uid="s-1", spec={"replicas": 1})


@pytest.mark.parametrize(
    ("blue", "why"),
    [
        ((obj("ConfigMap", "child", "shop", owners=[reference(PARENT)]),), "it is not on blue any more"),
        (
            (obj("ConfigMap", "child", "shop", owners=[{**reference(PARENT), "kind": "Shop"}]),),
            "it could not be read",
        ),
        (
            (obj("ConfigMap", "child", "shop", uid="c", owners=[{**reference(PARENT), "uid": "c"}]),),
            "it names the object itself",
        ),
        (
            (
                obj("Secret", "parent", "shop", uid="p-1"),
                obj("ConfigMap", "child", "shop", owners=[reference(PARENT)]),
            ),
            "it stays on blue (operator.1)",
        ),
        (
            (
                obj("ServiceAccount", "default", "shop", uid="p-1", imagePullSecrets=[{"name": "x"}]),
                obj("ConfigMap", "child", "shop", owners=[reference(PARENT)]),
            ),
            "green has it of its own",
        ),
    ],
)
def test_why_an_owner_is_not_carried_over(blue: tuple[Object, ...], why: str) -> None:
    """The Plan says it of each, in words."""
    decision = decide(*blue, workloads=SKIPPING).of(CHILD)
    assert decision is not None
    assert decision.form is Form.REPLAYED
    assert f"is not carried over: {why}" in decision.evidence


def test_green_s_set_takes_hold_of_its_claims_itself() -> None:
    """A claim that goes with its set is not linked: the set's controller does that, where its policy says so."""
    claim = obj(
        "PersistentVolumeClaim",
        "data-db-0",
        "shop",
        spec={"resources": {"requests": {"storage": "1Gi"}}},
        owners=[reference(SET)],
    )
    workloads = {"volumes": [{"namespace": "shop", "as": "empty", "reason": "test"}]}
    decision = decide(SET, claim, workloads=workloads).of(ref_of(claim))
    assert decision is not None
    assert "green's set takes hold of its claims by its own policy" in decision.evidence


@pytest.mark.parametrize("change", ["foreign", "leaving", "missing"])
def test_an_owner_on_green_that_is_not_the_one_that_was_written(change: str) -> None:
    """Only what this run wrote and stands owns anything; else the object stays without, and it is said."""
    decisions = decide(PARENT, obj("ConfigMap", "child", "shop", owners=[reference(PARENT)]))
    made = {ref_of(o): o for _, o in green_of(decisions)}
    parent = dict(made[ref_of(PARENT)])
    match change:
        case "foreign":
            parent["metadata"] = {**parent["metadata"], "annotations": {}}
        case "leaving":
            parent["metadata"] = {**parent["metadata"], "deletionTimestamp": "now"}
        case _:
            parent["metadata"] = {**parent["metadata"], "name": "another"}
    green = inventory(made[CHILD], parent)
    resolved = resolve(decisions.links, green, RUN)
    assert not resolved.references
    assert "1 not carried over" in judged(decisions.links, resolved, green).evidence


WORD = {"rules": [{"kind": "Secret", "replay": True, "reason": "the password stays"}]}


@pytest.mark.parametrize(("taken", "why"), [("", ""), ("other", "Shop other controls the object on green")])
def test_what_the_operator_s_word_brings_over_is_controlled_again(taken: str, why: str) -> None:
    """A custom resource controls on green what it controlled on blue, unless green has another that does."""
    shop = obj("Shop", "main", "shop", "example.net/v1", uid="p-1")
    secret = obj("Secret", "password", "shop", uid="c-1", owners=[reference(shop, controller=True)])
    decisions = decide(shop, secret, workloads=WORD)
    decision = decisions.of(ref_of(secret))
    assert decision is not None
    assert "controlled by Shop.example.net shop/main, linked once both stand on green" in decision.evidence
    other = {**reference(shop, controller=True), "name": taken, "uid": "other"}
    green = linked(green_of(decisions), {ref_of(secret): [other]} if taken else {})
    resolved = resolve(decisions.links, green, RUN)
    assert [link.obstacle for _, link in resolved.without] == ([why] if why else [])
    if not why:
        (found,) = resolved.references[ref_of(secret)]
        assert found["controller"] is True


def test_a_built_in_controller_takes_hold_by_itself() -> None:
    """A ReplicaSet that the operator's word brings over is its Deployment's to adopt."""
    above = obj("Deployment", "web", "shop", "apps/v1", uid="d-1", spec={"replicas": 1})
    below = obj("ReplicaSet", "web-1", "shop", "apps/v1", owners=[reference(above, controller=True)], spec={})
    word = {"rules": [{"kind": "ReplicaSet", "replay": True, "reason": "test"}]}
    assert decide(above, below, workloads=word).links == {}


def test_the_owner_s_version_is_one_that_green_serves() -> None:
    """The version of blue's reference where green serves it, else the one that green has the owner in."""
    shop = obj("Shop", "main", "shop", "example.net/v1", uid="p-1")
    child = obj("ConfigMap", "child", "shop", owners=[{**reference(shop, blockOwnerDeletion=True), "apiVersion": "example.net/v1beta1"}])  # fmt: skip
    decisions = decide(shop, child)
    (found,) = resolve(decisions.links, green_of(decisions), RUN).references[CHILD]
    assert (found["apiVersion"], found["blockOwnerDeletion"]) == ("example.net/v1", True)
