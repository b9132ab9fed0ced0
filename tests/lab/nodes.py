"""Nodes that no machine stands behind: kwok keeps them Ready and gives their pods addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from typing import Any

from tests.lab.build import kubernetes_version
from tests.lab.components import Spec
from tests.lab.errors import LabError

WIDEST_MASK = 24


def mask_size(spec: Spec) -> int:
    """Return the prefix length of one node's range: /24, or less where the pod CIDR would not hold two."""
    return max(WIDEST_MASK, min(IPv4Network(spec.pod_cidr).prefixlen + 2, 30))


def node_ranges(spec: Spec) -> list[IPv4Network]:
    """Return the range of pod addresses of each node, in order; an error names what does not fit."""
    pods, mask = IPv4Network(spec.pod_cidr), mask_size(spec)
    ranges = list(islice(pods.subnets(new_prefix=mask), spec.nodes)) if mask >= pods.prefixlen else []
    if len(ranges) < spec.nodes:
        raise LabError(f"pod CIDR {pods} holds {len(ranges)} ranges of /{mask}, {spec.nodes} nodes are asked")
    if spec.nodes >= IPv4Network(spec.node_cidr).num_addresses - 1:
        raise LabError(f"node CIDR {spec.node_cidr} is too small for {spec.nodes} nodes")
    return ranges


def node(spec: Spec, index: int, pods: IPv4Network) -> dict[str, Any]:
    """Compose one node, counted from 1.

    The range is set here and not left to the controller manager, as kwok takes it when it first sees the node.
    """
    name = f"{spec.name}-n{index}"
    address = IPv4Address(int(IPv4Network(spec.node_cidr).network_address) + index)
    resources = {"cpu": "32", "memory": "128Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"podCIDR": str(pods), "podCIDRs": [str(pods)]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": str(address)},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": resources,
            "capacity": resources,
            "nodeInfo": {"kubeletVersion": f"v{kubernetes_version()}"},
        },
    }


def is_ready(node: dict[str, Any]) -> bool:
    """Say whether a node calls itself Ready and may get pods."""
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    # Without taints: a new node carries not-ready until the controller manager has seen it Ready.
    return ready and not node.get("spec", {}).get("taints")
