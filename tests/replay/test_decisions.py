"""Every object of blue gets one decision, in a stable order, in time."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.canonical import canonical
from migrate.model.decision import Form
from migrate.model.ids import RuleId
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.objects import Object, Ref, Resource, ref_of
from migrate.replay import Decisions
from migrate.replay import decide as deciding
from migrate.replay.sanitising.everywhere import FIELDS
from migrate.replay.waves import WAVES, wave_of
from migrate.steps import replay_objects
from tests.replay.builders import (
    decide,
    decided,
    deployment,
    inventory,
    migration,
    obj,
    owner,
    resource_of,
    service,
)

KINDS = [
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "Pod"),
    ("v1", "Event"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("example.net/v1", "Anything"),
]
BARE = st.builds(
    lambda kind, name, space, extra: obj(kind[1], name, space, kind[0], **extra),
    st.sampled_from(KINDS),
    st.sampled_from(["default", "a", "b"]),
    st.sampled_from(["", "shop", "kube-system", "default"]),
    st.sampled_from(
        [{}, {"spec": {}}, {"spec": None}, {"labels": {}, "annotations": {}, "spec": {"template": {}}}]
    ),
)


def move(blue: Inventory, **file: Any) -> Decisions:
    """Decide with nothing but a migration file's workloads."""
    return decided(blue, migration(file))


@given(st.lists(BARE, max_size=12))
def test_every_object_is_decided_with_rule_and_reason(objects: list[Object]) -> None:
    """Whatever stands on blue, bare or odd, is there once with a rule and a reason (invariant 6)."""
    decisions = decide(*objects)
    assert [d.ref for d in decisions] == sorted({ref_of(o) for o in objects})
    assert all(d.rule and d.reason for d in decisions)
    for decision in decisions:
        written = decision.form in {Form.REPLAYED, Form.HELD, Form.DEFERRED}
        assert (decision.target is not None, 1 <= decision.wave <= 12) == (written, written)
        assert (decision.hold is not None) or decision.form not in {Form.HELD, Form.DEFERRED}
    assert (
        sum(decisions.counts().by_form.values()) == sum(decisions.counts().by_rule.values()) == len(decisions)
    )


def test_order_of_listing_does_not_matter() -> None:
    """Two listings of one cluster in different orders give the same decisions in the same order."""
    objects = [
        *(deployment(f"d{i}", f"ns{i % 3}") for i in range(9)),
        *(service(f"d{i}", f"ns{i % 3}") for i in range(9)),
        *(obj("ServiceAccount", f"a{i}", f"ns{i % 3}") for i in range(9)),
    ]
    first = decide(*objects)
    shuffled = objects.copy()
    random.Random(7).shuffle(shuffled)
    second = decide(*shuffled)
    assert first.all == second.all
    assert first.written == second.written


def test_object_listed_twice_is_decided_once() -> None:
    """An expired list may bring an object twice; it is still one object."""
    assert len(decide(service("a"), service("a"))) == 1


def test_waves_follow_what_needs_what() -> None:
    """Namespaces first, policies before pods, quotas and validating webhooks last; inside a wave the named come first."""
    netpol = "networking.k8s.io/v1"
    allow: dict[str, Any] = {"podSelector": {}, "ingress": [{}]}
    objects = [
        obj("ResourceQuota", "q", "shop", spec={}),
        deployment("cart"),
        obj("Shop", "child", "shop", "example.net/v1", owners=[{"kind": "Shop", "name": "main", "uid": "x"}]),
        obj("Shop", "main", "shop", "example.net/v1", uid="x"),
        service("cart"),
        obj("PersistentVolumeClaim", "c", "shop", spec={}),
        obj("RoleBinding", "b", "shop", "rbac.authorization.k8s.io/v1"),
        obj("Role", "z", "shop", "rbac.authorization.k8s.io/v1"),
        obj("Secret", "s", "shop"),
        obj("ServiceAccount", "z", "shop"),
        obj("NetworkPolicy", "allow", "shop", netpol, spec=allow),
        obj("NetworkPolicy", "deny", "shop", netpol, spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
        obj("ClusterRole", "r", api="rbac.authorization.k8s.io/v1"),
        obj("CustomResourceDefinition", "d", api="apiextensions.k8s.io/v1", spec={}),
        obj("Namespace", "shop"),
    ]
    written = decide(*objects).written
    assert [(d.wave, d.ref.name) for d in written] == [
        (1, "shop"),
        (2, "d"),
        (3, "r"),
        (4, "deny"),
        (4, "allow"),
        (5, "z"),
        (5, "s"),
        (6, "z"),
        (6, "b"),
        (7, "c"),
        (8, "cart"),
        (10, "main"),
        (10, "child"),
        (11, "cart"),
        (12, "q"),
    ]


def test_namespaces_take_turns() -> None:
    """Inside a stage the namespaces are interleaved, so that none takes a whole load at once."""
    objects = [obj("ConfigMap", f"c{i}", space) for space in ("a", "b") for i in range(2)]
    assert [(d.ref.namespace, d.ref.name) for d in decide(*objects).of_wave(5)] == [
        ("a", "c0"),
        ("b", "c0"),
        ("a", "c1"),
        ("b", "c1"),
    ]


def test_deferred_objects_are_in_no_wave() -> None:
    """What is made at the cutover is not written in the replay phase, though it has a target."""
    decisions = decide(obj("CronJob", "c", "shop", "batch/v1", spec={}))
    assert decisions.written == ()
    assert [d.ref.name for d in decisions.deferred] == ["c"]


@pytest.mark.parametrize("kind", sorted(FIELDS), ids=lambda kind: kind[1])
def test_every_kind_has_a_wave(kind: tuple[str, str]) -> None:
    """Every kind with an allow-list of its own has a wave that exists."""
    assert wave_of(kind) in {wave.number for wave in WAVES}


def test_kinds_that_a_definition_brings_are_served() -> None:
    """A custom resource is not asked about when its definition moves with it; when that stays, it is."""
    names = {"kind": "Shop", "plural": "shops"}
    crd = obj(
        "CustomResourceDefinition",
        "shops.example.net",
        api="apiextensions.k8s.io/v1",
        spec={"group": "example.net", "names": names},
    )
    shop = obj("Shop", "main", "shop", "example.net/v1")
    green = [resource_of(crd)]
    found = decided(inventory(crd, shop), migration(), green=green)
    assert [d.form for d in found] == [Form.REPLAYED, Form.REPLAYED]
    skip = {
        "rules": [
            {"kind": "CustomResourceDefinition", "group": "*", "namespace": "", "skip": True, "reason": "no"}
        ]
    }
    found = decided(inventory(crd, shop), migration(skip), green=green)
    assert [str(d.rule) for d in found] == ["operator.1", "green.not-served"]


def test_rule_that_decides_nothing_is_pointed_out() -> None:
    """A rule of the operator's without skip, replay or hold leaves the object undecided, and says so."""
    rules = {"rules": [{"kind": "Secret", "namespace": "shop", "reason": "later"}]}
    found = decide(obj("Secret", "s", "shop"), workloads=rules).undecided[0]
    assert found.rule == "operator.1"
    assert "write skip, replay or hold" in found.evidence


def test_included_globs_choose_namespaces() -> None:
    """Only what an include glob names moves; cluster-scoped objects move with it."""
    objects = [obj("ConfigMap", "c", s) for s in ("shop-eu", "shop-us", "tools")]
    found = decide(
        *objects,
        obj("ClusterRole", "r", api="rbac.authorization.k8s.io/v1"),
        workloads={"include": ["shop-*"]},
    )
    assert [d.ref.namespace for d in found.replayed] == ["shop-eu", "shop-us", ""]


def test_flags_name_who_keeps_an_object_and_what_it_uses_of_its_node() -> None:
    """GitOps and Helm owners, host ports and paths, and pool annotations are in the evidence of what moves."""
    pod = {"hostNetwork": True, "volumes": [{"name": "h", "hostPath": {"path": "/dev"}}]}
    pod["containers"] = [{"name": "m", "image": "a", "ports": [{"containerPort": 80, "hostPort": 8080}]}]
    source = deployment("cart", pod=pod)
    source["metadata"] |= {
        "annotations": {
            "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/cart",
            "meta.helm.sh/release-name": "cart",
        },
        "labels": {
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux",
        },
    }
    source["spec"]["template"]["metadata"]["annotations"] = {"cni.projectcalico.org/ipv4pools": "[]"}
    application = obj("Application", "shop", "argocd", "argoproj.io/v1alpha1")
    kustomization = obj("Kustomization", "apps", "flux", "kustomize.toolkit.fluxcd.io/v1")
    decision = decide(source, application, kustomization).of(ref_of(source))
    assert decision is not None
    evidence = decision.evidence
    for part in (
        "kept by Application.argoproj.io argocd/shop",
        "kept by Kustomization.kustomize.toolkit.fluxcd.io flux/apps",
        "part of Helm release cart",
        "uses hostNetwork",
        "uses hostPort 8080",
        "uses hostPath /dev",
        "annotation cni.projectcalico.org/ipv4pools is dropped",
    ):
        assert part in evidence


def test_rule_without_a_group_speaks_of_its_kind() -> None:
    """A rule by kind, namespace and name reaches a Deployment without saying that its group is apps."""
    rule = {"kind": "Deployment", "namespace": "shop", "name": "cart", "skip": True, "reason": "retired"}
    found = decide(deployment("cart"), workloads={"rules": [rule]}).skipped[0]
    assert (found.rule, found.reason) == ("operator.1", "retired")


def test_namespace_comes_along_with_what_a_rule_brings_into_it() -> None:
    """A rule that names an object in an excluded namespace brings the namespace too, and nothing else of it."""
    file = {
        "exclude": ["tools"],
        "rules": [
            {"kind": "ConfigMap", "namespace": "tools", "name": "a", "replay": True, "reason": "needed"}
        ],
    }
    found = decide(
        obj("Namespace", "tools"),
        obj("ConfigMap", "a", "tools"),
        obj("ConfigMap", "b", "tools"),
        workloads=file,
    )
    assert [(d.ref.kind, d.ref.name) for d in found.replayed] == [("ConfigMap", "a"), ("Namespace", "tools")]


def test_addresses_of_blue_in_free_text_are_reported() -> None:
    """Pod, node and Service addresses in arguments, variables and ConfigMaps are named; versions and others are not."""
    addresses = [{"type": "InternalIP", "address": "10.9.0.4"}, {"type": "Hostname", "address": "n1"}]
    node = obj("Node", "n1", spec={"podCIDR": "10.244.1.0/24"}, status={"addresses": addresses})
    text = "db=10.244.1.9:5432\nversion=10.244.1.9.1\nrange 10.244.0.0/16 other 192.0.2.1 999.1.1.1. At 10.244.1.8."
    container = {
        "name": "m",
        "args": ["--peer=http://10.96.0.7/x"],
        "env": [{"name": "N", "value": "10.9.0.4"}, {"name": "F", "valueFrom": {}}],
    }
    found = decide(
        node,
        service("cart", clusterIP="10.96.0.7"),
        obj(
            "Pod",
            "p",
            "shop",
            status={"phase": "Running", "podIP": "10.32.0.5", "podIPs": [{"ip": "10.32.0.5"}]},
        ),
        obj("ConfigMap", "c", "shop", data={"k": text, "weave": "10.32.0.5"}),
        deployment("cart", pod={"containers": [container]}),
    )
    named = {d.ref.kind: [literal.address for literal in d.literals] for d in found}
    assert named["ConfigMap"] == ["10.244.1.9", "10.244.0.0/16", "10.244.1.8", "10.32.0.5"]
    assert named["Deployment"] == ["10.96.0.7", "10.9.0.4"]
    assert named["Service"] == []


def test_hand_made_endpoints_in_blue_are_reported() -> None:
    """Endpoints and slices of a Service without a selector move, in the wave of their Service, with a word of warning."""
    labels = {"kubernetes.io/service-name": "db"}
    spec = {"podCIDRs": ["10.244.1.0/24", "fd00:1::/64"]}
    found = decide(
        obj("Node", "n1", spec=spec),
        service("db", selector=None),
        obj("Endpoints", "db", "shop", subsets=[{"addresses": [{"ip": "10.244.1.9"}, {"ip": "192.0.2.1"}]}]),
        obj(
            "EndpointSlice",
            "db-1",
            "shop",
            "discovery.k8s.io/v1",
            labels=labels,
            addressType="IPv6",
            endpoints=[{"addresses": ["fd00:1::9"]}],
        ),
    )
    assert [(d.ref.kind, d.evidence) for d in found.of_wave(8)] == [
        ("Service", ""),
        ("Endpoints", "names addresses of blue: 10.244.1.9 (pod) in subsets[0].addresses[0].ip"),
        ("EndpointSlice", "names addresses of blue: fd00:1::9 (pod) in endpoints[0].addresses[0]"),
    ]


def test_policies_that_change_pods_stand_before_the_first_pod() -> None:
    """A MutatingAdmissionPolicy and its binding come before the backends that wave 9 starts."""
    api = "admissionregistration.k8s.io/v1"
    hook = {"name": "h", "clientConfig": {"service": {"namespace": "shop", "name": "cart"}}, "rules": []}
    found = decide(
        deployment("cart"),
        service("cart"),
        obj("MutatingWebhookConfiguration", "h", api=api, webhooks=[hook]),
        obj("MutatingAdmissionPolicy", "p", api=api, spec={}),
        obj("MutatingAdmissionPolicyBinding", "b", api=api, spec={}),
    )
    assert [[d.ref.name for d in stage] for stage in found.stages(9)] == [["p"], ["b"], ["cart"], ["h"]]


def test_kinds_of_an_aggregated_api_that_moves_are_served() -> None:
    """What an APIService of blue serves is not asked about when its backend comes along."""
    spec = {"group": "shop.example", "version": "v1", "service": {"namespace": "shop", "name": "cart"}}
    api = obj("APIService", "v1.shop.example", api="apiregistration.k8s.io/v1", spec=spec)
    blue = [deployment("cart"), service("cart"), api]
    green = [resource_of(o) for o in blue]
    order = obj("Order", "o", "shop", "shop.example/v1")
    found = decided(inventory(*blue, order), migration(), green=green)
    assert found.undecided == ()
    orphan = decided(inventory(*blue[:2], order), migration(), green=green)
    assert [d.ref.kind for d in orphan.undecided] == ["Order"]


def test_service_ranges_that_objects_state_are_blue() -> None:
    """A ServiceCIDR of blue counts as its own, so that a policy which names it is pointed out."""
    cidr = obj(
        "ServiceCIDR",
        "kubernetes",
        api="networking.k8s.io/v1",
        spec={"cidrs": ["10.96.0.0/16", "not a range"]},
    )
    rule = {
        "to": [{"ipBlock": {"cidr": "10.96.3.0/24"}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}, {"podSelector": {}}]
    }
    policy = obj(
        "NetworkPolicy", "p", "shop", "networking.k8s.io/v1", spec={"podSelector": {}, "egress": [rule]}
    )
    evidence = decide(cidr, policy).of_wave(4)[0].evidence
    assert evidence == "names addresses of blue: 10.96.3.0/24 (service) in spec.egress[0].to[0].ipBlock.cidr"


def test_ranges_of_a_file_that_is_wrong_leave_families_alone() -> None:
    """A Service range that is none is the planner's to report; a Service keeps the families that it states."""
    wrong = migration(green={"network": {"serviceCIDR": "nonsense"}})
    found = decided(inventory(service("a", ipFamilies=["IPv6"])), wrong)
    assert found.all[0].target is not None
    assert found.all[0].target["spec"]["ipFamilies"] == ["IPv6"]


def test_operator_rule_can_hold_a_workload() -> None:
    """A rule with `hold: true` makes a called workload exclusive: blue's is put to rest before green's runs."""
    rule = {
        "kind": "Deployment",
        "namespace": "shop",
        "name": "cart",
        "hold": True,
        "reason": "writes the ledger",
    }
    found = decide(deployment("cart"), service("cart"), workloads={"rules": [rule]})
    (held,) = found.held
    assert (held.rule, held.workload_class, held.reason) == ("operator.1", "exclusive", "writes the ledger")
    assert "operator.1 holds it" in held.evidence
    assert held.hold is not None
    assert held.hold.rest_blue == {"spec": {"replicas": 0}}
    assert found.startable == frozenset()


def large(pods: int) -> Inventory:
    """A cluster in the proportions of a real one: 3.1 objects for every pod."""
    resources: dict[str, Resource] = {}

    def pair(value: Object) -> tuple[Resource, Object]:
        return resources.setdefault(value["kind"], resource_of(value)), value

    def objects() -> Any:
        for number in range(pods // 5):
            space, name = f"ns-{number % 40}", f"app-{number}"
            top = deployment(name, space)
            middle = obj(
                "ReplicaSet", f"{name}-rs", space, "apps/v1", uid=f"rs-{number}", owners=owner(top), spec={}
            )
            yield from (top, middle, service(name, space))
            for i in range(5):
                labels = {"app": name}
                yield obj(
                    "Pod", f"{name}-{i}", space, uid=f"p-{number}-{i}", owners=owner(middle), labels=labels
                )
            yield from (obj("Secret", f"{name}-{i}", space, data={"k": "djE="}) for i in range(4))
            yield from (obj("ConfigMap", f"{name}-{i}", space, data={"k": "v"}) for i in range(3))
            holder = {"holderIdentity": f"{name}-0_uuid"} if number % 10 == 0 else {}
            yield obj("Lease", name, space, "coordination.k8s.io/v1", spec=holder)

    return inventory_of(pair(value) for value in objects())


def test_large_cluster_is_decided_in_seconds() -> None:
    """32,000 objects with 10,000 pods are decided within ten seconds of processor time, and what stays is not copied."""
    blue = large(10_000)
    assert len(blue) == 32_000
    start = time.process_time()
    decisions = move(blue)
    spent = time.process_time() - start
    assert len(decisions) == len(blue)
    assert decisions.counts().by_rule[RuleId("owner.controller")] == 12_000  # pods and ReplicaSets
    assert sum("holds Lease" in d.evidence for d in decisions.held) == 200
    assert spent < 10
    target = next(d.target for d in decisions.replayed if d.ref.kind == "ConfigMap")
    assert target is not None
    source = blue.find(ref_of(target))
    assert source is not None
    assert target["data"] is source["data"]


def test_decisions_do_not_change_the_inventory() -> None:
    """Deciding leaves every object of blue exactly as it was read."""
    blue = large(50)
    before = [canonical(o) for _, o in blue]
    move(blue)
    assert [canonical(o) for _, o in blue] == before


def test_what_is_undecided_says_what_to_write() -> None:
    """Of a claim's data the word that is asked for, and not a rule that would leave the claim itself behind."""
    claim = obj("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "v"})
    bare = obj("Pod", "bare", "shop", spec={"containers": []})
    said = {v.evidence.split()[1]: v.remedy for v in replay_objects.decided(decide(claim, bare))}
    assert (
        "workloads.volumes: [{namespace: shop, name: data, as: empty, restored, reattach or copy"
        in said["shop/data"]
    )
    assert "skip: true (or replay: true)" in said["shop/bare"]


def test_no_message_offers_a_way_past_the_fence() -> None:
    """A volume is taken over with its claim's word, or stays; a rule that replays it would attach it on both sides."""
    claim = obj("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "v"})
    volume = obj("PersistentVolume", "v", spec={"claimRef": {"namespace": "shop", "name": "data"}})
    rule = {"kind": "PersistentVolume", "name": "v", "replay": True, "reason": "blue has let go"}
    for workloads in ({}, {"rules": [rule]}):
        verdicts = replay_objects.decided(decide(claim, volume, workloads=workloads))
        remedy = next(v.remedy for v in verdicts if "PersistentVolume v " in v.evidence)
        assert "where its claim is named: as: reattach; or leave it on blue: workloads.rules" in remedy
        assert "replay" not in remedy


def test_only_what_may_have_changed_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stays is found from the top of each chain; a round asks what the last one's owners control, no more."""
    asked: list[Ref] = []
    real = deciding._unformed

    def counted(subject: Any, surroundings: Any) -> Any:
        asked.append(subject.ref)
        return real(subject, surroundings)

    stays = obj("Deployment", "stays", "kube-system", "apps/v1", uid="u-stays")
    others = [obj("Deployment", f"d{n}", "shop", "apps/v1", uid=f"u-{n}") for n in range(5)]
    pods = [obj("Pod", f"p{n}", "shop", owners=owner(d)) for n, d in enumerate([stays, *others])]
    blue = inventory(stays, *others, *pods)
    monkeypatch.setattr(deciding, "_unformed", counted)
    decided(blue, migration())
    owners = [ref for ref in asked if ref.kind == "Deployment"]
    assert len(owners) == 2 * 6  # once to find who stays, once to decide
