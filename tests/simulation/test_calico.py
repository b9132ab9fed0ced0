"""The stand-in for a running Calico, against a cluster in memory and against what a real Calico wrote."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migrate.calico.documents import documents
from migrate.calico.manifests import Install, plan_install
from migrate.calico.pools import ip_pool
from migrate.calico.readiness import readiness
from migrate.calico.validation import validate
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.doors.reading import read_inventory
from migrate.errors import Unreachable
from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.model.migration import Network, Pool
from migrate.model.objects import Object, Resource, group_of, kind_of, name_of, namespace_of
from migrate.simulation.calico import StandIn, reconcile
from migrate.simulation.manifests import calico as published
from migrate.simulation.world import World
from tests.calico import memory
from tests.calico.memory import MemoryCluster, calico_node, calico_resources, kube_controllers, node, pod
from tests.lab.components import Spec
from tests.lab.fixtures import ControlPlaneFactory

GROUP = "crd.projectcalico.org"
POOL = Pool(name="default", cidr="10.109.0.0/16")
NOON = datetime(2026, 11, 22, 19, 57, 46, tzinfo=UTC)
VOLATILE = ("creationTimestamp", "generation", "resourceVersion", "uid")


def noon() -> datetime:
    return NOON


@pytest.fixture
def green() -> MemoryCluster:
    """Two nodes and Calico's manifests with one planned pool; nothing has run yet."""
    cluster = MemoryCluster(calico_resources(), memory.OPERATOR)
    for obj in (
        node("n1", "172.28.9.11", pod_cidr="10.109.0.0/24"),
        node("n2", "172.28.9.12", pod_cidr="10.109.1.0/24"),
        ip_pool(POOL),
        calico_node(),
        kube_controllers(),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}},
    ):
        cluster.put(obj)
    return cluster


def settle(cluster: MemoryCluster, **more: Any) -> None:
    """Reconcile until nothing is left to do."""
    for _ in range(10):
        if not reconcile(cluster, now=noon, **more):
            return
    pytest.fail("the stand-in never comes to rest")


def shape(value: Any) -> Any:
    """The keys of an object, all the way down; lists by their first member."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key not in VOLATILE}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_one_pass_brings_a_calico_up(green: MemoryCluster) -> None:
    """After it every readiness check passes, and the next pass writes nothing."""
    assert reconcile(green, now=noon)
    for definition in memory.crds():
        green.put(definition)
    verdicts = readiness(green.inventory(), [POOL], pods_run=True)
    assert [v for v in verdicts if not v.passed] == []
    written = len(green.writes)
    assert not reconcile(green, now=noon)
    assert len(green.writes) == written


def test_nothing_happens_before_the_definitions_are_served(green: MemoryCluster) -> None:
    """Discovery serves what is Established; a DaemonSet alone makes no Calico."""
    bare = MemoryCluster()
    for obj in green.of("Node") + green.of("DaemonSet"):
        bare.put(obj)
    assert not reconcile(bare, now=noon)
    assert bare.writes == []


def test_nothing_happens_before_calico_node_is_installed(green: MemoryCluster) -> None:
    """Definitions and pools alone bring nothing up."""
    green.drop("DaemonSet", "calico-node", "kube-system", "apps")
    assert not reconcile(green, now=noon)
    assert green.writes == []


def test_planned_pools_stay_the_only_ones(green: MemoryCluster) -> None:
    """With a pool that stands, or with NO_DEFAULT_POOLS, no default pool is made."""
    settle(green)
    assert [name_of(pool) for pool in green.of("IPPool")] == ["default"]
    green.drop("IPPool", "default", group=GROUP)
    settle(green)
    assert green.of("IPPool") == []


@pytest.mark.parametrize(
    ("env", "kubeadm", "expected"),
    [
        (
            {"CALICO_IPV4POOL_CIDR": "10.1.0.0/16", "CALICO_IPV4POOL_VXLAN": "Always"},
            "10.109.0.0/16",
            "10.1.0.0/16",
        ),
        ({}, "10.109.0.0/16", "10.109.0.0/16"),
        ({}, "fd00::/56,10.109.0.0/16", "10.109.0.0/16"),
        ({}, "", "192.168.0.0/16"),
    ],
)
def test_without_a_pool_calico_node_makes_its_own(
    green: MemoryCluster, env: dict[str, str], kubeadm: str, expected: str
) -> None:
    """The range comes from the environment, else from kubeadm's podSubnet, else it is 192.168.0.0/16."""
    green.drop("IPPool", "default", group=GROUP)
    green.put(calico_node(env))
    if kubeadm:
        text = f"networking:\n  podSubnet: {kubeadm}\n"
        metadata = {"name": "kubeadm-config", "namespace": "kube-system"}
        data = {"ClusterConfiguration": text}
        green.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    settle(green)
    (pool,) = green.of("IPPool")
    assert (name_of(pool), pool["spec"]["cidr"]) == ("default-ipv4-ippool", expected)
    assert pool["spec"]["vxlanMode" if env else "ipipMode"] == "Always"
    cluster_type = green.find("ClusterInformation", "default", group=GROUP)["spec"]["clusterType"]
    assert cluster_type == ("k8s,bgp,kubeadm,kdd" if kubeadm else "k8s,bgp,kdd")


def test_what_it_writes_has_the_shapes_of_a_real_calico(green: MemoryCluster, test_data: Path) -> None:
    """Kinds, names, fields and types are those that Calico v3.32.1 wrote on a real cluster."""
    green.put(pod("web", "n1", "10.109.0.5"))
    settle(green)
    real: dict[str, Object] = {}
    for path in sorted(
        (test_data / "calico-live" / "05-real-kubeadm-cluster").glob("*.crd.projectcalico.org.yaml")
    ):
        for obj in documents(path.read_text(encoding="utf-8"), source=path.name):
            if kind_of(obj) != "IPAMHandle" or name_of(obj).startswith("k8s-pod-network."):
                real.setdefault(f"{kind_of(obj)} {name_of(obj) if kind_of(obj) == 'Tier' else ''}", obj)
    ours = {
        f"{kind_of(o)} {name_of(o) if kind_of(o) == 'Tier' else ''}": o
        for k in real
        for o in green.of(k.split()[0])
    }
    assert set(ours) == set(real)
    del ours["IPPool "], real["IPPool "]  # planned by us and not made by the stand-in
    for key, obj in real.items():
        mine, theirs = shape(ours[key]), shape(obj)
        if kind_of(obj) in {"IPAMBlock", "IPAMHandle"}:  # keyed by addresses and ordinals
            for part in ("sequenceNumberForAllocation", "block", "allocations", "attributes"):
                assert (part in mine["spec"]) is (part in theirs["spec"])
                mine["spec"].pop(part, None), theirs["spec"].pop(part, None)
        assert mine == theirs, key
    for key in ("Tier default", "Tier kube-admin", "FelixConfiguration ", "BGPConfiguration ", "IPAMConfig "):
        assert ours[key]["spec"] == real[key]["spec"]
    assert ours["KubeControllersConfiguration "]["status"] == real["KubeControllersConfiguration "]["status"]
    assert all(validate(obj) == () for obj in ours.values())


def test_a_nodes_marks_are_those_of_a_real_one(green: MemoryCluster, test_data: Path) -> None:
    """Annotations and the NetworkUnavailable condition have the same keys and words."""
    settle(green)
    text = (test_data / "calico-live" / "05-real-kubeadm-cluster" / "nodes.yaml").read_text(encoding="utf-8")
    real, ours = documents(text)[0], green.find("Node", "n1")
    theirs = {key for key in real["metadata"]["annotations"] if key.startswith("projectcalico.org/")}
    assert set(ours["metadata"]["annotations"]) == theirs
    condition = {c["type"]: c for c in real["status"]["conditions"]}["NetworkUnavailable"]
    mine = ours["status"]["conditions"][0]
    assert set(mine) == set(condition)
    assert [mine[k] for k in ("type", "status", "reason", "message")] == [
        condition[k] for k in ("type", "status", "reason", "message")
    ]


def test_a_kubelet_that_waited_for_a_network_becomes_ready(green: MemoryCluster) -> None:
    """Ready follows the CNI configuration; other conditions are kept."""
    pressure = {"type": "DiskPressure", "status": "False"}
    green.find("Node", "n1")["status"]["conditions"].append(pressure)
    settle(green)
    found = {c["type"]: c for c in green.find("Node", "n1")["status"]["conditions"]}
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("True", "KubeletReady")
    assert found["DiskPressure"] == pressure


def test_each_node_spends_an_address_on_its_tunnel(green: MemoryCluster) -> None:
    """The annotation is an address of the node's own block, held by the tunnel's handle."""
    settle(green)
    for name in ("n1", "n2"):
        address = green.find("Node", name)["metadata"]["annotations"]["projectcalico.org/IPv4VXLANTunnelAddr"]
        (block,) = [b for b in green.of("IPAMBlock") if b["spec"]["affinity"] == f"host:{name}"]
        assert block["spec"]["cidr"].startswith(address)
        assert block["spec"]["attributes"][0]["handle_id"] == f"vxlan-tunnel-addr-{name}"


def test_an_ipip_pool_has_ipip_tunnels(green: MemoryCluster) -> None:
    """The tunnel follows the pool's encapsulation; without any there is none, and no block before a pod."""
    green.put(ip_pool(Pool(name="default", cidr="10.109.0.0/16", encapsulation="IPIP")))
    settle(green)
    assert "projectcalico.org/IPv4IPIPTunnelAddr" in green.find("Node", "n1")["metadata"]["annotations"]
    plain = MemoryCluster(calico_resources())
    for obj in (
        node("n1", "172.28.9.11"),
        ip_pool(POOL.model_copy(update={"encapsulation": "None"})),
        calico_node(),
    ):
        plain.put(obj)
    settle(plain)
    assert plain.of("IPAMBlock") == []


def test_a_pod_with_an_address_of_a_pool_is_in_ipam(green: MemoryCluster) -> None:
    """Allocation, handle and the pod's annotations agree; what has no such address is left alone."""
    green.put(pod("web", "n1", "10.109.0.5"))
    green.put(pod("elsewhere", "n1", "192.0.2.7"))
    green.put(pod("host", "n1", "10.109.0.6", spec={"hostNetwork": True}))
    settle(green)
    block = green.find("IPAMBlock", "10-109-0-0-26", group=GROUP)["spec"]
    assert [at for at, held in enumerate(block["allocations"]) if held is not None] == [5]
    assert block["attributes"][0]["secondary"] == {
        "namespace": "demo",
        "node": "n1",
        "pod": "web",
        "timestamp": "2026-11-22 19:58:16 +0000 UTC",
    }
    marks = green.find("Pod", "web", "demo")["metadata"]["annotations"]
    assert marks["cni.projectcalico.org/podIP"] == "10.109.0.5/32"
    handle = f"k8s-pod-network.{marks['cni.projectcalico.org/containerID']}"
    assert green.find("IPAMHandle", handle, group=GROUP)["spec"]["block"] == {"10.109.0.0/26": 1}
    assert "annotations" not in green.find("Pod", "elsewhere", "demo")["metadata"]


def test_a_pod_that_goes_frees_its_address(green: MemoryCluster) -> None:
    """Allocation and handle go with the pod, and the extra block with its last address."""
    green.put(pod("web", "n1", "10.109.0.5"))
    settle(green)
    handles = len(green.of("IPAMHandle"))
    green.drop("Pod", "web", "demo")
    settle(green)
    assert len(green.of("IPAMHandle")) == handles - 1
    assert "10-109-0-0-26" not in {name_of(b) for b in green.of("IPAMBlock")}
    assert len(green.of("BlockAffinity")) == 2


def test_an_address_of_another_nodes_block_is_borrowed(green: MemoryCluster) -> None:
    """The block keeps its node, and the holder says where the pod really runs."""
    green.put(pod("a", "n1", "10.109.0.5"))
    settle(green)
    green.put(pod("b", "n2", "10.109.0.6"))
    settle(green)
    block = green.find("IPAMBlock", "10-109-0-0-26", group=GROUP)["spec"]
    assert block["affinity"] == "host:n1"
    assert [a["secondary"]["node"] for a in block["attributes"]] == ["n1", "n2"]


def test_a_deleted_node_is_cleaned_up_after(green: MemoryCluster) -> None:
    """Its tunnel's address, block and affinity go."""
    settle(green)
    green.drop("Node", "n2")
    settle(green)
    assert {a["spec"]["node"] for a in green.of("BlockAffinity")} == {"n1"}
    assert [name_of(h) for h in green.of("IPAMHandle")] == ["vxlan-tunnel-addr-n1"]


def daemon_pod(green: MemoryCluster, on: str, ready: str = "True") -> dict[str, Any]:
    daemon = green.find("DaemonSet", "calico-node", "kube-system", "apps")
    owner = {"kind": "DaemonSet", "name": "calico-node", "uid": daemon["metadata"]["uid"], "controller": True}
    return pod(
        f"calico-node-{on}",
        on,
        namespace="kube-system",
        spec={"hostNetwork": True},
        metadata={"ownerReferences": [owner], "labels": {"k8s-app": "calico-node"}},
        conditions=[{"type": "Ready", "status": ready}],
    )


def test_where_a_controller_makes_pods_a_node_is_up_with_its_own(green: MemoryCluster) -> None:
    """Only the node whose calico-node is ready is brought up, and the controller keeps its DaemonSet's status."""
    green.put(daemon_pod(green, "n1"))
    green.put(daemon_pod(green, "n2", "False"))
    settle(green)
    assert "annotations" in green.find("Node", "n1")["metadata"]
    assert "annotations" not in green.find("Node", "n2")["metadata"]
    assert "status" not in green.find("DaemonSet", "calico-node", "kube-system", "apps")


def test_nothing_is_cleaned_up_while_calico_node_is_not_full(green: MemoryCluster) -> None:
    """Trap 1 is played as well: kube-controllers' feed waits for every calico-node, though one is up."""
    green.put(node("n3", "172.28.9.13"))
    settle(green)
    green.put(daemon_pod(green, "n1"))
    green.put(daemon_pod(green, "n3", "False"))
    green.drop("Node", "n2")
    settle(green)
    assert {a["spec"]["node"] for a in green.of("BlockAffinity")} == {"n1", "n2", "n3"}
    green.put(daemon_pod(green, "n3"))
    settle(green)
    assert {a["spec"]["node"] for a in green.of("BlockAffinity")} == {"n1", "n3"}


def test_a_controller_that_has_not_made_its_pods_yet_is_waited_for(green: MemoryCluster) -> None:
    """A status that a controller began means that its pods will come."""
    status = {"observedGeneration": 1, "desiredNumberScheduled": 2, "numberReady": 0}
    green.find("DaemonSet", "calico-node", "kube-system", "apps")["status"] = status
    assert not reconcile(green, now=noon)


def tiny(green: MemoryCluster, pods: int) -> None:
    """A namespace bound to a pool of two blocks of four addresses, and pods that want addresses of it."""
    green.put(ip_pool(Pool(name="tiny", cidr="10.77.0.0/29", block_size=30, namespaces=("demo",))))
    annotations = {"cni.projectcalico.org/ipv4pools": '["tiny"]'}
    metadata = {"name": "demo", "annotations": annotations}
    green.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for number in range(pods):
        green.put(pod(f"s{number}", "n1"))


def addresses(green: MemoryCluster) -> list[str]:
    marks = (p["metadata"].get("annotations", {}) for p in green.of("Pod"))
    return [m["cni.projectcalico.org/podIP"] for m in marks if m.get("cni.projectcalico.org/podIP")]


def test_pods_are_given_addresses_where_nothing_else_does(green: MemoryCluster) -> None:
    """The namespace's annotation names the pool and overrides its nodeSelector, as Calico's CNI plugin reads it."""
    tiny(green, 5)
    settle(green, give_addresses=True)
    given = addresses(green)
    assert len(set(given)) == 5
    assert all(address.startswith("10.77.0.") for address in given)


def test_without_being_asked_no_address_is_given(green: MemoryCluster) -> None:
    """On a real API server kwok gives addresses: pods without one are left alone."""
    tiny(green, 2)
    settle(green)
    assert addresses(green) == []


def test_an_exhausted_pool_leaves_an_event_in_calicos_words(green: MemoryCluster) -> None:
    """Eight addresses serve eight pods, the last ones borrowed; the ninth gets kubelet's event, once."""
    green.put(pod("other", "n2", "10.77.0.1"))
    tiny(green, 8)
    settle(green, give_addresses=True)
    assert len(set(addresses(green))) == 8  # one of them the other's
    (event,) = green.of("Event")
    assert event["reason"] == "FailedCreatePodSandBox"
    assert event["message"].endswith(
        'plugin type="calico" failed (add): failed to request IPv4 addresses: Assigned 0 out of 1 requested'
        " IPv4 addresses; No IPs available in pools: [10.77.0.0/29]"
    )
    blocks = [b["spec"] for b in green.of("IPAMBlock") if b["spec"]["cidr"].startswith("10.77.")]
    assert sorted(len(b["unallocated"]) for b in blocks) == [0, 0]


def test_native_v3_definitions_are_served_in_their_own_shapes() -> None:
    """Objects stand in projectcalico.org/v3, without the v1 view's annotation, and `deleted` is a boolean."""
    green = MemoryCluster(calico_resources(native=True))
    for obj in (node("n1", "172.28.9.11"), ip_pool(POOL, "projectcalico.org/v3"), calico_node()):
        green.put(obj)
    settle(green)
    (affinity,) = green.of("BlockAffinity")
    assert affinity["apiVersion"] == "projectcalico.org/v3"
    assert affinity["spec"]["deleted"] is False
    assert "annotations" not in affinity["metadata"]
    assert [kind_of(obj) for obj in green.of("IPAMConfiguration")] == ["IPAMConfiguration"]


def installation(pools: Any) -> dict[str, Any]:
    return {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": "default"},
        "spec": {"calicoNetwork": {} if pools is None else {"ipPools": pools}},
    }


@pytest.fixture
def operated() -> MemoryCluster:
    """Three nodes and an operator that runs."""
    cluster = MemoryCluster(calico_resources(), memory.OPERATOR)
    for number in (1, 2, 3):
        cluster.put(node(f"n{number}", f"172.28.9.{number}"))
    metadata = {"name": "tigera-operator", "namespace": "tigera-operator"}
    status = {"availableReplicas": 1}
    cluster.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "status": status})
    return cluster


def conditions(cluster: MemoryCluster, name: str = "calico") -> dict[str, str]:
    status = cluster.find("TigeraStatus", name, group="operator.tigera.io")["status"]
    return {c["type"]: c["status"] for c in status["conditions"]}


def test_an_installation_becomes_what_the_operator_makes_of_it(operated: MemoryCluster) -> None:
    """Namespace, workloads and the pools of the Installation; TigeraStatus follows the workloads."""
    pool = {"name": "default", "cidr": "10.109.0.0/16", "encapsulation": "VXLAN", "blockSize": 26}
    operated.put(installation([pool]))
    settle(operated)
    names = {name_of(obj) for kind in ("DaemonSet", "Deployment") for obj in operated.of(kind)}
    assert names == {"tigera-operator", "calico-node", "calico-typha", "calico-kube-controllers"}
    assert operated.find("Deployment", "calico-typha", "calico-system", "apps")["spec"]["replicas"] == 2
    assert operated.find("IPPool", "default", group=GROUP)["spec"] == ip_pool(POOL)["spec"]
    assert conditions(operated) == {"Available": "False", "Degraded": "False", "Progressing": "True"}
    for name in ("calico-typha", "calico-kube-controllers"):
        operated.find("Deployment", name, "calico-system", "apps").update(
            status={"availableReplicas": 1, "conditions": [{"type": "Available", "status": "True"}]}
        )
    settle(operated)
    assert conditions(operated) == {"Available": "True", "Degraded": "False", "Progressing": "False"}
    assert conditions(operated, "ippools")["Available"] == "True"
    for definition in memory.crds():
        operated.put(definition)
    assert [v for v in readiness(operated.inventory(), [POOL], pods_run=True) if not v.passed] == []


def test_an_installation_without_pools_has_one_of_the_operators(operated: MemoryCluster) -> None:
    """Where ipPools is missing the operator makes a pool of its own; an empty list means hands off."""
    operated.put(installation(None))
    settle(operated)
    (pool,) = operated.of("IPPool")
    assert (pool["spec"]["cidr"], pool["spec"]["ipipMode"]) == ("192.168.0.0/16", "Always")
    operated.drop("IPPool", name_of(pool), group=GROUP)
    operated.put(installation([]))
    settle(operated)
    assert operated.of("IPPool") == []


def test_an_operator_that_does_not_run_makes_nothing(operated: MemoryCluster) -> None:
    """An Installation is only a wish until the operator's pod is available."""
    operated.find("Deployment", "tigera-operator", "tigera-operator", "apps")["status"] = {}
    operated.put(installation([]))
    assert not reconcile(operated, now=noon)


def test_a_transition_time_stays_while_the_word_does(operated: MemoryCluster) -> None:
    """A later pass does not date conditions anew."""
    operated.put(installation([]))
    settle(operated)
    assert not reconcile(operated, now=lambda: NOON + timedelta(hours=1))


def test_the_thread_plays_on_and_ends(green: MemoryCluster) -> None:
    """A StandIn brings a cluster up by itself, and stops when it is left."""
    with StandIn(green, 0.01, now=noon) as stand_in:
        deadline = time.monotonic() + 10
        while not green.of("KubeControllersConfiguration") and time.monotonic() < deadline:
            time.sleep(0.01)
    assert green.of("KubeControllersConfiguration")
    assert stand_in.failures == []
    calls = green.requests()
    time.sleep(0.05)
    assert green.requests() == calls


class Shaky(MemoryCluster):
    """A server that is away for the first writes."""

    away = 3

    def write(self, write: Write) -> Object:
        if write.verb is Verb.CREATE and self.away:
            self.away -= 1
            raise Unreachable("away")
        return super().write(write)


def test_a_server_that_is_away_is_tried_again() -> None:
    """The thread keeps the failure for a test to look at, and goes on with the next pass."""
    shaky = Shaky(calico_resources())
    for obj in (node("n1", "172.28.9.11"), ip_pool(POOL), calico_node(), kube_controllers()):
        shaky.put(obj)
    with StandIn(shaky, 0.01, now=noon) as stand_in:
        deadline = time.monotonic() + 10
        while not shaky.of("KubeControllersConfiguration") and time.monotonic() < deadline:
            time.sleep(0.01)
    assert shaky.of("KubeControllersConfiguration")
    assert [str(failure) for failure in stand_in.failures] == ["away"] * 3


def test_quiet_passes_only_read(green: MemoryCluster) -> None:
    """When nothing has changed a pass costs a fixed number of reads, whatever the number of pods."""
    settle(green)
    before = green.requests()
    reconcile(green, now=noon)
    quiet = green.requests() - before
    for number in range(20):
        green.put(pod(f"p{number}", "n1", f"10.109.0.{number + 10}"))
    settle(green)
    before = green.requests()
    reconcile(green, now=noon)
    assert green.requests() - before == quiet < 20


def test_a_resource_is_named_once() -> None:
    """The kinds that a pass needs are looked up by group: another API's IPPool is none of ours."""
    other = MemoryCluster([Resource("example.org", "v1", "ippools", "IPPool", False)])
    other.put(calico_node())
    assert not reconcile(other, now=noon)


def applied(cluster: Cluster, install: Install, between: Callable[[], None]) -> None:
    """Write an installation group by group, as a person would with `kubectl apply --server-side`."""
    for group in install.groups:
        served = {(r.group, r.kind): r for r in cluster.resources()}
        for obj in group.objects:
            resource = served[group_of(obj), kind_of(obj)]
            cluster.write(Write(Verb.APPLY, resource, name_of(obj), namespace_of(obj), body=obj, force=True))
        between()


def test_it_plays_in_a_simulated_world_with_its_controllers(tmp_path: Path) -> None:
    """Installed on a made green, DaemonSets, kubelets and the stand-in together come to a ready Calico."""
    with World.create(tmp_path / "world.db") as world:
        world.provisioner(nodes=3, pod_cidr="10.48.0.0/14").create(60.0)
        world.settle()
        install = plan_install(published(), Network(), [])
        applied(world.cluster(Side.GREEN), install, world.settle)
        inventory = read_inventory(world.cluster(Side.GREEN))
    verdicts = readiness(inventory, install.pools, pods_run=True)
    assert [v for v in verdicts if not v.passed] == []
    assert "3 of 3 nodes" in {v.check: v.evidence for v in verdicts}["calico/node"]
    assert not verdicts[-1].evidence.startswith("no pod")


def test_it_plays_on_a_real_api_server(control_plane_factory: ControlPlaneFactory, test_data: Path) -> None:
    """Calico's published manifests on a real control plane with kwok's nodes: every check passes, pods are in IPAM."""
    plane = control_plane_factory(Spec("calico", pod_cidr="10.48.0.0/14", service_cidr="10.112.0.0/16"))
    if not plane.whole:
        pytest.skip("the lab has no controllers")
    text = (test_data / "manifests" / "calico-v3.32.1" / "calico-vxlan.yaml").read_text(encoding="utf-8")
    install = plan_install(documents(text), Network(), [])
    with (
        connect(plane.kubeconfig, None, Side.GREEN) as cluster,
        connect(plane.kubeconfig, None, Side.GREEN) as own,
    ):

        def established() -> None:
            needed = {("crd.projectcalico.org", kind) for kind in ("IPPool", "Tier", "IPAMBlock")}
            until("served", lambda: needed <= {(r.group, r.kind) for r in cluster.resources()})

        applied(cluster, install, established)
        with StandIn(own, 0.3) as stand_in:
            failed: list[str] = ["not asked yet"]

            def ready() -> bool:
                verdicts = readiness(read_inventory(cluster), install.pools, pods_run=True)
                failed[:] = [f"{v.check}: {v.evidence}" for v in verdicts if not v.passed]
                return not failed

            until("a ready Calico", ready, lambda: f"{failed}; {stand_in.failures}")
            inventory = read_inventory(cluster)
        assert inventory.named("KubeControllersConfiguration", "default", group=GROUP) is not None
        found = {v.check: v.evidence for v in readiness(inventory, install.pools)}
        assert "is ready on 3 of 3 nodes" in found["calico/node"]


def until(what: str, holds: Callable[[], bool], why: Callable[[], str] = str, within: float = 90.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"no {what} within {within:.0f} s: {why()}")
        time.sleep(0.3)
