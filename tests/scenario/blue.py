"""A small blue on Weave: thirty objects with one of everything that a move treats in a way of its own."""

from __future__ import annotations

import base64
from typing import Any

import yaml

CANARY = "canary-7d1f-never-to-be-seen"
"""The value of blue's Secret: it must turn up nowhere but in the Secret itself."""

CANARY_SPELLINGS = (CANARY, base64.b64encode(CANARY.encode()).decode())

WORKER = ("back", "worker")
CRON = ("back", "nightly")
EVERY_MINUTE = "* * * * *"


def small_blue() -> str:
    """The whole cluster as YAML."""
    return yaml.safe_dump_all(_objects(), sort_keys=False)


def _objects() -> list[dict[str, Any]]:
    return [*_cluster(), *_shop(), *_back()]


def _named(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _cluster() -> list[dict[str, Any]]:
    networking = "networking:\n  podSubnet: 10.32.0.0/12\n  serviceSubnet: 10.96.0.0/12\n"
    node_info = {
        "kubeletVersion": "v1.34.4",
        "operatingSystem": "linux",
        "architecture": "amd64",
        "containerRuntimeVersion": "containerd://1.7.27",
        "kernelVersion": "6.1.0",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
    }
    nodes = []
    for number in (1, 2):
        address = {"type": "InternalIP", "address": f"192.0.2.{number}"}
        room = {"cpu": "8", "memory": "32Gi", "pods": "110"}
        status = {"nodeInfo": node_info, "addresses": [address], "capacity": room, "allocatable": room}
        nodes.append(_named("v1", "Node", f"blue-{number}", status=status))
    account = {"kind": "ServiceAccount", "name": "weave-net", "namespace": "kube-system"}
    rbac = "rbac.authorization.k8s.io"
    return [
        _named(
            "v1",
            "ConfigMap",
            "kubeadm-config",
            "kube-system",
            data={"ClusterConfiguration": f"kind: ClusterConfiguration\n{networking}"},
        ),
        *nodes,
        _named("v1", "ServiceAccount", "weave-net", "kube-system"),
        _named(
            f"{rbac}/v1",
            "ClusterRole",
            "weave-net",
            rules=[
                {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": ["get", "list"]}
            ],
        ),
        _named(
            f"{rbac}/v1",
            "ClusterRoleBinding",
            "weave-net",
            roleRef={"apiGroup": rbac, "kind": "ClusterRole", "name": "weave-net"},
            subjects=[account],
        ),
        _named("apps/v1", "DaemonSet", "weave-net", "kube-system", spec=_weave()),
        _named("storage.k8s.io/v1", "StorageClass", "disks", provisioner="csi.example.com"),
    ]


def _weave() -> dict[str, Any]:
    pod = {
        "hostNetwork": True,
        "serviceAccountName": "weave-net",
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {
                "name": "weave",
                "image": "weaveworks/weave-kube:2.8.1",
                "env": [{"name": "IPALLOC_RANGE", "value": "10.32.0.0/12"}],
            },
            {"name": "weave-npc", "image": "weaveworks/weave-npc:2.8.1"},
        ],
    }
    labels = {"name": "weave-net"}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}


def _deployment(
    name: str, namespace: str, *, replicas: int, strategy: str = "RollingUpdate", **pod: Any
) -> dict[str, Any]:
    labels = {"app": name}
    main: dict[str, Any] = {"name": "main", "image": f"example/{name}:1", **pod.pop("main", {})}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "strategy": {"type": strategy},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [main], **pod}},
    }
    return _named("apps/v1", "Deployment", name, namespace, spec=spec)


def _service(name: str, namespace: str, address: str, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
    return _named(
        "v1",
        "Service",
        name,
        namespace,
        spec={"selector": {"app": name}, "ports": ports, "clusterIP": address, **spec},
    )


def _shop() -> list[dict[str, Any]]:
    secret = _named(
        "v1",
        "Secret",
        "api-token",
        "shop",
        type="Opaque",
        data={"token": base64.b64encode(CANARY.encode()).decode()},
    )
    policy = {
        "podSelector": {"matchLabels": {"app": "api"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}],
    }
    return [
        _named("v1", "Namespace", "shop", status={"phase": "Active"}),
        _named("v1", "ServiceAccount", "web", "shop"),
        _named("v1", "ConfigMap", "web", "shop", data={"upstream": "http://api"}),
        secret,
        _deployment(
            "web",
            "shop",
            replicas=2,
            main={"envFrom": [{"configMapRef": {"name": "web"}}]},
            serviceAccountName="web",
        ),
        _service("web", "shop", "10.96.0.20", type="NodePort"),
        _deployment(
            "api",
            "shop",
            replicas=1,
            volumes=[{"name": "token", "secret": {"secretName": "api-token"}}],
        ),
        _service("api", "shop", "10.96.0.21"),
        _named("networking.k8s.io/v1", "NetworkPolicy", "api-from-web", "shop", spec=policy),
        _named(
            "policy/v1",
            "PodDisruptionBudget",
            "web",
            "shop",
            spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        ),
    ]


def _back() -> list[dict[str, Any]]:
    rbac = "rbac.authorization.k8s.io"
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "disks",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    cron_pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example/nightly:1"}]}
    return [
        _named("v1", "Namespace", "back", status={"phase": "Active"}),
        _named("v1", "ConfigMap", "worker", "back", data={"queue": "orders"}),
        _named("v1", "PersistentVolumeClaim", "work", "back", spec=claim),
        _deployment(
            WORKER[1],
            "back",
            replicas=1,
            strategy="Recreate",
            volumes=[{"name": "work", "persistentVolumeClaim": {"claimName": "work"}}],
        ),
        _named(
            "batch/v1",
            "CronJob",
            CRON[1],
            "back",
            spec={"schedule": EVERY_MINUTE, "jobTemplate": {"spec": {"template": {"spec": cron_pod}}}},
        ),
        _named(
            f"{rbac}/v1",
            "Role",
            "reader",
            "back",
            rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
        ),
        _named(
            f"{rbac}/v1",
            "RoleBinding",
            "reader",
            "back",
            roleRef={"apiGroup": rbac, "kind": "Role", "name": "reader"},
            subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": "back"}],
        ),
        _named(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "closed",
            "back",
            spec={"podSelector": {}, "policyTypes": ["Ingress"]},
        ),
    ]
