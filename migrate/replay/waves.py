"""Waves: what is written together, 1 to 12, with a checkpoint after each.

Inside a wave objects of one rank are independent; a rank waits for the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.objects import Object, Ref, dig
from migrate.replay import kinds
from migrate.replay.kinds import Kind


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave: its content in words, and what holds before the next begins."""

    number: int
    title: str
    gate: str


WAVES: tuple[Wave, ...] = (
    Wave(1, "Namespaces", "Active; default ServiceAccount and kube-root-ca.crt present"),
    Wave(2, "CustomResourceDefinitions", "Established, discovery read again"),
    Wave(3, "classes (priority, runtime, ingress, gateway, storage, snapshot), ClusterRoles", ""),
    Wave(4, "NetworkPolicies and Calico policies, LimitRanges, PodDisruptionBudgets", "before any pod"),
    Wave(5, "ServiceAccounts, then Secrets and ConfigMaps", ""),
    Wave(6, "Roles and bindings", ""),
    Wave(
        7,
        "static PersistentVolumes, PersistentVolumeClaims",
        "Bound, or waiting for the first consumer as their class says",
    ),
    Wave(8, "Services in inert form, hand-made Endpoints, parked Ingresses", ""),
    Wave(
        9,
        "webhook backends that may run, then mutating webhooks and APIServices",
        "backends Ready; APIServices Available, in the words of green's own condition",
    ),
    Wave(10, "custom resources, owners before children", ""),
    Wave(11, "workloads, all held", ""),
    Wave(
        12,
        "ResourceQuotas, admission policies, validating webhooks",
        "before the start each serving workload's first pod, and before any writer moves every other's, is taken by"
        " green's server in a dry run,"
        " with the containers that are injected on blue",
    ),
)

CALICO_GROUPS = frozenset({"crd.projectcalico.org", "projectcalico.org"})
CALICO_POLICIES = frozenset(
    {
        "Tier",
        "NetworkPolicy",
        "GlobalNetworkPolicy",
        "NetworkSet",
        "GlobalNetworkSet",
        "StagedNetworkPolicy",
        "StagedGlobalNetworkPolicy",
        "StagedKubernetesNetworkPolicy",
    }
)

_ADMISSION = "admissionregistration.k8s.io"

_WAVE_OF: Mapping[Kind, int] = {
    kinds.NAMESPACE: 1,
    kinds.DEFINITION: 2,
    ("scheduling.k8s.io", "PriorityClass"): 3,
    ("node.k8s.io", "RuntimeClass"): 3,
    ("networking.k8s.io", "IngressClass"): 3,
    ("gateway.networking.k8s.io", "GatewayClass"): 3,
    ("storage.k8s.io", "StorageClass"): 3,
    ("storage.k8s.io", "CSIDriver"): 3,
    ("storage.k8s.io", "VolumeAttributesClass"): 3,
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"): 3,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): 3,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): 3,
    ("resource.k8s.io", "DeviceClass"): 3,
    kinds.CLUSTER_ROLE: 3,
    kinds.NETWORK_POLICY: 4,
    ("policy.networking.k8s.io", "AdminNetworkPolicy"): 4,
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"): 4,
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"): 4,
    ("", "LimitRange"): 4,
    ("policy", "PodDisruptionBudget"): 4,
    **{(group, kind): 4 for group in CALICO_GROUPS for kind in CALICO_POLICIES},
    kinds.SERVICE_ACCOUNT: 5,
    kinds.SECRET: 5,
    kinds.CONFIG_MAP: 5,
    kinds.ROLE: 6,
    kinds.ROLE_BINDING: 6,
    kinds.CLUSTER_ROLE_BINDING: 6,
    kinds.PERSISTENT_VOLUME: 7,
    kinds.CLAIM: 7,
    ("resource.k8s.io", "ResourceClaim"): 7,
    ("resource.k8s.io", "ResourceClaimTemplate"): 7,
    kinds.SERVICE: 8,
    kinds.ENDPOINTS: 8,
    kinds.ENDPOINT_SLICE: 8,
    kinds.INGRESS: 8,
    kinds.MUTATING_WEBHOOKS: 9,
    kinds.API_SERVICE: 9,
    (_ADMISSION, "MutatingAdmissionPolicy"): 9,
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): 9,
    **dict.fromkeys(kinds.WORKLOADS, 11),
    kinds.POD: 11,
    kinds.JOB: 11,
    kinds.CRON_JOB: 11,
    kinds.AUTOSCALER: 11,
    kinds.VERTICAL_AUTOSCALER: 11,
    kinds.SCALED_OBJECT: 11,
    kinds.SCALED_JOB: 11,
    ("", "ResourceQuota"): 12,
    (_ADMISSION, "ValidatingAdmissionPolicy"): 12,
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): 12,
    kinds.VALIDATING_WEBHOOKS: 12,
}

_MUTATING_POLICIES = frozenset(
    {(_ADMISSION, "MutatingAdmissionPolicy"), (_ADMISSION, "MutatingAdmissionPolicyBinding")}
)

_SECOND = frozenset(
    {
        kinds.SECRET,
        kinds.CONFIG_MAP,
        kinds.ROLE_BINDING,
        kinds.CLUSTER_ROLE_BINDING,
        kinds.CLAIM,
        kinds.ENDPOINTS,
        kinds.ENDPOINT_SLICE,
        kinds.INGRESS,
        (_ADMISSION, "ValidatingAdmissionPolicyBinding"),
    }
)
"""Kinds that come after the others of their wave, because they name them."""


CUSTOM = 10
"""The wave of custom resources."""


def wave_of(kind: Kind) -> int:
    """The wave of a kind: a custom resource is in 10, a built-in kind without a place of its own in 5."""
    return _WAVE_OF.get(kind, 5 if kind[0] in BUILT_IN_GROUPS else CUSTOM)


def rank_of(ref: Ref, source: Object, level: int) -> int:
    """The place of an object inside its wave; `level` is that of a webhook or its backend (see `admission`).

    Of custom resources their owners decide (see `generations`). `source` is the object as blue has it.
    """
    kind = ref.group, ref.kind
    if kind in kinds.WORKLOADS:
        return 2 * level  # only those of wave 9 have a level: the backends come before what calls them
    if kind in {kinds.MUTATING_WEBHOOKS, kinds.API_SERVICE}:
        return 2 * level + 1
    if kind == kinds.VALIDATING_WEBHOOKS:
        return 2
    if kind in _MUTATING_POLICIES:
        return kind[1].endswith("Binding") - 2  # before the first pod of wave 9
    if wave_of(kind) == 4:
        return _policy_rank(ref, source)
    return 1 if kind in _SECOND else 0


def _policy_rank(ref: Ref, source: Object) -> int:
    if ref.kind == "Tier":
        return 0
    spec = source.get("spec") or {}
    if ref.kind == "NetworkPolicy" and dig(source, "spec", "podSelector") == {} and not spec.get("ingress"):
        return 1  # a default deny stands before the rules that open it
    return 2
