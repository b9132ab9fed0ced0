"""The recorded clusters that ship: plain objects that fit together, with no secret in them."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.model.objects import dig, kind_of, name_of, namespace_of, ref_of

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "migrate/simulation/data/demo-blue.yaml"
PLANS = sorted((ROOT / "plans").glob("*.blue.yaml"))
BLUES = [DEMO, *PLANS]


def _objects(file: Path) -> list[dict[str, Any]]:
    return list(
        yaml.load_all(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    )


@pytest.mark.parametrize("file", BLUES, ids=lambda file: file.stem)
def test_every_object_is_there_once(file: Path) -> None:
    """No object and no UID comes twice, and every namespace that is used exists."""
    objects = _objects(file)
    assert [ref for ref, count in Counter(map(ref_of, objects)).items() if count > 1] == []
    assert [
        uid for uid, count in Counter(dig(o, "metadata", "uid") for o in objects).items() if count > 1
    ] == []
    namespaces = {name_of(obj) for obj in objects if kind_of(obj) == "Namespace"}
    assert {namespace_of(obj) for obj in objects} - {""} <= namespaces


@pytest.mark.parametrize("file", BLUES, ids=lambda file: file.stem)
def test_owners_exist(file: Path) -> None:
    """Every owner stands in the file, but for the one ReplicaSet that the demo asks a person about."""
    objects = _objects(file)
    uids = {dig(obj, "metadata", "uid") for obj in objects}
    owned = [obj for obj in objects if dig(obj, "metadata", "ownerReferences")]
    orphans = [str(ref_of(o)) for o in owned if {r["uid"] for r in o["metadata"]["ownerReferences"]} - uids]
    assert orphans == (["ReplicaSet tools/legacy-reports-6b7c9d5f4"] if file == DEMO else [])


@pytest.mark.parametrize("file", BLUES, ids=lambda file: file.stem)
def test_addresses_lie_in_their_ranges(file: Path) -> None:
    """Pods and Services have addresses of the ranges that the cluster states, and no two the same."""
    objects = _objects(file)
    config = next(o for o in objects if name_of(o) == "kubeadm-config")
    networking = yaml.safe_load(config["data"]["ClusterConfiguration"])["networking"]
    pods, services = ip_network(networking["podSubnet"]), ip_network(networking["serviceSubnet"])
    own = [o["status"]["podIP"] for o in objects if kind_of(o) == "Pod" and not dig(o, "spec", "hostNetwork")]
    cluster = [o["spec"]["clusterIP"] for o in objects if kind_of(o) == "Service"]
    cluster = [address for address in cluster if address != "None"]
    assert all(ip_address(address) in pods for address in own)
    assert all(ip_address(address) in services for address in cluster)
    assert len(set(own + cluster)) == len(own + cluster)
    assert own
    assert cluster


@pytest.mark.parametrize("file", BLUES, ids=lambda file: file.stem)
def test_every_pod_runs_on_a_node_that_is_there(file: Path) -> None:
    """Pods name nodes of the file, with their address."""
    objects = _objects(file)
    nodes = {name_of(o): o["status"]["addresses"][0]["address"] for o in objects if kind_of(o) == "Node"}
    for pod in objects:
        if kind_of(pod) == "Pod":
            assert nodes[pod["spec"]["nodeName"]] == pod["status"]["hostIP"]


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
def test_no_value_of_a_secret_is_recorded(file: Path) -> None:
    """A recorded cluster names the keys of its Secrets and none of their values."""
    values = [
        v
        for o in _objects(file)
        if kind_of(o) == "Secret"
        for v in {**o.get("data", {}), **o.get("stringData", {})}.values()
    ]
    assert set(values) == {"<not recorded>"}


@pytest.mark.parametrize("file", BLUES, ids=lambda file: file.stem)
def test_volumes_and_claims_are_bound_to_each_other(file: Path) -> None:
    """Each claim names a volume that names the claim by its UID."""
    objects = _objects(file)
    volumes = {name_of(o): o for o in objects if kind_of(o) == "PersistentVolume"}
    claims = [o for o in objects if kind_of(o) == "PersistentVolumeClaim"]
    assert claims
    for claim in claims:
        bound = volumes.pop(claim["spec"]["volumeName"])["spec"]["claimRef"]
        assert (bound["namespace"], bound["name"]) == (namespace_of(claim), name_of(claim))
        assert bound["uid"] == claim["metadata"]["uid"]
    assert volumes == {}


@pytest.mark.parametrize(
    ("file", "daemon", "reason"),
    [
        (DEMO, ("kube-system", "weave-net"), "WeaveIsUp"),
        (ROOT / "plans/weave-to-calico.blue.yaml", ("kube-system", "weave-net"), "WeaveIsUp"),
        (ROOT / "plans/flannel-to-calico.blue.yaml", ("kube-flannel", "kube-flannel-ds"), "FlannelIsUp"),
        (ROOT / "plans/canal-to-calico.blue.yaml", ("kube-system", "canal"), "FlannelIsUp"),
    ],
    ids=["demo", "weave", "flannel", "canal"],
)
def test_the_cni_is_recognisable(file: Path, daemon: tuple[str, str], reason: str) -> None:
    """The CNI's DaemonSet is ready on every node, and every node says that its network is up."""
    objects = _objects(file)
    nodes = [o for o in objects if kind_of(o) == "Node"]
    found = next(o for o in objects if kind_of(o) == "DaemonSet" and (namespace_of(o), name_of(o)) == daemon)
    assert found["status"]["numberReady"] == len(nodes)
    for node in nodes:
        conditions = {c["type"]: (c["status"], c["reason"]) for c in node["status"]["conditions"]}
        assert conditions["NetworkUnavailable"] == ("False", reason)
        assert conditions["Ready"][0] == "True"


def test_the_demo_has_one_of_each_thing_that_makes_a_move_interesting() -> None:
    """What the demo shows depends on these being in its cluster."""
    objects = _objects(DEMO)
    count = Counter(kind_of(obj) for obj in objects)
    assert count["Node"] == 12
    for kind in (
        "Ingress",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "PriorityClass",
        "StorageClass",
        "ResourceQuota",
        "LimitRange",
        "StatefulSet",
        "CustomResourceDefinition",
        "Lease",
    ):
        assert count[kind] >= 1, kind
    assert count["CronJob"] == 3
    assert count["InvoiceTemplate"] == 2
    jobs = [o["status"] for o in objects if kind_of(o) == "Job"]
    assert {bool(job.get("completionTime")) for job in jobs} == {True, False}
    policies = [o["spec"] for o in objects if kind_of(o) == "NetworkPolicy"]
    ports = [p for spec in policies for rule in spec.get("ingress", ()) for p in rule.get("ports", ())]
    assert any(isinstance(port["port"], str) for port in ports)
    assert any("endPort" in port for port in ports)
    types = {o["type"] for o in objects if kind_of(o) == "Secret"}
    assert types == {"Opaque", "kubernetes.io/tls", "kubernetes.io/service-account-token"}
    balancers = [o for o in objects if kind_of(o) == "Service" and o["spec"]["type"] == "LoadBalancer"]
    assert all(o["status"]["loadBalancer"]["ingress"] for o in balancers)
    assert balancers
    literals = next(o for o in objects if kind_of(o) == "ConfigMap" and name_of(o) == "shop-settings")
    assert "10.96.44.12" in literals["data"].values()
    lease = next(o for o in objects if kind_of(o) == "Lease" and name_of(o) == "billing-worker")
    holder = lease["spec"]["holderIdentity"].partition("_")[0]
    assert any(kind_of(o) == "Pod" and name_of(o) == holder for o in objects)
