"""Valid objects of every kind that is sanitised, generated: one Hypothesis strategy a kind, drawn by the dozen.

What they have in common is rich: optional fields, empties that mean something, unicode, big integers, the longest
legal names, finalizers, what servers and controllers noted.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from migrate.model.objects import Object
from migrate.replay import kinds
from migrate.replay.kinds import Kind
from tests.replay import generated_cluster as cluster
from tests.replay import generated_namespaced as inside
from tests.replay import generated_workloads as workloads
from tests.replay.generated_parts import Json, metadata
from tests.replay.generated_pods import bare_pods

NAMESPACE = "generated"
"""Where namespaced objects stand."""

BOUNDS = "generated-bounds"
"""Where quotas and limits stand, which would refuse or change what else is in their namespace."""

ADMISSION = "admissionregistration.k8s.io"


@dataclass(frozen=True)
class Generated:
    """How objects of one kind are made; `longest` is the longest name that its server takes.

    A kind that no bare API server serves has a definition here, `plural` then being its resource.
    """

    version: str
    body: SearchStrategy[Json]
    namespace: str = NAMESPACE
    longest: int = 253
    plural: str = ""


def _cluster(body: SearchStrategy[Json], version: str = "v1", **more: Any) -> Generated:
    return Generated(version, body, "", **more)


def _custom(version: str, plural: str, body: SearchStrategy[Json] | None = None, **more: Any) -> Generated:
    return Generated(version, body if body is not None else inside.custom(), plural=plural, **more)


GENERATED: Mapping[Kind, Generated] = {
    kinds.NAMESPACE: _cluster(cluster.namespaces(), longest=63),
    kinds.CONFIG_MAP: Generated("v1", inside.config_maps()),
    kinds.SECRET: Generated("v1", inside.secrets()),
    kinds.SERVICE_ACCOUNT: Generated("v1", inside.accounts()),
    kinds.ENDPOINTS: Generated("v1", inside.endpoints()),
    ("", "PodTemplate"): Generated("v1", inside.pod_templates()),
    ("", "ResourceQuota"): Generated("v1", inside.quotas(), BOUNDS),
    ("", "LimitRange"): Generated("v1", inside.limits(), BOUNDS),
    kinds.POD: Generated("v1", bare_pods(), longest=249),
    kinds.SERVICE: Generated("v1", inside.services(), longest=63),
    kinds.PERSISTENT_VOLUME: _cluster(cluster.volumes()),
    kinds.CLAIM: Generated("v1", inside.claims()),
    kinds.REPLICATION_CONTROLLER: Generated("v1", workloads.replication_controllers()),
    kinds.ENDPOINT_SLICE: Generated("v1", inside.slices()),
    kinds.DEPLOYMENT: Generated("v1", workloads.deployments()),
    kinds.STATEFUL_SET: Generated("v1", workloads.stateful_sets(), longest=63),
    kinds.REPLICA_SET: Generated("v1", workloads.replica_sets()),
    kinds.DAEMON_SET: Generated("v1", workloads.daemon_sets()),
    kinds.JOB: Generated("v1", workloads.jobs(), longest=61),
    kinds.CRON_JOB: Generated("v1", workloads.cron_jobs(), longest=52),
    kinds.AUTOSCALER: Generated("v2", workloads.autoscalers()),
    kinds.INGRESS: Generated("v1", inside.ingresses()),
    kinds.NETWORK_POLICY: Generated("v1", inside.policies()),
    ("policy", "PodDisruptionBudget"): Generated("v1", inside.budgets()),
    ("networking.k8s.io", "IngressClass"): _cluster(inside.ingress_classes()),
    kinds.ROLE: Generated("v1", cluster.roles()),
    kinds.CLUSTER_ROLE: _cluster(cluster.cluster_roles()),
    kinds.ROLE_BINDING: Generated("v1", cluster.bindings("Role")),
    kinds.CLUSTER_ROLE_BINDING: _cluster(cluster.bindings("ClusterRole")),
    ("scheduling.k8s.io", "PriorityClass"): _cluster(cluster.priority_classes()),
    ("node.k8s.io", "RuntimeClass"): _cluster(cluster.runtime_classes()),
    ("storage.k8s.io", "StorageClass"): _cluster(cluster.storage_classes()),
    ("storage.k8s.io", "CSIDriver"): _cluster(cluster.csi_drivers(), longest=63),
    ("storage.k8s.io", "VolumeAttributesClass"): _cluster(cluster.volume_attributes_classes()),
    kinds.MUTATING_WEBHOOKS: _cluster(cluster.webhooks(mutating=True)),
    kinds.VALIDATING_WEBHOOKS: _cluster(cluster.webhooks(mutating=False)),
    (ADMISSION, "ValidatingAdmissionPolicy"): _cluster(cluster.validating_policies()),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"): _cluster(cluster.policy_bindings(validating=True)),
    (ADMISSION, "MutatingAdmissionPolicy"): _cluster(cluster.mutating_policies()),
    (ADMISSION, "MutatingAdmissionPolicyBinding"): _cluster(cluster.policy_bindings(validating=False)),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): _cluster(cluster.flow_schemas()),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): _cluster(cluster.priority_levels()),
    ("resource.k8s.io", "DeviceClass"): _cluster(cluster.device_classes()),
    ("resource.k8s.io", "ResourceClaim"): Generated("v1", inside.device_claims()),
    ("resource.k8s.io", "ResourceClaimTemplate"): Generated("v1", inside.device_claim_templates()),
    kinds.DEFINITION: _cluster(cluster.definitions(), longest=63),
    kinds.API_SERVICE: _cluster(cluster.api_services(), longest=63),
    kinds.ROLLOUT: _custom("v1alpha1", "rollouts", workloads.replica_sets()),
    kinds.DEPLOYMENT_CONFIG: _custom("v1", "deploymentconfigs", workloads.replica_sets()),
    kinds.APPLICATION: _custom("v1alpha1", "applications", inside.applications()),
    ("argoproj.io", "CronWorkflow"): _custom("v1alpha1", "cronworkflows", inside.suspendable()),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): _custom("v1", "kustomizations", inside.suspendable()),
    kinds.VERTICAL_AUTOSCALER: _custom("v1", "verticalpodautoscalers"),
    kinds.SCALED_OBJECT: _custom("v1alpha1", "scaledobjects"),
    kinds.SCALED_JOB: _custom("v1alpha1", "scaledjobs"),
    kinds.GATEWAY: _custom("v1", "gateways", inside.gateways()),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"): _custom(
        "v1", "volumesnapshotclasses", inside.snapshot_classes(), namespace=""
    ),
    ("example.net", "Thing"): _custom("v1", "things"),
}
"""Every kind with a row in replay.md 2.3 or in `everywhere.FIELDS`, and the custom resources that have a held form."""


def api_version(kind: Kind) -> str:
    """The apiVersion in which a kind is generated."""
    group, version = kind[0], GENERATED[kind].version
    return f"{group}/{version}" if group else version


def surroundings() -> list[Object]:
    """The namespaces, the account and the definitions that generated objects need."""
    spaces: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NAMESPACE, BOUNDS)
    ]
    robot = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "robot", "namespace": NAMESPACE},
    }
    return [*spaces, robot, *(_definition(kind) for kind, made in GENERATED.items() if made.plural)]


def _definition(kind: Kind) -> Object:
    made = GENERATED[kind]
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{made.plural}.{kind[0]}",
            # groups of the project itself are for those who have its approval
            "annotations": {"api-approved.kubernetes.io": "unapproved, generated by a test"},
        },
        "spec": {
            "group": kind[0],
            "scope": "Namespaced" if made.namespace else "Cluster",
            "names": {"plural": made.plural, "kind": kind[1]},
            "versions": [
                {"name": made.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": free}}
            ],
        },
    }


def objects(kind: Kind) -> SearchStrategy[Object]:
    """One object of a kind, without its name."""
    made = GENERATED[kind]

    def whole(meta: Json, body: Json) -> Object:
        place = {"namespace": made.namespace} if made.namespace else {}
        extra = body.get("metadata", {})
        annotations = {**meta.get("annotations", {}), **extra.get("annotations", {})}
        noted = {"annotations": annotations} if annotations else {}
        return {
            "apiVersion": api_version(kind),
            "kind": kind[1],
            **body,
            "metadata": {**meta, **extra, **noted, **place},
        }

    return st.builds(whole, metadata(), made.body)


def drawn(kind: Kind, count: int) -> list[Object]:
    """So many objects of a kind, named; the draw follows Python's own random numbers, which pytest-randomly seeds."""
    found: list[Object] = []

    @seed(random.getrandbits(32))
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(objects(kind))
    def collect(obj: Object) -> None:
        found.append(obj)

    collect()
    return [named(obj, number, kind) for number, obj in enumerate(found)]


def named(obj: Object, number: int, kind: Kind) -> Object:
    """The object under a name of its own: short ones, and every third of the longest length that its kind may have."""
    stem = f"g{number}-{kind[1].lower()}"
    name = (
        stem
        if number % 3
        else f"{stem}{'.' if GENERATED[kind].longest > 63 else '-'}".ljust(GENERATED[kind].longest, "x")
    )
    if kind[0] == kinds.RBAC:
        name = f"team {number}:Rolle ä"  # RBAC takes whatever a path can hold
    spec = obj.get("spec")
    if kind == kinds.DEFINITION:
        name, group = f"generated{number}s.g{number}.example.net", f"g{number}.example.net"
        plural = f"generated{number}s"
        names = {**obj["spec"]["names"], "plural": plural, "kind": f"Generated{number}"}
        if "shortNames" in names:
            names["shortNames"] = [f"gen{number}"]
        spec = {**obj["spec"], "group": group, "names": names}
    if kind == kinds.API_SERVICE:
        group = f"aggregated{number}.example.net"
        name, spec = f"v1.{group}", {**obj["spec"], "group": group, "version": "v1"}
    return {**obj, "metadata": {**obj["metadata"], "name": name}, **({"spec": spec} if spec else {})}
