"""A small stand-in for Calico's published manifests, for simulated clusters that name none.

Same kinds, names and knobs as a manifest install of v3.32 (observed on a running one); the definitions have no
schema, the images never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrate.model.objects import Object

_CRD = "crd.projectcalico.org"
_CLUSTER = (
    "BGPConfiguration BGPFilter BGPPeer BlockAffinity CalicoNodeStatus ClusterInformation FelixConfiguration "
    "GlobalNetworkPolicy GlobalNetworkSet HostEndpoint IPAMBlock IPAMConfig IPAMHandle IPPool IPReservation "
    "KubeControllersConfiguration StagedGlobalNetworkPolicy Tier"
)
_NAMESPACED = "NetworkPolicy NetworkSet StagedKubernetesNetworkPolicy StagedNetworkPolicy"


def calico(version: str = "v3.32.1") -> tuple[Object, ...]:
    """The objects of a VXLAN manifest install, in the order of the published file."""
    accounts = ("calico-kube-controllers", "calico-node", "calico-cni-plugin")
    return (
        *(_named("v1", "ServiceAccount", name) for name in accounts),
        {**_named("v1", "ConfigMap", "calico-config"), "data": {"calico_backend": "vxlan", "veth_mtu": "0"}},
        *_definitions(),
        *(_role(name) for name in accounts),
        *(_binding(name) for name in accounts),
        _workload("DaemonSet", "calico-node", f"calico/node:{version}"),
        _workload("Deployment", "calico-kube-controllers", f"calico/kube-controllers:{version}"),
    )


def _named(api_version: str, kind: str, name: str, namespace: str = "kube-system") -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _definitions() -> Iterator[Object]:
    for scope, kinds in (("Cluster", _CLUSTER), ("Namespaced", _NAMESPACED)):
        for kind in kinds.split():
            plural = _plural(kind)
            version = {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
            names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
            spec = {"group": _CRD, "scope": scope, "names": names, "versions": [version]}
            yield {
                **_named("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{_CRD}", ""),
                "spec": spec,
            }


def _plural(kind: str) -> str:
    word = kind.lower()
    if word.endswith(("y",)):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _role(name: str) -> Object:
    rules = [{"apiGroups": [_CRD], "resources": ["*"], "verbs": ["get", "list", "watch", "create", "update"]}]
    return {**_named("rbac.authorization.k8s.io/v1", "ClusterRole", name, ""), "rules": rules}


def _binding(name: str) -> Object:
    return {
        **_named("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name, ""),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}],
    }


def _workload(kind: str, name: str, image: str) -> Object:
    labels = {"k8s-app": name}
    backend = {"configMapKeyRef": {"name": "calico-config", "key": "calico_backend"}}
    env: list[dict[str, Any]] = [
        {"name": "DATASTORE_TYPE", "value": "kubernetes"},
        {"name": "CALICO_NETWORKING_BACKEND", "valueFrom": backend},
        {"name": "CALICO_IPV4POOL_VXLAN", "value": "CrossSubnet"},
        {"name": "CALICO_IPV4POOL_IPIP", "value": "Never"},
    ]
    container = {"name": name, "image": image, "env": env if kind == "DaemonSet" else env[:1]}
    pod: dict[str, Any] = {
        "serviceAccountName": name,
        "containers": [container],
        "hostNetwork": kind == "DaemonSet",
    }
    pod["tolerations"] = [{"operator": "Exists"}]
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "Deployment":
        spec |= {"replicas": 1, "strategy": {"type": "Recreate"}}
    return {**_named("apps/v1", kind, name), "spec": spec}
