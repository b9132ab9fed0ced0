"""What is handed over: which claims, who mounts them, and which of blue's volumes must be kept for it."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.decision import Form
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, name_of
from migrate.replay.handover import Handover, handovers, volumes_to_keep
from tests.replay.builders import decided, migration, resource_of

MOVER = {"kind": "command", "command": ["./copy.sh"]}


def obj(version: str, kind: str, name: str, namespace: str = "", **spec: Any) -> Object:
    """An object with a spec."""
    metadata = {"name": name, "uid": f"{kind}-{name}", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def bound(name: str, namespace: str = "shop", **more: Any) -> list[Object]:
    """A claim and its volume."""
    reference = {"namespace": namespace, "name": name, "uid": f"PersistentVolumeClaim-{name}"}
    disk = {"csi": {"driver": "csi.example.com", "volumeHandle": name}} | more
    return [
        obj(
            "v1",
            "PersistentVolumeClaim",
            name,
            namespace,
            accessModes=["ReadWriteOnce"],
            volumeName=f"pv-{name}",
        ),
        obj("v1", "PersistentVolume", f"pv-{name}", claimRef=reference, **disk),
    ]


def workload(kind: str, name: str, *claims: str, templates: tuple[str, ...] = ()) -> Object:
    """A workload that mounts claims."""
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "i"}], "volumes": volumes},
    }
    spec: dict[str, Any] = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    if templates:
        spec["volumeClaimTemplates"] = [
            {"metadata": {"name": t}, "spec": {"accessModes": ["ReadWriteOnce"]}} for t in templates
        ]
    return obj("apps/v1", kind, name, "shop", **spec)


def inventory(*objects: Object) -> Inventory:
    """A blue of these objects and the namespace of the shop."""
    every = (obj("v1", "Namespace", "shop"), *objects)
    return inventory_of([(resource_of(o), o) for o in every])


def said(word: str, name: str = "*", **more: Any) -> Migration:
    """A file with one word on the shop's data."""
    return migration({"volumes": [{"namespace": "shop", "name": name, "as": word, "reason": "r", **more}]})


def found(blue: Inventory, file: Migration) -> dict[str, tuple[str, str, list[str]]]:
    """The handovers by claim: how, the volume, who mounts it."""
    return {
        h.claim.name: (h.how, h.volume.name, [u.name for u in h.users])
        for h in handovers(blue, decided(blue, file), file)
    }


def test_who_mounts_a_claim_is_found_by_name_and_by_template() -> None:
    """A set's claims are told by template, set and ordinal; one that looks alike and is none is not."""
    blue = inventory(
        *bound("data-db-0"),
        *bound("data-db-backup"),
        *bound("shared"),
        workload("StatefulSet", "db", templates=("data",)),
        workload("Deployment", "web", "shared"),
        workload("Deployment", "worker", "shared", "data-db-backup"),
    )
    assert found(blue, said("reattach")) == {
        "data-db-0": ("reattach", "pv-data-db-0", ["db"]),
        "data-db-backup": ("reattach", "pv-data-db-backup", ["worker"]),
        "shared": ("reattach", "pv-shared", ["web", "worker"]),
    }


def test_a_copied_claim_is_handed_over_as_well() -> None:
    """Its volume on blue is known, and stays there."""
    blue = inventory(*bound("data"), workload("Deployment", "web", "data"))
    assert found(blue, said("copy", mover=MOVER)) == {"data": ("copy", "pv-data", ["web"])}


@pytest.mark.parametrize("word", ["empty", "restored"])
def test_other_words_hand_nothing_over(word: str) -> None:
    """Green's volume is there from the replay on."""
    assert found(inventory(*bound("data"), workload("Deployment", "web", "data")), said(word)) == {}


def test_what_cannot_leave_blue_is_not_handed_over() -> None:
    """It is asked about instead, and nothing of blue is changed for it."""
    blue = inventory(*bound("data", csi=None, local={"path": "/srv"}), workload("Deployment", "web", "data"))
    assert found(blue, said("reattach")) == {}
    assert list(volumes_to_keep(blue, said("reattach"))) == []


def test_a_claim_that_stays_leaves_its_volume() -> None:
    """Both sides of the pair are decided alike: no volume without its claim, no claim without its volume."""
    blue = inventory(*bound("data"), workload("Deployment", "web", "data"))
    words = {"volumes": [{"namespace": "shop", "as": "reattach", "reason": "r"}]}
    left = migration({**words, "rules": [{"kind": "PersistentVolumeClaim", "skip": True, "reason": "r"}]})
    forms = {d.ref.kind: (d.form, d.rule) for d in decided(blue, left)}
    assert forms["PersistentVolume"] == (Form.UNDECIDED, "volume.static")
    left = migration({**words, "rules": [{"kind": "PersistentVolume", "skip": True, "reason": "r"}]})
    forms = {d.ref.kind: (d.form, d.rule) for d in decided(blue, left)}
    assert forms["PersistentVolumeClaim"] == (Form.UNDECIDED, "volume.tied")
    assert list(volumes_to_keep(blue, left)) == []


def test_the_volumes_to_keep_are_those_that_move() -> None:
    """Neither what other words speak of, nor what an operator's rule leaves, nor what is in a namespace that stays."""
    blue = inventory(*bound("data"), *bound("cache"), *bound("dns", "kube-system"), *bound("left"))
    file = migration(
        {
            "volumes": [
                {"namespace": "shop", "name": "cache", "as": "empty", "reason": "r"},
                {"namespace": "*", "as": "reattach", "reason": "r"},
            ],
            "rules": [{"kind": "PersistentVolumeClaim", "name": "left", "skip": True, "reason": "r"}],
        }
    )
    assert [name_of(v) for v in volumes_to_keep(blue, file)] == ["pv-data"]


def test_a_handover_is_read_back_as_it_was_written() -> None:
    """The journal has it."""
    users = (Ref("apps", "Deployment", "shop", "web"),)
    one = Handover(
        Ref("", "PersistentVolumeClaim", "shop", "data"), "copy", Ref("", "PersistentVolume", "", "pv"), users
    )
    assert Handover.of_json(one.as_json()) == one
    assert str(one) == "PersistentVolumeClaim shop/data: copy of PersistentVolume pv"


RULE = {"kind": "PersistentVolume", "name": "pv-data", "reason": "r"}


@pytest.mark.parametrize("word", ["replay", "hold"])
@pytest.mark.parametrize(
    ("modes", "more"),
    [
        (["ReadWriteOnce"], {}),
        (["ReadWriteOncePod"], {}),
        (["ReadWriteOnce", "ReadOnlyMany"], {}),
        ([], {}),
        (["ReadWriteMany"], {"volumeMode": "Block"}),
    ],
)
def test_no_rule_leads_past_the_handover(word: str, modes: list[str], more: dict[str, Any]) -> None:
    """A disk of one writer's that blue has is not written on green, whichever word brings it, nor changed on blue."""
    claim, volume = bound("data", accessModes=modes, **more)
    claim["spec"]["accessModes"] = modes
    blue = inventory(claim, volume, workload("Deployment", "web", "data"))
    file = migration({"rules": [{**RULE, word: True}]})
    decision = next(d for d in decided(blue, file) if d.ref.kind == "PersistentVolume")
    assert (decision.form, decision.rule) == (Form.UNDECIDED, "volume.in-use")
    assert list(volumes_to_keep(blue, file)) == []


@pytest.mark.parametrize("word", ["replay", "hold"])
def test_a_shared_volume_that_a_rule_brings_is_kept_on_blue(word: str) -> None:
    """It is on green as it is, and blue's claim cannot take the data along."""
    claim, volume = bound("data", accessModes=["ReadWriteMany", "ReadOnlyMany"])
    claim["spec"]["accessModes"] = ["ReadWriteMany"]
    blue = inventory(claim, volume)
    file = migration({"rules": [{**RULE, word: True}]})
    decision = next(d for d in decided(blue, file) if d.ref.kind == "PersistentVolume")
    assert decision.rule == "operator.1"
    assert [name_of(v) for v in volumes_to_keep(blue, file)] == ["pv-data"]


def test_a_claim_of_one_node_keeps_a_shared_volume_from_being_brought() -> None:
    """Its pods were written for one writer, whatever the storage could do."""
    blue = inventory(*bound("data", accessModes=["ReadWriteMany"]))
    decision = next(
        d
        for d in decided(blue, migration({"rules": [{**RULE, "replay": True}]}))
        if d.ref.kind == "PersistentVolume"
    )
    assert decision.rule == "volume.in-use"


def test_a_volume_that_no_claim_of_blue_has_may_be_brought() -> None:
    """Nothing of blue's writes to it, and it is kept there all the same."""
    _, volume = bound("data", accessModes=["ReadWriteOnce"])
    blue, file = inventory(volume), migration({"rules": [{**RULE, "replay": True}]})
    decision = next(d for d in decided(blue, file) if d.ref.kind == "PersistentVolume")
    assert decision.form is Form.REPLAYED
    assert [name_of(v) for v in volumes_to_keep(blue, file)] == ["pv-data"]
