"""Volumes that deletes would take along: which they are, and that they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from migrate.actions.contents import CLAIM
from migrate.actions.delete import delete
from migrate.actions.directory import Directory
from migrate.actions.retain import VOLUME, Keeping, kept, retain
from migrate.doors.cluster import Verb, Write
from migrate.model import marks
from migrate.model.action import Action, OutcomeState, State
from migrate.model.entry import Entry, EntryKind
from migrate.model.ids import NO_BATCH, Side, StepId
from migrate.model.objects import Object, Ref, dig, metadata_of
from migrate.model.progress import Progress
from tests.actions.conftest import RUN, Bench

SPACE = Ref("", "Namespace", "", "data")
DISK = Ref(*CLAIM, SPACE.name, "disk")
SET = Ref("apps", "StatefulSet", SPACE.name, "db")
OURS: Mapping[str, str] = {marks.RUN: RUN}


def put(bench: Bench, ref: Ref, /, ours: bool = True, owner: Object | None = None, **more: Any) -> Object:
    """Write an object on green, with our mark or without, and let the controllers act."""
    resource = Directory(bench.doors).resource(Side.GREEN, ref)
    metadata: dict[str, Any] = {"name": ref.name, "annotations": dict(OURS) if ours else {}}
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    if owner is not None:
        metadata["ownerReferences"] = [
            {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        ]  # fmt: skip
    made = bench.doors.green.write(
        Write(Verb.CREATE, resource, ref.name, ref.namespace, {"metadata": metadata, **more})
    )
    bench.world.settle()
    return made


def claim(bench: Bench, ref: Ref = DISK, **more: Any) -> Object:
    """A claim on green with a volume of its own, whose policy is Delete."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "here",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    put(bench, ref, spec=spec, **more)
    bound = bench.read(Side.GREEN, ref)
    assert dig(bound, "status", "phase") == "Bound"
    return bound or {}


def volume_of(bench: Bench, ref: Ref = DISK) -> Object | None:
    """The volume that is, or was, bound to a claim."""
    resource = Directory(bench.doors).resource(Side.GREEN, Ref(*VOLUME, "", ""))
    volumes = [o for page in bench.doors.green.pages(resource) for o in page]
    named = [v for v in volumes if dig(v, "spec", "claimRef", "name") == ref.name]
    return named[0] if named else None


@pytest.fixture
def green(bench: Bench) -> Bench:
    """A bench whose green has a namespace of ours and a class that provisions at once and deletes."""
    put(bench, SPACE)
    put(bench, Ref("storage.k8s.io", "StorageClass", "", "here"), provisioner="csi.example.com")
    return bench


def entry(seq: int, kind: EntryKind, **data: Any) -> Entry:
    """A line of the journal."""
    return Entry(seq, "", 1, kind, NO_BATCH, StepId("s"), "", data)


def keeping(bench: Bench, *refs: Ref, ours: bool = True, made: Sequence[Ref] = ()) -> Sequence[Action]:
    """What must stand before these are deleted; `made` are StatefulSets that the journal knows."""
    creates = [{"kind": "create", "key": str(ref), "params": {"ref": ref.as_json()}} for ref in made]
    progress = Progress(entry(n, EntryKind.INTENT, action=action) for n, action in enumerate(creates, 1))
    return Keeping(bench.doors, progress, RUN)([delete(Side.GREEN, ref, ours=ours) for ref in refs])


def test_without_it_the_data_goes(green: Bench) -> None:
    """The simulated controllers do what the real ones do: a volume with the policy Delete goes with its claim."""
    claim(green)
    assert volume_of(green) is not None
    green.delete.act([delete(Side.GREEN, DISK, ours=True)])
    green.world.settle()
    assert volume_of(green) is None


@pytest.mark.parametrize("ref", [DISK, SPACE], ids=["claim", "namespace"])
def test_a_volume_whose_claim_is_to_go_is_kept(green: Bench, ref: Ref) -> None:
    """It is named with its claim and its disk, set to Retain, and still there when claim and namespace are gone."""
    claim(green)
    (action,) = keeping(green, ref)
    assert (action.kind, action.prior, action.inverse) == ("retain", "Delete", None)
    assert green.retain.observe(action).state is State.ABSENT
    (outcome,) = green.retain.act(green.retain.prepare([action]))
    assert outcome.state is OutcomeState.DONE
    name = action.params["ref"]["name"]
    assert outcome.evidence == (
        f"PersistentVolume {name} (csi.example.com {name}) of claim data/disk keeps its data: Retain instead of Delete"
    )
    assert green.retain.observe(action).state is State.DONE
    assert keeping(green, ref) == ()
    (gone,) = green.delete.act([delete(Side.GREEN, ref, ours=True)])
    assert gone.state is OutcomeState.DONE
    green.world.settle()
    assert dig(volume_of(green), "status", "phase") == "Released"


def test_the_volume_itself_may_be_what_goes(green: Bench) -> None:
    """A volume that this run made and would delete while it is bound is set to Retain as well."""
    claim(green)
    volume = volume_of(green) or {}
    ref = Ref(*VOLUME, "", volume["metadata"]["name"])
    assert keeping(green, ref) == ()  # it has no mark of ours, and is spared
    assert [a.params["claim"] for a in keeping(green, ref, ours=False)] == ["data/disk"]


def test_what_does_not_go_is_left_alone(green: Bench) -> None:
    """Other claims, claims that lost our mark, other namespaces and other kinds of objects change nothing."""
    claim(green)
    other = DISK._replace(name="theirs")
    claim(green, other, ours=False)
    assert keeping(green, Ref("", "ConfigMap", SPACE.name, "disk")) == ()
    assert keeping(green, SPACE._replace(name="default")) == ()
    assert keeping(green, other) == ()
    assert [a.params["claim"] for a in keeping(green, DISK, other)] == ["data/disk"]
    blue = delete(Side.BLUE, DISK, ours=True)
    assert Keeping(green.doors, Progress(), RUN)([blue]) == ()


def test_a_foreign_claim_keeps_its_namespace_and_is_not_touched(green: Bench) -> None:
    """The namespace will not be deleted over it, so its volume is none of our business."""
    claim(green, ours=False)
    assert keeping(green, SPACE) == ()


def test_claims_of_a_set_go_with_the_namespace(green: Bench) -> None:
    """What a StatefulSet of this run claimed has no mark; its name tells, though the set itself is gone by then."""
    ref = DISK._replace(name="disk-db-10")
    claim(green, ref, ours=False)
    claim(green, DISK._replace(name="disk-dbx-0"), ours=False)
    assert [a.params["claim"] for a in keeping(green, SPACE, made=[SET])] == ["data/disk-db-10"]
    assert keeping(green, SPACE, made=[SET._replace(namespace="elsewhere")]) == ()


def test_claims_go_with_their_owners(green: Bench) -> None:
    """A claim goes with what owns it, over as many steps as there are; a pod's ephemeral volume is not kept."""
    top = put(green, Ref("", "ConfigMap", SPACE.name, "cluster"))
    middle = put(green, Ref("", "ConfigMap", SPACE.name, "part"), ours=False, owner=top)
    claim(green, ours=False, owner=middle)
    foreign = put(green, Ref("", "ConfigMap", SPACE.name, "foreign"), ours=False)
    claim(green, DISK._replace(name="foreign"), ours=False, owner=foreign)
    pod = put(green, Ref("", "Pod", SPACE.name, "p"), spec={"containers": [{"name": "main", "image": "x"}]})
    claim(green, DISK._replace(name="scratch"), ours=False, owner=pod)
    gone = [Ref("", "ConfigMap", SPACE.name, "cluster"), Ref("", "Pod", SPACE.name, "p")]
    assert [a.params["claim"] for a in keeping(green, *gone)] == ["data/disk"]


def test_what_is_retained_already_or_was_released_needs_nothing(green: Bench) -> None:
    """Only a bound volume that would go is in danger."""
    claim(green)
    volume = volume_of(green) or {}
    (action,) = keeping(green, DISK)
    green.retain.act([action])
    assert keeping(green, DISK) == ()
    assert metadata_of(volume)["uid"] == action.params["uid"]


def test_a_volume_that_is_gone_has_nothing_to_keep(green: Bench) -> None:
    """It is done, and says so; a namesake of it is left alone."""
    claim(green)
    action = retain(volume_of(green) or {})
    green.delete.act([delete(Side.GREEN, DISK, ours=True)])
    green.world.settle()
    (outcome,) = green.retain.act([action])
    assert outcome.state is OutcomeState.DONE
    assert outcome.evidence.endswith("is gone; nothing is left to keep")
    ref = Ref.of_json(action.params["ref"])
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "hostPath": {"path": "/srv"},
        "persistentVolumeReclaimPolicy": "Delete",
    }
    put(green, ref, spec=spec)
    (outcome,) = green.retain.act([action])
    assert outcome.evidence.endswith("is gone; nothing is left to keep")
    assert dig(green.read(Side.GREEN, ref), "spec", "persistentVolumeReclaimPolicy") == "Delete"
    assert green.retain.observe(action).state is State.DONE


@pytest.mark.parametrize(
    ("error", "state"), [("forbidden", OutcomeState.FAILED), ("unreachable", OutcomeState.UNKNOWN)]
)
def test_a_refusal_fails_and_silence_is_in_doubt(green: Bench, error: str, state: OutcomeState) -> None:
    """Nothing is claimed to be kept that is not."""
    claim(green)
    (action,) = keeping(green, DISK)
    green.world.failures.refuse(Side.GREEN, verb="patch", error=error)
    (outcome,) = green.retain.act([action])
    assert outcome.state is state
    assert green.retain.observe(action).state is State.ABSENT


def test_what_was_kept_is_told_once(green: Bench) -> None:
    """The journal names each volume that was kept, also when the steps are gone back over and done again."""
    action = {"kind": "retain", "key": "retain PersistentVolume v", "params": {}}
    ended = {"state": "done", "evidence": "v is kept"}
    entries = [
        entry(1, EntryKind.INTENT, action=action),
        entry(2, EntryKind.OUTCOME, intent=1, outcome=ended),
        entry(3, EntryKind.STEP, state="undone"),
        entry(4, EntryKind.INTENT, action=action),
        entry(5, EntryKind.OUTCOME, intent=4, outcome=ended),
    ]
    assert list(kept(Progress(entries))) == ["v is kept"]
    assert list(kept(Progress(entries[:1]))) == []
