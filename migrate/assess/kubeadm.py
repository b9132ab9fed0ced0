"""What a cluster's control plane states about itself: kubeadm's and kube-proxy's ConfigMaps, static pods, k3s.

Where: kubeadm's constants (ConfigMaps kubeadm-config and kube-proxy in kube-system, the static pods' component label);
managed clusters have none of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from migrate.assess.workloads import containers
from migrate.model.inventory import Inventory
from migrate.model.objects import annotations_of, dig, labels_of
from migrate.replay.arguments import flag, flag_in

SYSTEM = "kube-system"
_K3S_ARGUMENTS = "k3s.io/node-args"


@dataclass(frozen=True, slots=True)
class KubeProxy:
    """How kube-proxy tells the pods' traffic from others'; `present` is False where its ConfigMap was not found."""

    present: bool = False
    mode: str = ""
    cluster_cidr: str = ""
    detect_local: str = ""

    @property
    def by_range(self) -> bool:
        """Whether clusterCIDR is what it goes by; ClusterCIDR is the default of detectLocalMode."""
        return self.present and self.detect_local in {"", "ClusterCIDR"}


def cluster_configuration(inventory: Inventory) -> Mapping[str, Any]:
    """The ClusterConfiguration that kubeadm uploaded; empty where there is none."""
    return _document(inventory, "kubeadm-config", "ClusterConfiguration")


def kube_proxy(inventory: Inventory) -> KubeProxy:
    """What kube-proxy's ConfigMap says."""
    found = _document(inventory, "kube-proxy", "config.conf")
    if not found:
        return KubeProxy()
    return KubeProxy(
        True,
        str(found.get("mode") or ""),
        str(found.get("clusterCIDR") or ""),
        str(found.get("detectLocalMode") or ""),
    )


def static_flag(inventory: Inventory, component: str, name: str) -> str:
    """A flag of a control plane component's static pod, such as kube-apiserver's; empty where neither is seen."""
    for pod in inventory.of("Pod"):
        if labels_of(pod).get("component") == component and labels_of(pod).get("tier") == "control-plane":
            for container in containers(pod):
                value = flag(container, name)
                if value is not None:
                    return value
    return ""


def k3s_flag(inventory: Inventory, name: str) -> str | None:
    """A server argument of k3s as its nodes' annotation records it; "" where k3s has its default, None without k3s."""
    found: str | None = None
    for node in inventory.of("Node"):
        if "+k3s" not in str(dig(node, "status", "nodeInfo", "kubeletVersion", default="")):
            continue
        found = found or ""
        try:
            arguments = json.loads(annotations_of(node).get(_K3S_ARGUMENTS, "[]"))
        except ValueError:
            continue
        if isinstance(arguments, list):
            found = flag_in([str(a) for a in arguments], name) or found
    return found


def _document(inventory: Inventory, name: str, key: str) -> Mapping[str, Any]:
    """The YAML text under a key of a ConfigMap of kube-system; empty where it is missing or unreadable."""
    text = dig(inventory.named("ConfigMap", name, SYSTEM), "data", key)
    if not isinstance(text, str):
        return {}
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return value if isinstance(value, Mapping) else {}
