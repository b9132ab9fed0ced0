"""Facts about a cluster: what was observed, and where from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class CniName(StrEnum):
    """CNIs that are recognised; the first three have a route to Calico."""

    WEAVE = "weave"
    FLANNEL = "flannel"
    CANAL = "canal"
    CALICO = "calico"
    CILIUM = "cilium"
    KUBE_ROUTER = "kube-router"
    ANTREA = "antrea"
    CONTIV = "contiv"
    KINDNET = "kindnet"
    OVN_KUBERNETES = "ovn-kubernetes"
    NSX_T = "nsx-t"
    AWS_VPC = "aws-vpc-cni"
    AZURE = "azure-cni"
    GKE = "gke"
    MULTUS = "multus"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cni:
    """One CNI as recognised: `evidence` lists what proves it, such as "DaemonSet kube-system/weave-net".

    `pod_cidrs` are the ranges that the CNI itself states; empty where only the nodes' podCIDRs say. `enforces_policy`
    is None where it cannot be told. `ready` of `desired` are the DaemonSet's pods. `residue` names the kinds and
    names of what belongs to the CNI itself and is never replayed (as `Ref.as_json` values).
    """

    name: CniName
    version: str = ""
    pod_cidrs: tuple[str, ...] = ()
    encapsulation: str = ""
    mtu: int | None = None
    encrypted: bool = False
    enforces_policy: bool | None = None
    ready: int = 0
    desired: int = 0
    evidence: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnRanges:
    """A cluster's own addresses, as CIDR and address texts: every range that some object states, in use or not.

    Wider than `ClusterFacts`, whose ranges are those that hold: what somebody wrote into a configuration may go by a
    range that another object states. `names` are those by which nodes are reached.
    """

    pods: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What assess knows of one cluster; ranges are CIDR texts, `sources` says which object stated each.

    `details` is JSON for documents: counts by kind, storage classes, ingress classes and the like.
    """

    name: str
    uid: str
    version: str
    nodes: int
    pods: int
    cnis: tuple[Cni, ...]
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    node_addresses: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def cni(self) -> Cni:
        """The CNI that runs the pods' network; one of name `unknown` where none was recognised."""
        return self.cnis[0] if self.cnis else Cni(CniName.UNKNOWN)


class Severity(StrEnum):
    """How much a finding weighs: a blocker stops the run with exit 30."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: `code` is stable, such as "RANGE-002"; `consequence` says what would happen, `remedy` what to do."""

    code: str
    severity: Severity
    title: str
    evidence: str
    consequence: str
    remedy: str
