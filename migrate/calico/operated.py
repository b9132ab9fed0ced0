"""What the Tigera operator makes of an Installation: namespace, calico-node, typha, kube-controllers, pools.

The names are those of the operator v1.42 (its pkg/common and pkg/render); the pod templates hold what decides where
pods run and what others look at, not every mount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from migrate.calico.created import LAST_RESORT_RANGE, Dialect, cidr_name
from migrate.calico.pools import MODES
from migrate.model.objects import Object, dig

NAMESPACE = "calico-system"
VERSION = "v3.32.1"
"""The Calico that operator v1.42.3 installs; which one an operator brings is built into it and in no object."""


def workloads(nodes: int) -> list[dict[str, Any]]:
    """The namespace, its service accounts and its workloads; typha's replicas follow the number of nodes."""
    names = ("calico-node", "calico-kube-controllers", "calico-typha", "calico-cni-plugin")
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"name": NAMESPACE}},
        },
        *(_object("v1", "ServiceAccount", name) for name in names),
        _daemon(),
        _deployment("calico-typha", "typha", typha_replicas(nodes), host=True),
        _deployment("calico-kube-controllers", "kube-controllers", 1, host=False),
    ]


def typha_replicas(nodes: int) -> int:
    """How many Typhas the operator runs: 1 for up to 2 nodes, 2 for up to 4, then nodes/200 + 2, at least 3."""
    if nodes <= 2:
        return 1
    return 2 if nodes <= 4 else max(3, nodes // 200 + 2)


def pools(dialect: Dialect, installation: Object, pod_subnet: str, at: str) -> list[dict[str, Any]]:
    """The IPPools that the operator makes: those of the Installation; one default where it names none at all."""
    written: Sequence[Mapping[str, Any]] | None = dig(installation, "spec", "calicoNetwork", "ipPools")
    if written is None:
        first = next((part for part in pod_subnet.split(",") if part and ":" not in part), LAST_RESORT_RANGE)
        written = [{"name": "default-ipv4-ippool", "cidr": first.strip()}]
    return [
        dialect.made(
            "IPPool", pool.get("name") or cidr_name(ip_network(pool["cidr"])), _pool_spec(pool), at=at
        )
        for pool in written
    ]


def _pool_spec(pool: Mapping[str, Any]) -> dict[str, Any]:
    v6 = ":" in str(pool["cidr"])
    ipip, vxlan = MODES[pool.get("encapsulation") or ("None" if v6 else "IPIP")]
    spec = {
        "allowedUses": sorted(pool.get("allowedUses") or ["Workload", "Tunnel"], reverse=True),
        "assignmentMode": pool.get("assignmentMode") or "Automatic",
        "blockSize": pool.get("blockSize") or (122 if v6 else 26),
        "cidr": pool["cidr"],
        "ipipMode": ipip,
        "natOutgoing": (pool.get("natOutgoing") or "Enabled") == "Enabled",
        "nodeSelector": pool.get("nodeSelector") or "all()",
        "vxlanMode": vxlan,
    }
    return spec | ({"disableBGPExport": True} if pool.get("disableBGPExport") else {})


def _object(api_version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


def _template(name: str, image: str, env: Sequence[Mapping[str, str]], *, host: bool) -> dict[str, Any]:
    container = {
        "name": name,
        "image": f"quay.io/calico/{image}:{VERSION}",
        "imagePullPolicy": "IfNotPresent",
        "env": [dict(entry) for entry in env],
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "serviceAccountName": name,
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"effect": "NoSchedule", "operator": "Exists"},
            {"effect": "NoExecute", "operator": "Exists"},
        ],
    }
    if host:
        spec["hostNetwork"] = True
    return {"metadata": {"labels": {"k8s-app": name, "app.kubernetes.io/name": name}}, "spec": spec}


def _daemon() -> dict[str, Any]:
    env = [
        {"name": "DATASTORE_TYPE", "value": "kubernetes"},
        {"name": "CLUSTER_TYPE", "value": "k8s,operator"},
        {"name": "NO_DEFAULT_POOLS", "value": "true"},
    ]
    spec = {
        "selector": {"matchLabels": {"k8s-app": "calico-node"}},
        "template": _template("calico-node", "node", env, host=True),
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    }
    return _object("apps/v1", "DaemonSet", "calico-node") | {"spec": spec}


def _deployment(name: str, image: str, replicas: int, *, host: bool) -> dict[str, Any]:
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"k8s-app": name}},
        "strategy": {"type": "Recreate"} if replicas == 1 and not host else {"type": "RollingUpdate"},
        "template": _template(name, image, [{"name": "DATASTORE_TYPE", "value": "kubernetes"}], host=host),
    }
    return _object("apps/v1", "Deployment", name) | {"spec": spec}
