"""Deletes against the simulated API server and its faults: what is spared, what goes and what lingers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrate.actions.delete import Delete, delete, goes_last
from migrate.actions.directory import Directory
from migrate.doors.cluster import Verb, Write
from migrate.errors import Forbidden, Unreachable
from migrate.model import marks
from migrate.model.action import BEGUN, Action, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, dig, kind_of, namespace_of
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import RUN, Bench
from tests.actions.objects import CONFIG, body, created, creation
from tests.contract.conftest import NETWORK_AGENT
from tests.scenario.endings import bodies


def test_the_inverse_of_a_create_deletes(bench: Bench) -> None:
    """What was created is deleted by the inverse, and gone when looked at."""
    created(bench, creation())
    back = creation().inverse
    assert back is not None
    assert bench.delete.observe(back).state is State.ABSENT
    (outcome,) = bench.delete.act(bench.delete.prepare([back]))
    assert outcome.state is OutcomeState.DONE
    assert bench.delete.observe(back).state is State.DONE
    assert bench.read(Side.GREEN, CONFIG) is None


def test_delete_of_what_is_gone(bench: Bench) -> None:
    """What is gone already is done, without an effect."""
    (outcome,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert (outcome.state, outcome.evidence) == (
        OutcomeState.DONE,
        "ConfigMap default/settings is gone already",
    )
    assert not any(key.startswith("delete") for key in bench.world.effects())


def test_delete_spares_what_is_not_ours(bench: Bench) -> None:
    """With `ours`, an object that lost this run's mark stays; without, it goes."""
    created(bench, creation(), body(run="another"))
    (spared,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert spared.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, CONFIG) is not None
    (gone,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=False)])
    assert gone.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, CONFIG) is None


@pytest.mark.parametrize(
    ("error", "state"), [("forbidden", OutcomeState.FAILED), ("unreachable", OutcomeState.UNKNOWN)]
)
def test_delete_refused(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refused delete fails, an unanswered one is in doubt; the object stands."""
    created(bench, creation())
    bench.world.failures.refuse(Side.GREEN, verb="delete", error=error)
    (outcome,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert outcome.state is state


def test_delete_in_a_lost_cluster(bench: Bench) -> None:
    """An object that cannot even be read is in doubt, and nothing was sent."""
    created(bench, creation())
    bench.world.failures.cut_api(Side.GREEN)
    action = delete(Side.GREEN, CONFIG, ours=True)
    with pytest.raises(Unreachable):
        Directory(bench.doors).resource(Side.GREEN, CONFIG)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.UNKNOWN


# --- what lingers ------------------------------------------------------------------------------------------------


def clinging(bench: Bench) -> Action:
    """A ConfigMap of ours that a finalizer keeps, and its delete."""
    made = body()
    made["metadata"]["finalizers"] = ["example.com/hold"]
    created(bench, creation(), made)
    return delete(Side.GREEN, CONFIG, ours=True)


def let_go(bench: Bench) -> None:
    """Whoever holds the ConfigMap takes the finalizer away."""
    resource = Directory(bench.doors).resource(Side.GREEN, CONFIG)
    freed = {"metadata": {"finalizers": None}}
    bench.doors.green.write(Write(Verb.PATCH, resource, CONFIG.name, CONFIG.namespace, freed))


def test_a_delete_stays_until_its_object_is_gone(bench: Bench) -> None:
    """What a finalizer keeps is waited for to the deadline, and named with what keeps it."""
    action = clinging(bench)
    before = bench.doors.clock.now()
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.FAILED
    assert "still stands (finalizers example.com/hold), since 60 s" in outcome.evidence
    assert (bench.doors.clock.now() - before).total_seconds() == pytest.approx(60, abs=1)


def test_a_signal_ends_the_staying(bench: Bench) -> None:
    """After a signal nobody waits for what lingers; it has not failed, and the next run waits for it again."""
    action, before = clinging(bench), bench.doors.clock.now()
    bench.stop.receive(15)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.ABSENT
    assert outcome.evidence == "stopped while waiting for ConfigMap default/settings to be gone"
    assert outcome.facts[BEGUN]
    assert bench.doors.clock.now() == before
    assert bench.delete.observe(action).state is State.PARTIAL
    let_go(bench)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.DONE


def test_a_signal_in_the_middle_of_the_staying(bench: Bench) -> None:
    """What went before the signal is done, what still lingers is not; the wait ends at the next look."""
    action = clinging(bench)
    other = CONFIG._replace(name="others")
    plain = body()
    plain["metadata"]["name"] = other.name
    created(bench, creation(other), plain)

    class Signalled(Fuse):
        def around(self, words: str, call: Any) -> Any:
            answer = call()
            if words.startswith("clock sleep"):
                self.calls.append(words)
                if len(self.calls) == 3:
                    bench.stop.receive(2)
            return answer

    fuse = Signalled()
    bench.doors = behind(bench.doors, fuse)
    outcomes = bench.delete.act([action, delete(Side.GREEN, other, ours=True)])
    assert [o.state for o in outcomes] == [OutcomeState.ABSENT, OutcomeState.DONE]
    assert len(fuse.calls) == 3


def deletes(bench: Bench) -> list[str]:
    """The deletes that are sent from now on, in words."""
    fuse = Fuse(only=lambda words: words.startswith("write delete"))
    bench.doors = behind(bench.doors, fuse)
    return fuse.calls


def test_what_goes_already_is_waited_for(bench: Bench) -> None:
    """Nothing is sent again, by no run; the deadline is as long as ever, and whoever keeps it is named."""
    action = clinging(bench)
    (first,) = bench.delete.act([replace(action, deadline=2.0)])
    assert (first.state, first.facts[BEGUN]) == (OutcomeState.FAILED, True)
    sent, before = deletes(bench), bench.doors.clock.now()
    (late,) = bench.delete.act([action])
    assert late.state is OutcomeState.FAILED
    assert "still stands (finalizers example.com/hold), since 60 s" in late.evidence
    assert "Whoever set example.com/hold is at rest or gone" in late.remedy
    assert (bench.doors.clock.now() - before).total_seconds() == pytest.approx(60, abs=1)
    let_go(bench)
    (gone,) = bench.delete.act([action])
    assert gone.state is OutcomeState.DONE
    assert sent == []


def test_what_goes_and_is_not_ours_is_not_waited_for(bench: Bench) -> None:
    """Somebody else's object that somebody else deletes is none of our business."""
    made = body(run="another")
    made["metadata"]["finalizers"] = ["example.com/hold"]
    created(bench, creation(), made)
    bench.delete.act([replace(delete(Side.GREEN, CONFIG, ours=False), deadline=1.0)])
    before = bench.doors.clock.now()
    (spared,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert (spared.state, bench.doors.clock.now()) == (OutcomeState.DONE, before)
    assert "is not from this run any more and stays" in spared.evidence


# --- what contains others ----------------------------------------------------------------------------------------

SPACE = Ref("", "Namespace", "", "team")
TANKS = Ref("apiextensions.k8s.io", "CustomResourceDefinition", "", "tanks.example.com")


def put(bench: Bench, ref: Ref, /, ours: bool = False, **more: Any) -> Object:
    """Write an object on green, with our mark or without, and let the controllers act."""
    made = {**more, "metadata": {"name": ref.name, **more.get("metadata", {})}}
    if ref.namespace:
        made["metadata"]["namespace"] = ref.namespace
    if ours:
        made["metadata"]["annotations"] = {marks.RUN: RUN}
    resource = Directory(bench.doors).resource(Side.GREEN, ref)
    obj = bench.doors.green.write(Write(Verb.CREATE, resource, ref.name, ref.namespace, made))
    bench.world.settle()
    return obj


def tanks(bench: Bench) -> Ref:
    """A definition of ours, and the reference of one object under it."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    names = {"plural": "tanks", "singular": "tank", "kind": "Tank", "listKind": "TankList"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    put(bench, TANKS, ours=True, spec=spec)
    return Ref("example.com", "Tank", "default", "t1")


POD = {"containers": [{"name": "main", "image": "x"}]}


def owned_by(obj: Object) -> dict[str, Any]:
    """The metadata of what belongs to an object."""
    owner = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}  # fmt: skip
    return {"ownerReferences": [owner]}


def test_a_namespace_with_what_servers_make_goes(bench: Bench) -> None:
    """The default account, the root certificate, what a workload made, slices, leases, events and tokens are nobody's."""
    put(bench, SPACE, ours=True)
    selector, labels = {"matchLabels": {"a": "b"}}, {"labels": {"a": "b"}}
    put(
        bench,
        Ref("apps", "Deployment", "team", "web"),
        ours=True,
        spec={"replicas": 2, "selector": selector, "template": {"metadata": labels, "spec": POD}},
    )
    service = put(bench, Ref("", "Service", "team", "web"), ours=True, spec={"selector": {"a": "b"}, "ports": [{"port": 80}]})  # fmt: skip
    put(bench, Ref("", "Secret", "team", "made"), metadata=owned_by(service), type="Opaque")
    put(bench, Ref("coordination.k8s.io", "Lease", "team", "leader"), spec={})
    put(bench, Ref("", "Endpoints", "team", "by-hand"), subsets=[])
    account = {"annotations": {"kubernetes.io/service-account.name": "default"}}
    put(
        bench,
        Ref("", "Secret", "team", "token"),
        metadata=account,
        type="kubernetes.io/service-account-token",
    )
    record = {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}
    put(bench, Ref("", "ConfigMap", "team", "lock"), metadata=record)
    kinds = {kind_of(o) for o in bodies(bench.world, Side.GREEN) if namespace_of(o) == "team"}
    assert kinds >= {"ServiceAccount", "ConfigMap", "ReplicaSet", "Pod", "EndpointSlice", "Lease", "Secret"}
    (outcome,) = bench.delete.act([delete(Side.GREEN, SPACE, ours=True)])
    assert outcome.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, SPACE) is None


@pytest.mark.parametrize(
    ("ref", "more"),
    [
        (Ref("", "ConfigMap", "team", "theirs"), {"data": {"k": "v"}}),
        (Ref("", "Secret", "team", "theirs"), {"type": "Opaque"}),
        (Ref("", "ServiceAccount", "team", "builder"), {}),
        (Ref("", "Pod", "team", "bare"), {"spec": POD}),
        (
            Ref("", "PersistentVolumeClaim", "team", "data-db-0"),
            {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Ref) else "",
)
def test_a_namespace_with_something_foreign_stays(bench: Bench, ref: Ref, more: dict[str, Any]) -> None:
    """It is named, nothing is sent, and a person decides; once it is away, the namespace goes."""
    put(bench, SPACE, ours=True)
    empty = SPACE._replace(name="empty")
    put(bench, empty, ours=True)
    theirs = put(bench, ref, **more)
    action, other = (delete(Side.GREEN, space, ours=True) for space in (SPACE, empty))
    outcome, gone = bench.delete.act([action, other])
    assert (outcome.state, outcome.facts["foreign"]) == (OutcomeState.UNKNOWN, True)
    assert (
        outcome.evidence == f"Namespace team contains what this run did not make, and is not deleted: {ref}"
    )
    assert f'cnimigrate resolve "{action.key}" --as done' in outcome.remedy
    assert gone.state is OutcomeState.DONE
    space, left = bench.read(Side.GREEN, SPACE), bench.read(Side.GREEN, ref)
    assert space is not None
    assert "deletionTimestamp" not in space["metadata"]
    assert left is not None
    assert left["metadata"]["uid"] == theirs["metadata"]["uid"]
    bench.delete.act([delete(Side.GREEN, ref, ours=False)])
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.DONE


MIRROR = {"kubernetes.io/config.mirror": "h"}


@pytest.mark.parametrize(
    ("notes", "state"), [({}, OutcomeState.UNKNOWN), (MIRROR, OutcomeState.DONE)], ids=["pod", "mirror"]
)
def test_an_owner_without_a_namespace_is_not_judged(
    bench: Bench, notes: dict[str, str], state: OutcomeState
) -> None:
    """So its object is judged by its own mark; a mirror pod is nothing but the kubelet's word of what goes on."""
    put(bench, SPACE, ours=True)
    owner = owned_by(put(bench, Ref("scheduling.k8s.io", "PriorityClass", "", "wide"), value=1))
    put(bench, Ref("", "Pod", "team", "p"), metadata={**owner, "annotations": notes}, spec=POD)
    (outcome,) = bench.delete.act([delete(Side.GREEN, SPACE, ours=True)])
    assert outcome.state is state


def test_many_namespaces_and_many_strangers(bench: Bench) -> None:
    """Whole lists are read where namespaces are many; a sentence names a few objects, the facts name all."""
    spaces = [SPACE._replace(name=f"team-{n}") for n in range(7)]
    for space in spaces:
        put(bench, space, ours=True)
    for number in range(7):
        put(bench, Ref("", "ConfigMap", "team-3", f"c{number}"), data={"k": "v"})
    outcomes = bench.delete.act([delete(Side.GREEN, space, ours=True) for space in spaces])
    assert [o.state is OutcomeState.DONE for o in outcomes] == [n != 3 for n in range(7)]
    assert outcomes[3].evidence.endswith("ConfigMap team-3/c3, ConfigMap team-3/c4 and 2 more")
    assert len(outcomes[3].facts["contains"]) == 7


def test_claims_of_our_sets_do_not_keep_a_namespace(bench: Bench) -> None:
    """A StatefulSet of this run is gone before its namespace; what it claimed is known by its name."""
    put(bench, SPACE, ours=True)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    put(bench, Ref("", "PersistentVolumeClaim", "team", "data-db-0"), spec=spec)
    knowing = Delete(bench.reach(), bench.doors.clock, bench.stop, lambda: {("team", "db")})
    (outcome,) = knowing.act([delete(Side.GREEN, SPACE, ours=True)])
    assert outcome.state is OutcomeState.DONE


def test_a_definition_with_foreign_objects_stays(bench: Bench) -> None:
    """The server would delete them with it; objects of ours, and those that belong to others, do not keep it."""
    tank = tanks(bench)
    ours = put(bench, tank, ours=True)
    put(bench, tank._replace(name="child"), metadata=owned_by(ours))
    foreign = tank._replace(name="theirs")
    put(bench, foreign)
    action = delete(Side.GREEN, TANKS, ours=True)
    (outcome,) = bench.delete.act([action])
    assert (outcome.state, outcome.facts["foreign"]) == (OutcomeState.UNKNOWN, True)
    assert outcome.evidence.endswith("is not deleted: Tank.example.com default/theirs")
    assert bench.read(Side.GREEN, foreign) is not None
    bench.delete.act([delete(Side.GREEN, foreign, ours=False)])
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.DONE


def test_what_cannot_be_looked_into_is_not_deleted(bench: Bench) -> None:
    """Where a kind may not be listed nobody knows what would go along; nothing was sent, so it has failed."""
    put(bench, SPACE, ours=True)

    class Forbidding(Fuse):
        def around(self, words: str, call: Any) -> Any:
            if words == "read green secrets":
                message = "secrets is forbidden"
                raise Forbidden(message, status=403)
            return call()

    bench.doors = behind(bench.doors, Forbidding())
    (outcome,) = bench.delete.act([delete(Side.GREEN, SPACE, ours=True)])
    assert outcome.state is OutcomeState.FAILED
    assert "Namespace team is not deleted, as it cannot be seen" in outcome.evidence
    assert bench.read(Side.GREEN, SPACE) is not None


def test_a_definition_whose_kind_is_not_discovered_stays(bench: Bench) -> None:
    """What is Established has a kind; that none is seen does not say that nothing is there."""
    put(bench, tanks(bench))

    class Blind(Fuse):
        def around(self, words: str, call: Any) -> Any:
            seen = call()
            return [r for r in seen if r.plural != "tanks"] if words == "read green resources" else seen

    bench.doors = behind(bench.doors, Blind())
    (outcome,) = bench.delete.act([delete(Side.GREEN, TANKS, ours=True)])
    assert outcome.state is OutcomeState.FAILED
    assert "tanks.example.com cannot be looked into" in outcome.evidence


def test_a_definition_in_a_group_that_is_down_stays(bench: Bench) -> None:
    """An APIService of the same group that answers nothing makes the group's discovery incomplete."""
    tanks(bench)
    service = {"group": "example.com", "version": "v2", "service": {"namespace": "a", "name": "b"}}
    ref = Ref("apiregistration.k8s.io", "APIService", "", "v2.example.com")
    put(bench, ref, spec={**service, "groupPriorityMinimum": 1, "versionPriority": 1})
    (outcome,) = bench.delete.act([delete(Side.GREEN, TANKS, ours=True)])
    assert outcome.state is OutcomeState.FAILED
    assert "example.com cannot be looked into" in outcome.evidence


# --- what goes last ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "last"),
    [
        (Ref("apps", "Deployment", "a", "b"), True),
        (Ref("batch", "CronJob", "a", "b"), True),
        (Ref("", "ReplicationController", "a", "b"), True),
        (Ref("postgres.example.com", "Cluster", "a", "b"), True),
        (Ref("", "Secret", "a", "b"), False),
        (Ref("networking.k8s.io", "NetworkPolicy", "a", "b"), False),
        (Ref("crd.projectcalico.org", "NetworkPolicy", "a", "b"), False),
    ],
)
def test_what_owns_goes_after_what_it_owns(ref: Ref, *, last: bool) -> None:
    """Workloads and custom resources are deleted in the foreground, with time for their pods' grace."""
    assert goes_last(ref) is last
    assert (delete(Side.GREEN, ref, ours=True).deadline > 60) is last


def pods_of(bench: Bench, namespace: str) -> list[Object]:
    """Green's pods of a namespace."""
    return [o for o in bodies(bench.world, Side.GREEN) if (kind_of(o), namespace_of(o)) == ("Pod", namespace)]


def test_a_workload_that_others_deleted_before_its_pods_goes_after_them_yet(bench: Bench) -> None:
    """A finalizer keeps what was deleted in the background: asked once more, by us, it stays until its pods are gone."""
    web = Ref("apps", "Deployment", "default", "web")
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD},
    }
    put(bench, web, ours=True, spec=spec, metadata={"finalizers": ["example.com/hold"]})
    resource = Directory(bench.doors).resource(Side.GREEN, web)
    bench.doors.green.write(Write(Verb.DELETE, resource, web.name, web.namespace))
    assert pods_of(bench, "default")
    sent = deletes(bench)
    (outcome,) = bench.delete.act([replace(delete(Side.GREEN, web, ours=True), deadline=2.0)])
    assert outcome.state is OutcomeState.FAILED
    assert sent == ["write delete green deployments.apps default/web"]
    assert pods_of(bench, "default") == []


def test_an_older_inverse_gets_the_time_of_what_goes_last(bench: Bench) -> None:
    """Before the lease is renewed for it: a journal from before says 60 s of everything but namespaces."""
    old = replace(delete(Side.GREEN, Ref("apps", "Deployment", "a", "b"), ours=True), deadline=60.0)
    own = replace(delete(Side.GREEN, CONFIG, ours=True), deadline=900.0)
    assert [a.deadline for a in bench.delete.prepare([old, own])] == [600.0, 900.0]


def test_a_workload_is_gone_when_its_pods_are(bench: Bench) -> None:
    """The delete stays through its pods' grace: what follows, their policies, finds none of them."""
    put(bench, Ref("apps", "DaemonSet", "kube-system", "kindnet"), spec=NETWORK_AGENT["spec"])
    bench.doors.clock.sleep(10)
    put(bench, SPACE, ours=True)
    web, labels = Ref("apps", "Deployment", "team", "web"), {"labels": {"a": "b"}}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": labels, "spec": POD},
    }
    put(bench, web, ours=True, spec=spec)
    pods = pods_of(bench, "team")
    assert len(pods) == 2
    assert all(dig(pod, "spec", "nodeName") for pod in pods)
    (outcome,) = bench.delete.act([delete(Side.GREEN, web, ours=True)])
    assert outcome.state is OutcomeState.DONE
    left = [o for o in bodies(bench.world, Side.GREEN) if namespace_of(o) == "team"]
    assert not {"Pod", "ReplicaSet", "Deployment"} & {kind_of(o) for o in left}


def test_whoever_set_a_finalizer_is_named_with_the_way_out(bench: Bench) -> None:
    """On the way back operators are at rest: a person starts one, or takes its finalizer away."""
    tank = tanks(bench)
    put(bench, tank, ours=True, metadata={"finalizers": ["example.com/tank"]})
    (outcome,) = bench.delete.act([replace(delete(Side.GREEN, tank, ours=True), deadline=2.0)])
    assert outcome.state is OutcomeState.FAILED
    assert "Whoever set example.com/tank is at rest or gone" in outcome.remedy
    assert "kubectl patch tank.example.com t1 -n default --type=merge" in outcome.remedy
