"""Sanitising keeps what a person wrote, empties included, and drops what servers wrote."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.decision import Decision
from migrate.model.ids import RunId
from migrate.model.marks import RUN, SOURCE_HASH, SOURCE_UID, unmarked
from migrate.model.objects import Object, annotations_of
from migrate.replay import mark, sanitise, source_hash
from migrate.replay.edits import nested
from migrate.replay.pods import TOKEN_PATH
from migrate.replay.sanitising import Setting
from migrate.replay.sanitising.everywhere import LAST_APPLIED
from migrate.replay.tokens import TOKEN
from tests.replay.builders import decide, deployment, obj

KEY = b"key of a test run"
RUN_ID = RunId("7f3a")

SCALARS = st.none() | st.booleans() | st.integers() | st.just("") | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
MAPS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
KINDS = st.sampled_from(
    [
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget"),
        ("v1", "ResourceQuota"),
        ("networking.k8s.io/v1", "Ingress"),
        ("example.net/v1", "Shop"),
    ]
)
SELECTORS = st.sampled_from([{}, {"matchLabels": {}}, {"matchLabels": {"app": ""}}, {"matchExpressions": []}])
RULES = st.lists(
    st.sampled_from([{}, {"from": []}, {"to": [{"podSelector": {}}]}, {"ports": []}]), max_size=3
)


@given(KINDS, MAPS)
def test_spec_survives_byte_for_byte(kind: tuple[str, str], spec: dict[str, Any]) -> None:
    """A spec without fields of the server's survives as it is, whatever in it is empty, null, zero or false."""
    source = obj(kind[1], "a", "shop", kind[0], spec=spec)
    assert sanitise(source)["spec"] == spec


@given(SELECTORS, RULES, RULES)
def test_policy_keeps_its_empties(selector: Any, ingress: Any, egress: Any) -> None:
    """A policy's empty selectors and rules survive: `egress: [{}]` allows everything, `egress: []` nothing."""
    spec = {"podSelector": selector, "ingress": ingress, "egress": egress, "policyTypes": []}
    assert sanitise(obj("NetworkPolicy", "a", "shop", "networking.k8s.io/v1", spec=spec))["spec"] == spec


@given(MAPS, MAPS)
def test_custom_resource_loses_only_its_status(spec: dict[str, Any], status: dict[str, Any]) -> None:
    """Of a custom resource everything at the top moves but `status`."""
    source = obj("Shop", "a", "shop", "example.net/v1", spec=spec, status=status, more=[{}, "", None])
    assert sanitise(source) == {key: value for key, value in source.items() if key != "status"}


@given(
    st.sampled_from(["Service", "Secret", "PersistentVolumeClaim", "Pod", "ConfigMap", "Namespace"]),
    MAPS,
    MAPS,
)
def test_sanitising_twice_changes_nothing_more(kind: str, spec: dict[str, Any], data: dict[str, Any]) -> None:
    """What was sanitised once is left alone the second time, so that green's own objects can be compared."""
    once = sanitise(obj(kind, "a", "shop", spec=spec, data=data, labels={}, annotations={"a": ""}))
    assert sanitise(once) == once


@given(MAPS)
def test_source_is_left_alone(spec: dict[str, Any]) -> None:
    """Sanitising and marking never change the object that was read."""
    source = obj("Service", "a", "shop", spec={**spec, "clusterIP": "10.0.0.1"}, annotations={"a": "b"})
    before = copy.deepcopy(source)
    mark(sanitise(source), run=RUN_ID, key=KEY, source_uid="u")
    assert source == before


def test_metadata_is_an_allow_list() -> None:
    """Only name, namespace, labels and the annotations that are not notes of blue's survive."""
    source = obj("ConfigMap", "a", "shop", data={})
    source["metadata"] |= {
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "generateName": "a-",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "selfLink": "/a",
        "finalizers": ["f"],
        "ownerReferences": [{}],
        "managedFields": [{}],
        "labels": {"app": "", "cnimigrate": "x"},
        "annotations": {
            "note": "",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "control-plane.alpha.kubernetes.io/leader": "{}",
            "cnimigrate.io/run": "older",
            "kube-peers.weave.works/peers": "[]",
        },
    }
    assert sanitise(source)["metadata"] == {
        "name": "a",
        "namespace": "shop",
        "labels": {"app": "", "cnimigrate": "x"},
        "annotations": {"note": "", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }


def test_last_applied_goes_along_while_there_is_room() -> None:
    """With last-applied a pipeline can prune on green; a note that leaves no room for our marks stays behind."""
    fits = obj("ConfigMap", "a", "shop", annotations={LAST_APPLIED: "x" * 200_000, "note": "ä" * 10_000})
    assert sanitise(fits)["metadata"]["annotations"] == fits["metadata"]["annotations"]
    long = obj("ConfigMap", "a", "shop", annotations={LAST_APPLIED: "x" * 200_000, "note": "ä" * 25_000})
    assert sanitise(long)["metadata"]["annotations"] == {"note": "ä" * 25_000}
    assert "above 256 KiB" in one_decision(long).evidence


def one_decision(source: Object) -> Decision:
    """What is decided of an object that is alone in its cluster."""
    (decision,) = decide(source)
    return decision


def test_template_keeps_labels_and_placement() -> None:
    """A template keeps labels, node selector, affinity, tolerations and its class; it loses node and network state."""
    pod = {
        "nodeName": "n1",
        "priority": 7,
        "priorityClassName": "high",
        "nodeSelector": {},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {},
    }
    source = deployment("cart", pod=pod)
    template = source["spec"]["template"]
    template["metadata"] |= {
        "creationTimestamp": None,
        "annotations": {
            "cni.projectcalico.org/podIP": "10.0.0.1/32",
            "k8s.v1.cni.cncf.io/network-status": "[]",
            "k8s.v1.cni.cncf.io/networks": "storage",
            "kubectl.kubernetes.io/restartedAt": "2026",
        },
    }
    found = sanitise(source)["spec"]["template"]
    assert found["metadata"] == {
        "labels": {"app": "cart"},
        "annotations": {
            "k8s.v1.cni.cncf.io/networks": "storage",
            "kubectl.kubernetes.io/restartedAt": "2026",
        },
    }
    kept = {key: value for key, value in pod.items() if key not in {"nodeName", "priority"}}
    assert found["spec"] == {"containers": template["spec"]["containers"], **kept}


@pytest.mark.parametrize(
    ("kind", "api", "path"),
    [
        ("Deployment", "apps/v1", ("spec", "template")),
        ("CronJob", "batch/v1", ("spec", "jobTemplate")),
        ("CronJob", "batch/v1", ("spec", "jobTemplate", "spec", "template")),
        ("PodTemplate", "v1", ("template",)),
    ],
)
def test_time_that_older_servers_write_into_templates_is_dropped(
    kind: str, api: str, path: tuple[str, ...]
) -> None:
    """Servers older than kubernetes#130989 show `creationTimestamp: null` in templates; a newer one serves none."""
    written = nested(path, {"metadata": {"labels": {"a": ""}, "creationTimestamp": None}})
    wanted = nested(path, {"metadata": {"labels": {"a": ""}}})
    assert sanitise(obj(kind, "a", "shop", api, **written)) == obj(kind, "a", "shop", api, **wanted)


def test_what_is_emptied_goes_whole() -> None:
    """Where nothing is left of labels, annotations, volumes or a token, the key goes too: no server serves it empty."""
    space = obj("Namespace", "shop", labels={"kubernetes.io/metadata.name": "shop"})
    assert sanitise(space) == obj("Namespace", "shop")
    template = {"metadata": {"annotations": {"cni.projectcalico.org/podIP": "10.0.0.1/32"}}, "spec": {}}
    assert sanitise(obj("PodTemplate", "a", "shop", template=template))["template"] == {
        "metadata": {},
        "spec": {},
    }
    mount = {"name": "kube-api-access-x7k2p", "mountPath": TOKEN_PATH}
    pod = {
        "containers": [{"name": "main", "volumeMounts": [mount]}],
        "volumes": [{"name": "kube-api-access-x7k2p", "projected": {}}],
    }
    assert sanitise(obj("Pod", "a", "shop", spec=pod))["spec"] == {"containers": [{"name": "main"}]}
    token = obj("Secret", "t", "shop", type=TOKEN, data={"token": "eA==", "namespace": "eA=="})
    assert sanitise(token) == obj("Secret", "t", "shop", type=TOKEN)


def test_token_that_is_mounted_elsewhere_stays() -> None:
    """A volume with a token goes only where the server mounts it by itself; a container that reads it elsewhere keeps it."""
    mounts = [{"name": "t", "mountPath": "/token"}]
    pod = {
        "containers": [{"name": "main", "image": "a", "volumeMounts": mounts}],
        "volumes": [{"name": "t", "secret": {"secretName": "cart-token-x7k2p"}}],
    }
    assert sanitise(deployment("cart", pod=pod))["spec"]["template"]["spec"] == pod


def test_job_with_its_own_selector_keeps_it() -> None:
    """A Job with manualSelector keeps selector and labels: they are the user's."""
    spec = {
        "manualSelector": True,
        "selector": {"matchLabels": {"job-name": "a"}},
        "template": {"metadata": {"labels": {"job-name": "a"}}, "spec": {"containers": []}},
    }
    assert sanitise(obj("Job", "a", "shop", "batch/v1", spec=spec))["spec"] == spec


@pytest.mark.parametrize(
    ("annotations", "bundle", "kept"),
    [
        ({}, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", True),
        ({"cert-manager.io/inject-apiserver-ca": "true"}, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", False),
        ({}, "Cg==", False),
        ({}, "no base64!", False),
    ],
)
def test_bundle_is_dropped_where_it_is_injected_or_unreadable(
    annotations: dict[str, str], bundle: str, kept: bool
) -> None:
    """A certificate authority that can be right on green stays; the cluster's own, and what is none, goes."""
    hook = {"name": "a", "clientConfig": {"caBundle": bundle, "url": "https://x"}, "sideEffects": "Unknown"}
    kind, api = "ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1"
    found = sanitise(obj(kind, "a", api=api, annotations=annotations, webhooks=[hook]))["webhooks"][0]
    assert ("caBundle" in found["clientConfig"]) is kept
    assert found["sideEffects"] == "None"


def test_mark_says_run_source_and_hash() -> None:
    """A mark carries run, source and a hash that only the run's key can make, and leaves everything else alone."""
    target = sanitise(obj("Secret", "a", "shop", data={"p": "eA=="}, annotations={"note": ""}))
    marked = mark(target, run=RUN_ID, key=KEY, source_uid="u-1")
    annotations = annotations_of(marked)
    assert (annotations[RUN], annotations[SOURCE_UID]) == ("7f3a", "u-1")
    assert annotations[SOURCE_HASH] == source_hash(target, KEY) != source_hash(target, b"another key")
    assert unmarked(marked) == target
    assert mark(marked, run=RUN_ID, key=KEY, source_uid="u-1") == marked


def test_mark_of_an_object_without_annotations_goes_without_a_trace() -> None:
    """Where there were no annotations, none are left when ours are taken away."""
    target: Object = sanitise(obj("ConfigMap", "a", "shop"))
    assert unmarked(mark(target, run=RUN_ID, key=KEY, source_uid="")) == target


def test_bare_pod_loses_what_the_server_adds() -> None:
    """A bare Pod loses debugging containers, its mirror's notes and the overhead that its class brings."""
    spec = {"ephemeralContainers": [{"name": "d"}], "overhead": {"cpu": "1"}, "runtimeClassName": "kata"}
    source = obj("Pod", "a", "shop", spec=spec, annotations={"kubernetes.io/config.source": "api"})
    assert sanitise(source) == obj("Pod", "a", "shop", spec={"runtimeClassName": "kata"})
    plain = {"overhead": {"cpu": "1"}}
    assert sanitise(obj("Pod", "a", "shop", spec=plain))["spec"] == plain


def test_template_that_is_null_is_left_as_it_is() -> None:
    """A workload without a template, as a Rollout that refers to another, is not given one."""
    spec = {"template": None, "workloadRef": {"name": "cart"}}
    assert sanitise(obj("Rollout", "a", "shop", "argoproj.io/v1alpha1", spec=spec))["spec"] == spec


def test_empty_namespace_is_no_namespace() -> None:
    """A cluster-scoped object that states an empty namespace is written without one."""
    source = obj("ClusterRole", "a", api="rbac.authorization.k8s.io/v1", rules=[])
    source["metadata"]["namespace"] = ""
    assert "namespace" not in sanitise(source)["metadata"]


@pytest.mark.parametrize(
    ("families", "policy", "kept"),
    [
        (frozenset({"IPv4"}), "PreferDualStack", {"ipFamilyPolicy": "PreferDualStack"}),
        (frozenset({"IPv4"}), "RequireDualStack", {}),
        (
            frozenset({"IPv4", "IPv6"}),
            "RequireDualStack",
            {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack"},
        ),
        (None, "RequireDualStack", {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack"}),
    ],
)
def test_families_follow_what_green_has(
    families: frozenset[str] | None, policy: str, kept: dict[str, Any]
) -> None:
    """A Service keeps its families, in their order, where green has them all; a preference stays a preference."""
    spec = {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": policy}
    assert sanitise(obj("Service", "a", "shop", spec=spec), Setting(families))["spec"] == kept


def test_bundle_of_an_aggregated_api_follows_the_same_rule() -> None:
    """An APIService loses the authority of its own cluster, and keeps one that a person wrote."""
    bundle = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"
    api = "apiregistration.k8s.io/v1"
    injected = obj(
        "APIService",
        "a",
        api=api,
        spec={"caBundle": bundle},
        annotations={"service.beta.openshift.io/inject-cabundle": "true"},
    )
    assert sanitise(injected)["spec"] == {}
    assert sanitise(obj("APIService", "a", api=api, spec={"caBundle": bundle}))["spec"] == {
        "caBundle": bundle
    }
