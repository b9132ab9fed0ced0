"""Whether the Calico that stands works; each trap that misleads is a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from migrate.calico.documents import documents
from migrate.calico.leftovers import addresses, leftovers
from migrate.calico.pools import ip_pool
from migrate.calico.readiness import (
    blocks,
    crds,
    datastore,
    kube_controllers,
    node_daemon,
    nodes_up,
    operator,
    readiness,
)
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.migration import Pool
from migrate.model.objects import Object, Resource, group_of, kind_of, namespace_of
from migrate.model.verdict import Result, Verdict
from migrate.simulation.calico import reconcile
from tests.calico import memory
from tests.calico.memory import MemoryCluster, calico_node, calico_resources, node, pod
from tests.calico.memory import kube_controllers as controllers

POOL = Pool(name="default", cidr="10.109.0.0/16")


@pytest.fixture
def green() -> MemoryCluster:
    """Two nodes with a Calico that works."""
    cluster = MemoryCluster(calico_resources(), memory.OPERATOR)
    for obj in (
        node("n1", "172.28.9.11"),
        node("n2", "172.28.9.12"),
        *memory.crds(),
        ip_pool(POOL),
        calico_node(),
        controllers(),
    ):
        cluster.put(obj)
    while reconcile(cluster):
        pass
    return cluster


def inventory(objects: Iterable[Object]) -> Inventory:
    resources: dict[tuple[str, str], Resource] = {}
    pairs = []
    for obj in objects:
        key = (group_of(obj), kind_of(obj))
        version = str(obj["apiVersion"]).rpartition("/")[2]
        plural = f"{kind_of(obj).lower()}s"
        found = resources.setdefault(key, Resource(key[0], version, plural, key[1], bool(namespace_of(obj))))
        pairs.append((found, obj))
    return inventory_of(pairs)


def recorded(test_data: Path, folder: str) -> Inventory:
    paths = sorted((test_data / "calico-live" / folder).glob("*.yaml"))
    return inventory(
        obj for path in paths for obj in documents(path.read_text(encoding="utf-8"), source=path.name)
    )


def failing(verdicts: Iterable[Verdict]) -> dict[str, Result]:
    return {v.check: v.result for v in verdicts if not v.passed}


def test_a_calico_that_works_passes_every_check(green: MemoryCluster) -> None:
    """All checks speak, and none of them with an empty evidence."""
    verdicts = readiness(green.inventory(), [POOL], pods_run=True)
    assert failing(verdicts) == {}
    assert [v.check for v in verdicts] == [
        "calico/crds",
        "calico/node",
        "calico/kube-controllers",
        "calico/datastore",
        "calico/nodes",
        "calico/pools/default",
        "calico/blocks",
        "calico/addresses",
    ]
    assert all(v.evidence for v in verdicts)


def test_an_empty_cluster_passes_nothing_but_its_emptiness() -> None:
    """Where there is nothing, nothing is ready: only what could be in the way is rightly absent."""
    verdicts = readiness(Inventory((), {}), [POOL])
    assert {v.check for v in verdicts if v.passed} == {"calico/leftovers", "calico/addresses"}


def test_a_real_cluster_passes(test_data: Path) -> None:
    """A recorded kubeadm cluster with Calico is ready; its definitions were not recorded with it."""
    planned = Pool(name="default-ipv4-ippool", cidr="10.109.0.0/16")
    verdicts = readiness(recorded(test_data, "05-real-kubeadm-cluster"), [planned], pods_run=True)
    assert failing(verdicts) == {"calico/crds": Result.FAIL}
    assert "7 addresses of pods are known to IPAM" in verdicts[-1].evidence


@pytest.mark.parametrize(("drop", "words"), [(False, "not Established: tiers."), (True, "missing: tiers.")])
def test_definitions_must_be_established(green: MemoryCluster, drop: bool, words: str) -> None:
    """A definition that was written but is not served yet is named."""
    name, group = "tiers.crd.projectcalico.org", "apiextensions.k8s.io"
    if drop:
        green.drop("CustomResourceDefinition", name, group=group)
    else:
        definition = green.find("CustomResourceDefinition", name, group=group)
        definition["status"]["conditions"][0]["status"] = "False"
    verdict = crds(green.inventory())
    assert verdict.result is Result.FAIL
    assert words in verdict.evidence


def test_native_definitions_count_as_well() -> None:
    """With native v3 CRDs the same kinds stand in projectcalico.org (trap 5)."""
    assert crds(inventory(memory.crds("projectcalico.org"))).passed


def status(green: MemoryCluster, **values: int) -> Inventory:
    daemon = green.find("DaemonSet", "calico-node", "kube-system", "apps")
    daemon["status"].update(values)
    return green.inventory()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"numberReady": 1}, "1 of 2 are ready"),
        ({"numberAvailable": 1}, "1 of 2 are available"),
        ({"updatedNumberScheduled": 0}, "0 of 2 are up to date"),
        ({"currentNumberScheduled": 1}, "1 of 2 are scheduled"),
        ({"numberMisscheduled": 1}, "1 run where they should not"),
        ({"observedGeneration": 0}, "has not been seen by the controller yet"),
        ({"desiredNumberScheduled": 0}, "no pod of it is scheduled"),
        ({"desiredNumberScheduled": 1}, "wanted on 1, and 2 nodes can run it"),
    ],
)
def test_calico_node_must_be_ready_on_every_node(
    green: MemoryCluster, values: dict[str, int], words: str
) -> None:
    """Each number of the DaemonSet's status can be the one that is short."""
    verdict = node_daemon(status(green, **values))
    assert verdict.result is Result.FAIL
    assert words in verdict.evidence
    assert "kube-system" in verdict.remedy


def test_the_node_that_is_not_ready_is_named(green: MemoryCluster) -> None:
    """Where pods are listed, the nodes without a ready one are said."""
    for name, ready in (("n1", "True"), ("n2", "False")):
        labels = {"labels": {"k8s-app": "calico-node"}}
        conditions = [{"type": "Ready", "status": ready}]
        green.put(
            pod(f"calico-node-{name}", name, namespace="kube-system", metadata=labels, conditions=conditions)
        )
    assert "not ready on n2" in node_daemon(status(green, numberReady=1)).evidence


def test_a_windows_node_is_not_waited_for(green: MemoryCluster) -> None:
    """Nodes that the DaemonSet does not select neither run it nor must be up."""
    green.put(node("w1", "172.28.9.13", **{"kubernetes.io/os": "windows"}))
    assert failing(readiness(green.inventory(), [POOL], pods_run=True)) == {}


def test_kube_controllers_that_are_ready_may_still_wait(green: MemoryCluster) -> None:
    """Trap 1: Available says nothing while calico-node is not full: its feed waits, and nothing is cleaned up."""
    verdict = kube_controllers(status(green, numberReady=1, numberAvailable=1))
    assert verdict.result is Result.FAIL
    assert "its data feed waits for calico-node: 1 of 2 are ready" in verdict.evidence
    assert "rollout restart deployment/calico-kube-controllers" in verdict.remedy


def test_kube_controllers_that_clean_nothing_up_are_found(green: MemoryCluster) -> None:
    """Trap 1, seen from its effect: a deleted node's block still stands though everything is Ready."""
    green.drop("Node", "n2")
    verdict = kube_controllers(status(green, desiredNumberScheduled=1))
    assert verdict.result is Result.FAIL
    assert "blocks of nodes that are gone still stand" in verdict.evidence
    assert "of n2" in verdict.evidence


def test_kube_controllers_that_started_first_are_told(green: MemoryCluster) -> None:
    """They go on by themselves once calico-node is full; from when is said."""
    for name, app, at in (("c", "calico-kube-controllers", "09:00:00"), ("d", "calico-node", "09:05:00")):
        green.put(
            pod(
                name,
                "n1",
                namespace="kube-system",
                metadata={"labels": {"k8s-app": app}},
                startTime=f"2026-11-22T{at}Z",
                conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": f"2026-11-22T{at}Z"}],
            )
        )
    verdict = kube_controllers(green.inventory())
    assert verdict.passed
    assert "it started at 2026-11-22T09:00:00Z" in verdict.evidence
    assert "only once calico-node was ready everywhere, at 2026-11-22T09:05:00Z" in verdict.evidence


def test_kube_controllers_must_be_there_and_available(green: MemoryCluster) -> None:
    """A Deployment that is not Available, and none at all."""
    green.put(controllers(available=False))
    assert "is not Available" in kube_controllers(green.inventory()).evidence
    green.drop("Deployment", "calico-kube-controllers", "kube-system", "apps")
    assert "there is no Deployment" in kube_controllers(green.inventory()).evidence


def tigera(**conditions: str) -> dict[str, Any]:
    return {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "TigeraStatus",
        "metadata": {"name": "calico"},
        "status": {
            "conditions": [{"type": k, "status": v, "message": f"{k}!"} for k, v in conditions.items()]
        },
    }


INSTALLATION = {
    "apiVersion": "operator.tigera.io/v1",
    "kind": "Installation",
    "metadata": {"name": "default"},
}


@pytest.mark.parametrize(
    ("conditions", "result", "words"),
    [
        ({"Available": "True", "Progressing": "False", "Degraded": "False"}, Result.PASS, "is Available"),
        ({"Available": "True", "Progressing": "True"}, Result.INCONCLUSIVE, "Progressing!"),
        (
            {"Available": "False", "Progressing": "True"},
            Result.INCONCLUSIVE,
            "is not Available yet: Progressing!",
        ),
        ({"Available": "True", "Degraded": "True"}, Result.FAIL, "is Degraded"),
        ({}, Result.INCONCLUSIVE, "is not Available yet"),
    ],
)
def test_the_operators_word_is_heard(conditions: dict[str, str], result: Result, words: str) -> None:
    """Available, Progressing and Degraded, in the weight that they have."""
    (verdict,) = operator(inventory([INSTALLATION, tigera(**conditions)]))
    assert verdict.result is result
    assert words in verdict.evidence


def test_an_operator_that_has_not_spoken_is_inconclusive() -> None:
    """An Installation without a TigeraStatus is no pass, and a manifest install is not asked."""
    (verdict,) = operator(inventory([INSTALLATION]))
    assert verdict.result is Result.INCONCLUSIVE
    assert operator(Inventory((), {})) == ()


def test_the_datastore_must_be_open(green: MemoryCluster) -> None:
    """A locked datastore lets no pod be networked."""
    info = green.find("ClusterInformation", "default", group="crd.projectcalico.org")
    info["spec"]["datastoreReady"] = False
    assert datastore(green.inventory()).result is Result.FAIL


def test_a_node_that_calico_took_down_is_named(green: MemoryCluster) -> None:
    """CalicoIsDown, and a condition of another CNI, are both no word of Calico's that it is up."""
    conditions = green.find("Node", "n2")["status"]["conditions"]
    conditions[0].update(status="True", reason="CalicoIsDown")
    assert "n2 (CalicoIsDown)" in nodes_up(green.inventory()).evidence
    conditions[0].update(status="False", reason="RouteCreated")
    assert "n2 (RouteCreated)" in nodes_up(green.inventory()).evidence


def test_a_node_without_a_block_is_named(green: MemoryCluster) -> None:
    """A pending affinity is none."""
    for affinity in green.of("BlockAffinity"):
        if affinity["spec"]["node"] == "n2":
            affinity["spec"]["state"] = "pending"
    assert blocks(green.inventory()).evidence == "no confirmed block on n2"


def test_blocks_are_asked_for_where_they_must_be(green: MemoryCluster) -> None:
    """Without encapsulation a node has no block before its first pod: then it is asked only if pods run."""
    plain = Pool(name="default", cidr="10.109.0.0/16", encapsulation="None")
    checks = [v.check for v in readiness(green.inventory(), [plain])]
    assert "calico/blocks" not in checks
    assert "calico/blocks" in [v.check for v in readiness(green.inventory(), [plain], pods_run=True)]


def test_an_uninstalled_calico_still_looks_up(test_data: Path) -> None:
    """Trap 2: after the manifests are deleted nodes say CalicoIsUp; the marks are found, and nothing passes by them."""
    left = recorded(test_data, "09-after-uninstall")
    (verdict,) = leftovers(left)
    assert verdict.result is Result.FAIL
    assert "gc-n1, gc-n2" in verdict.evidence
    assert nodes_up(left).result is Result.FAIL


def test_living_pods_of_an_earlier_calico_are_counted() -> None:
    """Trap 3 begins here: those pods keep addresses that a new Calico would give out again."""
    marked = node("n1", "172.28.9.11")
    marked["metadata"]["annotations"] = {"projectcalico.org/IPv4Address": "172.28.9.11/16"}
    (verdict,) = leftovers(inventory([marked, pod("old", "n1", "10.109.80.129")]))
    assert "pods that still have addresses (1): demo/old" in verdict.evidence


def test_a_fresh_cluster_has_no_leftovers() -> None:
    """Nodes that wait for a network carry no marks."""
    (verdict,) = leftovers(inventory([node("n1", "172.28.9.11")]))
    assert verdict.passed


def test_a_calico_over_living_pods_gives_addresses_out_twice(test_data: Path) -> None:
    """Trap 3 as recorded: the same four unknown addresses and two shared ones that `ipam check` finds."""
    verdict = addresses(recorded(test_data, "10-reinstalled-over-leftovers"))
    assert verdict.result is Result.FAIL
    assert (
        "2 addresses that two pods have: 10.109.80.129 of default/web-tvxgf and kube-system/"
        in verdict.evidence
    )
    assert (
        "4 addresses that pods have and IPAM does not know: 10.109.166.68 of default/web-zrbz5"
        in verdict.evidence
    )


def test_an_address_that_ipam_gave_to_another_pod_is_found(green: MemoryCluster) -> None:
    """One living pod has it, but under another's name."""
    green.put(pod("a", "n1", "10.109.7.7"))
    reconcile(green)
    assert addresses(green.inventory()).passed
    green.drop("Pod", "a", "demo")
    green.put(pod("b", "n1", "10.109.7.7"))
    verdict = addresses(green.inventory())
    assert "10.109.7.7 of demo/b, given to demo/a" in verdict.evidence


@pytest.mark.parametrize(
    "more",
    [
        {"spec": {"hostNetwork": True}},
        {"phase": "Succeeded"},
        {"metadata": {"deletionTimestamp": "2026-11-22T20:00:00Z"}},
    ],
)
def test_pods_that_hold_no_address_of_their_own_are_left_out(
    green: MemoryCluster, more: dict[str, Any]
) -> None:
    """Host pods, finished pods and those on their way out have no address that could be given out twice."""
    green.put(pod("x", "n1", "10.109.7.7", **more))
    assert addresses(green.inventory()).passed
