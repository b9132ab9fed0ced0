"""The kinds that the rules speak of, as (group, kind); the core group is empty."""

from __future__ import annotations

from migrate.model.objects import Object, dig

Kind = tuple[str, str]

POD: Kind = ("", "Pod")
POD_TEMPLATE: Kind = ("", "PodTemplate")
SERVICE: Kind = ("", "Service")
SECRET: Kind = ("", "Secret")
CONFIG_MAP: Kind = ("", "ConfigMap")
NAMESPACE: Kind = ("", "Namespace")
SERVICE_ACCOUNT: Kind = ("", "ServiceAccount")
ENDPOINTS: Kind = ("", "Endpoints")
RESOURCE_QUOTA: Kind = ("", "ResourceQuota")
PERSISTENT_VOLUME: Kind = ("", "PersistentVolume")
CLAIM: Kind = ("", "PersistentVolumeClaim")
REPLICATION_CONTROLLER: Kind = ("", "ReplicationController")
ENDPOINT_SLICE: Kind = ("discovery.k8s.io", "EndpointSlice")
DEPLOYMENT: Kind = ("apps", "Deployment")
STATEFUL_SET: Kind = ("apps", "StatefulSet")
REPLICA_SET: Kind = ("apps", "ReplicaSet")
DAEMON_SET: Kind = ("apps", "DaemonSet")
ROLLOUT: Kind = ("argoproj.io", "Rollout")
DEPLOYMENT_CONFIG: Kind = ("apps.openshift.io", "DeploymentConfig")
APPLICATION: Kind = ("argoproj.io", "Application")
APPLICATION_SET: Kind = ("argoproj.io", "ApplicationSet")
KUSTOMIZATION: Kind = ("kustomize.toolkit.fluxcd.io", "Kustomization")
HELM_RELEASE: Kind = ("helm.toolkit.fluxcd.io", "HelmRelease")
FLUX_INSTANCE: Kind = ("fluxcd.controlplane.io", "FluxInstance")
RESOURCE_SET: Kind = ("fluxcd.controlplane.io", "ResourceSet")
INPUT_PROVIDER: Kind = ("fluxcd.controlplane.io", "ResourceSetInputProvider")
JOB: Kind = ("batch", "Job")
CRON_JOB: Kind = ("batch", "CronJob")
AUTOSCALER: Kind = ("autoscaling", "HorizontalPodAutoscaler")
VERTICAL_AUTOSCALER: Kind = ("autoscaling.k8s.io", "VerticalPodAutoscaler")
SCALED_OBJECT: Kind = ("keda.sh", "ScaledObject")
SCALED_JOB: Kind = ("keda.sh", "ScaledJob")
POD_SECURITY_POLICY: Kind = ("policy", "PodSecurityPolicy")
INGRESS: Kind = ("networking.k8s.io", "Ingress")
NETWORK_POLICY: Kind = ("networking.k8s.io", "NetworkPolicy")
GATEWAY: Kind = ("gateway.networking.k8s.io", "Gateway")
DEFINITION: Kind = ("apiextensions.k8s.io", "CustomResourceDefinition")
API_SERVICE: Kind = ("apiregistration.k8s.io", "APIService")
MUTATING_WEBHOOKS: Kind = ("admissionregistration.k8s.io", "MutatingWebhookConfiguration")
VALIDATING_WEBHOOKS: Kind = ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration")
RBAC = "rbac.authorization.k8s.io"
ROLE: Kind = (RBAC, "Role")
ROLE_BINDING: Kind = (RBAC, "RoleBinding")
CLUSTER_ROLE: Kind = (RBAC, "ClusterRole")
CLUSTER_ROLE_BINDING: Kind = (RBAC, "ClusterRoleBinding")

SCALED: frozenset[Kind] = frozenset(
    {DEPLOYMENT, STATEFUL_SET, REPLICA_SET, REPLICATION_CONTROLLER, ROLLOUT, DEPLOYMENT_CONFIG}
)
"""Workloads that rest at `spec.replicas: 0`."""

TENDED: frozenset[Kind] = frozenset({ROLLOUT})
"""Workloads whose pods are made and ended by another workload of the cluster: that has to be awake when they are scaled."""

WORKLOADS: frozenset[Kind] = SCALED | {DAEMON_SET}
"""What runs pods and goes on running them."""

ONE_SHOT: frozenset[Kind] = frozenset(
    {
        ("cert-manager.io", "CertificateRequest"),
        ("acme.cert-manager.io", "Order"),
        ("acme.cert-manager.io", "Challenge"),
        ("tekton.dev", "PipelineRun"),
        ("tekton.dev", "TaskRun"),
        ("tekton.dev", "CustomRun"),
        ("argoproj.io", "Workflow"),
        ("argoproj.io", "AnalysisRun"),
        ("velero.io", "Backup"),
        ("velero.io", "Restore"),
        ("velero.io", "DeleteBackupRequest"),
        ("velero.io", "DownloadRequest"),
        ("velero.io", "PodVolumeBackup"),
        ("velero.io", "PodVolumeRestore"),
        ("velero.io", "DataUpload"),
        ("velero.io", "DataDownload"),
        ("velero.io", "ServerStatusRequest"),
        ("postgresql.cnpg.io", "Backup"),
    }
)
"""Custom resources that are carried out once; made anew they would be carried out again."""


def pod_path(kind: Kind) -> tuple[str, ...] | None:
    """Where an object of a kind keeps its pod, as the parent of `metadata` and `spec`; None where it has none."""
    if kind == POD:
        return ()
    if kind == CRON_JOB:
        return ("spec", "jobTemplate", "spec", "template")
    if kind == POD_TEMPLATE:
        return ("template",)
    if kind in WORKLOADS or kind == JOB:
        return ("spec", "template")
    return None


def pod_of(kind: Kind, obj: Object) -> Object:
    """The pod, or pod template, of an object; empty where it has none (a Rollout may only refer to a workload)."""
    path = pod_path(kind)
    found = dig(obj, *path) if path is not None else None
    pod: Object = found if isinstance(found, dict) else {}
    return pod
