"""Which lists of built-in kinds server-side apply merges, and by which keys; every other list is atomic.

Source: the `x-kubernetes-list-type` markers of the published OpenAPI of Kubernetes v1.35. Custom resources have no
entry: without a schema at hand their lists are atomic, as the real server treats them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

SET = ("",)
"""The keys of a list of scalars that is merged as a set."""

DEFAULTS = {"protocol": "TCP"}
"""What a missing list key stands for."""


@dataclass(slots=True)
class Node:
    """One place in an object: `keys` for a list that is merged, `atomic` for a map or list that is one value."""

    keys: tuple[str, ...] = ()
    atomic: bool = False
    children: dict[str, Node] = field(default_factory=dict)

    def child(self, name: str) -> Node:
        """What is known of a field below; `*` stands for any name, an unknown field for a plain one."""
        return self.children.get(name) or self.children.get("*") or UNKNOWN


UNKNOWN = Node()

_CONTAINER = {
    "env": ("name",),
    "env/*/valueFrom/configMapKeyRef": "atomic",
    "env/*/valueFrom/fieldRef": "atomic",
    "env/*/valueFrom/fileKeyRef": "atomic",
    "env/*/valueFrom/resourceFieldRef": "atomic",
    "env/*/valueFrom/secretKeyRef": "atomic",
    "ports": ("containerPort", "protocol"),
    "resources/claims": ("name",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
}

_POD: dict[str, object] = {
    **{
        f"{containers}/*/{path}": how
        for containers in ("containers", "initContainers", "ephemeralContainers")
        for path, how in _CONTAINER.items()
    },
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "nodeSelector": "atomic",
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "topologySpreadConstraints/*/labelSelector": "atomic",
    "volumes": ("name",),
}

_METADATA: dict[str, object] = {"finalizers": SET, "ownerReferences": ("uid",)}
_CONDITIONS: dict[str, object] = {"status/conditions": ("type",)}


def _below(prefix: str, paths: Mapping[str, object]) -> dict[str, object]:
    return {f"{prefix}/{path}": how for path, how in paths.items()}


_TEMPLATE = {**_below("spec/template/spec", _POD), **_below("spec/template/metadata", _METADATA)}
_WORKLOAD = {**_TEMPLATE, "spec/selector": "atomic", **_CONDITIONS}
_JOB = {**_below("spec/jobTemplate", {**_TEMPLATE, "spec/selector": "atomic"})}
_WEBHOOKS: dict[str, object] = {
    "webhooks": ("name",),
    "webhooks/*/matchConditions": ("name",),
    "webhooks/*/namespaceSelector": "atomic",
    "webhooks/*/objectSelector": "atomic",
}

_KINDS: dict[tuple[str, str], Mapping[str, object]] = {
    ("", "Pod"): {**_below("spec", _POD), **_CONDITIONS, "status/podIPs": ("ip",)},
    ("", "PodTemplate"): _below("template/spec", _POD),
    ("", "Service"): {"spec/ports": ("port", "protocol"), "spec/selector": "atomic", **_CONDITIONS},
    ("", "ReplicationController"): {**_TEMPLATE, "spec/selector": "atomic", **_CONDITIONS},
    ("", "ServiceAccount"): {"secrets": ("name",)},
    ("", "Node"): {"spec/podCIDRs": SET, "status/addresses": ("type",), **_CONDITIONS},
    ("", "Namespace"): _CONDITIONS,
    ("", "PersistentVolumeClaim"): {"spec/selector": "atomic", "spec/dataSource": "atomic", **_CONDITIONS},
    ("", "PersistentVolume"): {"spec/claimRef": "atomic", "spec/nodeAffinity/required": "atomic"},
    ("", "ConfigMap"): {},
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "ReplicaSet"): _WORKLOAD,
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "StatefulSet"): _WORKLOAD,
    ("batch", "Job"): {**_WORKLOAD, "status/conditions": "atomic"},
    ("batch", "CronJob"): _JOB,
    ("policy", "PodDisruptionBudget"): {"spec/selector": "atomic", **_CONDITIONS},
    ("networking.k8s.io", "NetworkPolicy"): {"spec/podSelector": "atomic"},
    ("networking.k8s.io", "Ingress"): {"spec/defaultBackend/resource": "atomic"},
    ("rbac.authorization.k8s.io", "ClusterRole"): {"aggregationRule/clusterRoleSelectors": "atomic"},
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): {"roleRef": "atomic"},
    ("rbac.authorization.k8s.io", "RoleBinding"): {"roleRef": "atomic"},
    ("storage.k8s.io", "CSINode"): {"spec/drivers": ("name",)},
    ("storage.k8s.io", "CSIDriver"): {"spec/volumeLifecycleModes": SET},
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("discovery.k8s.io", "EndpointSlice"): {"endpoints/*/addresses": SET},
    ("apiregistration.k8s.io", "APIService"): _CONDITIONS,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _CONDITIONS,
}


@cache
def keys_of(group: str, kind: str) -> Node:
    """What is known of a kind's lists and maps, as a tree from the object's root."""
    root = Node()
    for path, how in {**_below("metadata", _METADATA), **_KINDS.get((group, kind), {})}.items():
        node = root
        for part in path.split("/"):
            node = node.children.setdefault(part, Node())
        if how == "atomic":
            node.atomic = True
        elif isinstance(how, tuple):
            node.keys = how
    return root
