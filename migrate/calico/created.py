"""What a running Calico writes by itself, as values: the objects of its startup, its marks on nodes and pods.

The shapes are those that Calico v3.32.1 wrote on real clusters, in the group crd.projectcalico.org or, with native
CRDs, projectcalico.org (`Dialect`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from migrate.calico.ipam import Block, Range, block_spec
from migrate.calico.pools import CRD_V1, V3
from migrate.model.objects import Object, annotations_of, dig, labels_of, metadata_of

METADATA = "projectcalico.org/metadata"
LAST_RESORT_RANGE = "192.168.0.0/16"
"""The default pool's range where neither the environment nor kubeadm names one."""

POD_HANDLE = "k8s-pod-network."
IS_UP = {"status": "False", "reason": "CalicoIsUp", "message": "Calico is running on this node"}

TIERS: tuple[tuple[str, int, str], ...] = (
    ("default", 1_000_000, "Deny"),
    ("kube-admin", 1_000, "Pass"),
    ("kube-baseline", 10_000_000, "Pass"),
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """In which API Calico keeps its objects; with native v3 CRDs three shapes differ."""

    native: bool = False

    @property
    def api_version(self) -> str:
        """The apiVersion of every object."""
        return V3 if self.native else CRD_V1

    @property
    def ipam_config_kind(self) -> str:
        """The kind of IPAM's configuration."""
        return "IPAMConfiguration" if self.native else "IPAMConfig"

    def made(
        self,
        kind: str,
        name: str,
        spec: Mapping[str, Any],
        *,
        at: str | None,
        labels: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """An object as Calico creates it; `at` is None for IPAM's own, which carry no time."""
        metadata: dict[str, Any] = {"name": name}
        if labels:
            metadata["labels"] = dict(labels)
        if not self.native:
            view = {"creationTimestamp": at} | ({"labels": dict(labels)} if labels else {})
            metadata["annotations"] = {METADATA: json.dumps(view, separators=(",", ":"))}
        return {"apiVersion": self.api_version, "kind": kind, "metadata": metadata, "spec": dict(spec)}


@dataclass(frozen=True, slots=True)
class Startup:
    """What calico-node's startup knows when it makes the first objects; `at` is the time, `guid` 32 digits."""

    version: str
    cluster_type: str
    guid: str
    at: str


def startup_objects(dialect: Dialect, startup: Startup) -> list[dict[str, Any]]:
    """The objects that the first calico-node makes where they do not stand yet; pools are not among them."""
    cluster = {
        "calicoVersion": startup.version,
        "clusterGUID": startup.guid,
        "clusterType": startup.cluster_type,
        "datastoreReady": True,
    }
    felix = {
        "bpfConnectTimeLoadBalancing": "TCP",
        "bpfHostNetworkedNATWithoutCTLB": "Enabled",
        "bpfLogLevel": "",
        "floatingIPs": "Disabled",
        "logSeverityScreen": "Info",
        "nftablesMode": "Auto",
        "reportingInterval": "0s",
    }
    bgp = {"logSeverityScreen": "Info", "serviceLoadBalancerAggregation": "Enabled"}
    at = startup.at
    return [
        dialect.made("ClusterInformation", "default", cluster, at=at),
        dialect.made("FelixConfiguration", "default", felix, at=at),
        *(
            dialect.made("Tier", name, {"defaultAction": action, "order": order}, at=at)
            for name, order, action in TIERS
        ),
        dialect.made("BGPConfiguration", "default", bgp, at=at),
    ]


def default_pool(dialect: Dialect, env: Mapping[str, str], pod_subnet: str, at: str) -> dict[str, Any] | None:
    """The pool that calico-node makes where none stands; None where NO_DEFAULT_POOLS says not to.

    A dual-stack podSubnet gives its IPv4 part; an IPv6 pool is not made here.
    """
    if env.get("NO_DEFAULT_POOLS", "").lower() == "true":
        return None
    parts = [part.strip() for part in pod_subnet.split(",") if part.strip() and ":" not in part]
    cidr = env.get("CALICO_IPV4POOL_CIDR") or (parts[0] if parts else LAST_RESORT_RANGE)
    if cidr == "none":
        return None
    vxlan = env.get("CALICO_IPV4POOL_VXLAN", "Never")
    spec = {
        "allowedUses": ["Workload", "Tunnel"],
        "assignmentMode": "Automatic",
        "blockSize": int(env.get("CALICO_IPV4POOL_BLOCK_SIZE", "26")),
        "cidr": str(ip_network(cidr)),
        "ipipMode": env.get("CALICO_IPV4POOL_IPIP", "Never" if vxlan != "Never" else "Always"),
        "natOutgoing": env.get("CALICO_IPV4POOL_NAT_OUTGOING", "true").lower() == "true",
        "nodeSelector": env.get("CALICO_IPV4POOL_NODE_SELECTOR", "all()"),
        "vxlanMode": vxlan,
    }
    return dialect.made("IPPool", "default-ipv4-ippool", spec, at=at)


def ipam_config(dialect: Dialect) -> dict[str, Any]:
    """IPAM's configuration, made with the first address."""
    spec = {"autoAllocateBlocks": True, "kubeVirtVMAddressPersistence": "Enabled", "strictAffinity": False}
    return dialect.made(dialect.ipam_config_kind, "default", spec, at=None)


def controllers_config(dialect: Dialect, at: str) -> dict[str, Any]:
    """KubeControllersConfiguration as kube-controllers makes it, its status included."""
    five = {"reconcilerPeriod": "5m0s"}
    host_endpoint = {"autoCreate": "Disabled", "createDefaultHostEndpoint": "Enabled"}
    node = {"hostEndpoint": host_endpoint, "leakGracePeriod": "15m0s"}
    load_balancer = {"assignIPs": "AllServices"}
    migration = {"enabled": "Enabled"}
    common = {"etcdV3CompactionPeriod": "10m0s", "healthChecks": "Enabled", "logSeverityScreen": "Info"}
    spec = {
        "controllers": {
            "loadBalancer": load_balancer,
            "namespace": five,
            "node": node | five | {"syncLabels": "Enabled"},
            "policy": five,
            "policyMigration": migration,
            "serviceAccount": five,
            "workloadEndpoint": five,
        },
        "prometheusMetricsPort": 9094,
        **common,
    }
    running = {
        "controllers": {
            "loadBalancer": load_balancer,
            "node": node | {"syncLabels": "Disabled"},
            "policyMigration": migration,
        },
        **common,
    }
    made = dialect.made("KubeControllersConfiguration", "default", spec, at=at)
    environment = {"DATASTORE_TYPE": "kubernetes", "ENABLED_CONTROLLERS": "node,loadbalancer"}
    return made | {"status": {"environmentVars": environment, "runningConfig": running}}


def cidr_name(cidr: Range) -> str:
    """A range as part of a name: 10.50.56.64/26 is 10-50-56-64-26."""
    return str(cidr).replace(".", "-").replace(":", "-").replace("/", "-")


def affinity_name(node: str, cidr: Range) -> str:
    """A BlockAffinity's name; a long node name is cut and hashed, so that 253 characters are not passed."""
    name = f"{node}-{cidr_name(cidr)}"
    if len(name) < 253:
        return name
    part = cidr_name(cidr)
    digest = hashlib.sha256(f"{node}+{part}".encode()).hexdigest()[:11]
    return f"{node[: 252 - len(part) - 13]}-{part}-{digest}"


def affinity(dialect: Dialect, node: str, cidr: Range) -> dict[str, Any]:
    """A confirmed BlockAffinity. `deleted` is text in v1 and a boolean in v3."""
    hashed = base64.b32encode(hashlib.sha3_256(node.encode()).digest()).decode().rstrip("=")
    labels = {
        "projectcalico.org/affinity-type": "host",
        "projectcalico.org/hostname-hash": hashed,
        "projectcalico.org/ip-version": str(cidr.version),
    }
    deleted: object = False if dialect.native else "false"
    spec = {"cidr": str(cidr), "deleted": deleted, "node": node, "state": "confirmed", "type": "host"}
    return dialect.made("BlockAffinity", affinity_name(node, cidr), spec, at=None, labels=labels)


def block_object(dialect: Dialect, block: Block) -> dict[str, Any]:
    """An IPAMBlock."""
    return dialect.made("IPAMBlock", cidr_name(block.cidr), block_spec(block), at=None)


def handle_object(dialect: Dialect, handle: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """An IPAMHandle; `counts` says how many addresses it has in each block."""
    spec = {"block": dict(counts), "deleted": False, "handleID": handle}
    return dialect.made("IPAMHandle", handle.lower(), spec, at=None)


def container_id(pod: Object) -> str:
    """The id of a pod's sandbox: as annotated, else one that follows from the pod's uid (64 hexadecimal digits)."""
    annotated = annotations_of(pod).get("cni.projectcalico.org/containerID")
    return annotated or hashlib.sha256(str(metadata_of(pod).get("uid", "")).encode()).hexdigest()


def pod_marks(pod: Object, address: str) -> dict[str, str]:
    """The annotations that the CNI plugin leaves on a pod; an empty address is what a failed request leaves."""
    if not address:
        return {"cni.projectcalico.org/podIP": "", "cni.projectcalico.org/podIPs": ""}
    return {
        "cni.projectcalico.org/containerID": container_id(pod),
        "cni.projectcalico.org/podIP": f"{address}/32",
        "cni.projectcalico.org/podIPs": f"{address}/32",
    }


def node_marks(node: Object, tunnels: Mapping[str, str]) -> dict[str, str]:
    """The annotations of a node that runs calico-node; `tunnels` maps "vxlan" and "ipip" to their addresses.

    The prefix length is that of the node's interface, which no API object tells: /24 stands for it.
    """
    found: Sequence[Mapping[str, str]] = dig(node, "status", "addresses", default=None) or ()
    address = next((a["address"] for a in found if a.get("type") == "InternalIP"), "")
    marks = {f"projectcalico.org/{TUNNELS[kind][0]}": given for kind, given in tunnels.items()}
    if address and "." in address:
        marks["projectcalico.org/IPv4Address"] = f"{address}/24"
        interfaces = [{"name": "eth0", "addresses": [address]}]
        marks["projectcalico.org/Interfaces"] = json.dumps(interfaces, separators=(",", ":"))
    return marks


TUNNELS: Mapping[str, tuple[str, str, str]] = {
    "vxlan": ("IPv4VXLANTunnelAddr", "vxlan-tunnel-addr-", "vxlanTunnelAddress"),
    "ipip": ("IPv4IPIPTunnelAddr", "ipip-tunnel-addr-", "ipipTunnelAddress"),
}
"""By encapsulation: the node's annotation, the handle's prefix, the type that IPAM notes."""


def node_conditions(node: Object, at: str) -> list[dict[str, Any]] | None:
    """The node's conditions once calico-node runs there; None where they stand so already.

    A kubelet that has waited for a CNI configuration becomes Ready with it.
    """
    before: list[Mapping[str, Any]] = list(dig(node, "status", "conditions", default=None) or ())
    after = [dict(found) for found in before if found.get("type") != "NetworkUnavailable"]
    standing = next((found for found in before if found.get("type") == "NetworkUnavailable"), {})
    changed = any(standing.get(key) != value for key, value in IS_UP.items())
    up = dict(standing) if not changed else {
        "type": "NetworkUnavailable", "lastHeartbeatTime": at, "lastTransitionTime": at, **IS_UP
    }  # fmt: skip
    for found in after:
        if found.get("type") == "Ready" and "cni plugin not initialized" in str(found.get("message", "")):
            found.update(
                status="True",
                reason="KubeletReady",
                message="kubelet is posting ready status",
                lastTransitionTime=at,
            )
            changed = True
    return [up, *after] if changed else None


def daemon_status(daemon: Object, wanted: int, ready: int) -> dict[str, Any]:
    """A DaemonSet's status with that many pods wanted and ready, all of the current generation."""
    status = {
        "currentNumberScheduled": wanted,
        "desiredNumberScheduled": wanted,
        "numberAvailable": ready,
        "numberMisscheduled": 0,
        "numberReady": ready,
        "observedGeneration": int(metadata_of(daemon).get("generation") or 1),
        "updatedNumberScheduled": wanted,
    }
    return status | ({"numberUnavailable": wanted - ready} if ready < wanted else {})


def tigera_conditions(waiting: str, before: Sequence[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """The conditions of a TigeraStatus; `waiting` says what is not ready yet, empty where all is.

    The transition time stays while a condition's status does.
    """
    words = ("AllObjectsAvailable", "All objects available")
    available, progressing = ("False", "True") if waiting else ("True", "False")
    rows = (
        ("Available", available, *(("NotAvailable", "Not Available") if waiting else words)),
        ("Degraded", "False", *(("NotAvailable", "Not Available") if waiting else words)),
        ("Progressing", progressing, *(("ResourceNotReady", waiting) if waiting else words)),
    )
    known = {found.get("type"): found for found in before}
    conditions = []
    for kind, status, reason, message in rows:
        same = known.get(kind, {}).get("status") == status
        since = known[kind].get("lastTransitionTime", at) if same else at
        conditions.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": since,
            }
        )
    return conditions


def selects(daemon: Object, node: Object) -> bool:
    """Whether a DaemonSet's nodeSelector fits a node; calico-node tolerates every taint."""
    wanted: Mapping[str, str] = dig(daemon, "spec", "template", "spec", "nodeSelector", default=None) or {}
    return all(labels_of(node).get(key) == value for key, value in wanted.items())
