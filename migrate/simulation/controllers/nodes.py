"""The nodes' side of a cluster: podCIDRs, capacity, and Ready once their pod network stands."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from migrate.model.objects import Object, dig
from migrate.simulation.controllers.context import Context, conditions_with, watching
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.view import Event, Key, Kinds

AGENTS = ("weave-net-", "kube-flannel-", "canal-", "calico-node-", "cilium-", "kube-router-", "antrea-agent-",
          "kindnet-", "ovnkube-node-", "aws-node-", "azure-cni-")  # fmt: skip
"""How the names of the pods begin that write a node's CNI configuration."""

NOT_READY = "node.kubernetes.io/not-ready"
_CAPACITY = {"cpu": "32", "memory": "128Gi", "ephemeral-storage": "200Gi", "pods": "250"}


class Nodes:
    """Plays the kubelet's node status and the node part of the controller-manager.

    A node that once was Ready stays so when the network's agent goes, as the real one does.
    """

    name = "nodes"
    watches = watching(Kinds.nodes, Kinds.pods)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Nodes themselves, and the node of an agent's pod."""
        del ctx
        if event.plural == "nodes":
            return () if event.deleted else (event.key,)
        if event.name.startswith(AGENTS):
            node = dig(event.obj, "spec", "nodeName")
            return (Key("", node),) if node else ()
        return ()

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Give a node what it lacks and turn it Ready when an agent runs on it."""
        node = ctx.view.get(Kinds.nodes, key.name)
        if node is None or node["metadata"].get("deletionTimestamp"):
            return
        if ctx.pod_cidr and not node["spec"].get("podCIDR"):
            cidr = _next_cidr(ctx)
            if cidr:
                ctx.patch(Kinds.nodes, node, {"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}})
        if not dig(node, "status", "allocatable"):
            ctx.status(Kinds.nodes, node, {"capacity": _CAPACITY, "allocatable": _CAPACITY})
        if ready(node):
            self._untaint(node, ctx)
            return
        if any(runs_network(pod) for pod in ctx.index.by_node.get(key.name, {}).values()):
            told = conditions_with(
                node, ctx.stamp, ("Ready", True, "KubeletReady", "kubelet is posting ready status")
            )
            ctx.status(Kinds.nodes, node, {"conditions": told})
        elif not any(c["type"] == "Ready" for c in dig(node, "status", "conditions", default=())):
            why = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
            told = conditions_with(node, ctx.stamp, ("Ready", False, "KubeletNotReady", why))
            ctx.status(Kinds.nodes, node, {"conditions": told})
            taints = [*(node["spec"].get("taints") or ()), {"key": NOT_READY, "effect": "NoSchedule"}]
            ctx.patch(Kinds.nodes, node, {"spec": {"taints": taints}})

    def _untaint(self, node: Object, ctx: Context) -> None:
        taints: list[dict[str, Any]] = list(node["spec"].get("taints") or ())
        kept = [taint for taint in taints if taint.get("key") != NOT_READY]
        if len(kept) != len(taints):
            ctx.patch(Kinds.nodes, node, {"spec": {"taints": kept or None}})


def ready(node: Object) -> bool:
    """Whether a node says that it is Ready."""
    conditions = dig(node, "status", "conditions", default=()) or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def runs_network(pod: Pod) -> bool:
    """Whether a pod is a running agent of a pod network."""
    return pod.key.name.startswith(AGENTS) and pod.host_network and pod.phase == "Running" and pod.ready


def _next_cidr(ctx: Context) -> str:
    """The first free /24 (or /64) of the cluster's range, as --allocate-node-cidrs gives them out."""
    network = ipaddress.ip_network(ctx.pod_cidr)
    length = max(24 if network.version == 4 else 64, network.prefixlen)
    taken = {node["spec"].get("podCIDR") for node in ctx.view.list(Kinds.nodes)}
    return next((str(cidr) for cidr in network.subnets(new_prefix=length) if str(cidr) not in taken), "")


def addresses_of(node: Object) -> str:
    """A node's InternalIP, empty where it has none."""
    for address in dig(node, "status", "addresses", default=()) or ():
        if address.get("type") == "InternalIP":
            return str(address["address"])
    return ""
