"""What of an object of blue is written to green: an allow-list, so that what servers add later stays behind.

Nothing is pruned for being empty: an egress rule `{}` allows everything, its absence denies it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from migrate.model.canonical import keyed_digest
from migrate.model.ids import RunId
from migrate.model.marks import RUN, SOURCE_HASH, SOURCE_UID, is_ours, unmarked
from migrate.model.objects import Object, annotations_of, dig, group_of, kind_of, metadata_of
from migrate.replay import kinds
from migrate.replay.edits import changed, reduced, removed, replaced, without
from migrate.replay.kinds import Kind
from migrate.replay.pods import JOB_LABELS, bare_pod, state_annotation, template

_SPEC = ("spec",)

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    kinds.NAMESPACE: (),
    kinds.CONFIG_MAP: ("data", "binaryData", "immutable"),
    kinds.SECRET: ("data", "type", "immutable"),
    kinds.SERVICE_ACCOUNT: ("imagePullSecrets", "automountServiceAccountToken"),
    kinds.ENDPOINTS: ("subsets",),
    ("", "PodTemplate"): ("template",),
    kinds.ENDPOINT_SLICE: ("addressType", "endpoints", "ports"),
    kinds.ROLE: ("rules",),
    kinds.CLUSTER_ROLE: ("rules", "aggregationRule"),
    kinds.ROLE_BINDING: ("subjects", "roleRef"),
    kinds.CLUSTER_ROLE_BINDING: ("subjects", "roleRef"),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "globalDefault", "description", "preemptionPolicy"),
    ("node.k8s.io", "RuntimeClass"): ("handler", "overhead", "scheduling"),
    ("storage.k8s.io", "StorageClass"): (
        "provisioner",
        "parameters",
        "reclaimPolicy",
        "mountOptions",
        "allowVolumeExpansion",
        "volumeBindingMode",
        "allowedTopologies",
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): ("driverName", "parameters"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"): ("driver", "deletionPolicy", "parameters"),
    kinds.MUTATING_WEBHOOKS: ("webhooks",),
    kinds.VALIDATING_WEBHOOKS: ("webhooks",),
    **dict.fromkeys(
        (
            *kinds.WORKLOADS,
            kinds.POD,
            kinds.SERVICE,
            kinds.PERSISTENT_VOLUME,
            kinds.CLAIM,
            kinds.JOB,
            kinds.CRON_JOB,
            kinds.AUTOSCALER,
            kinds.INGRESS,
            kinds.NETWORK_POLICY,
            kinds.DEFINITION,
            kinds.API_SERVICE,
            ("", "ResourceQuota"),
            ("", "LimitRange"),
            ("networking.k8s.io", "IngressClass"),
            ("policy", "PodDisruptionBudget"),
            ("storage.k8s.io", "CSIDriver"),
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
            ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
            ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
            ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
            ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
            ("resource.k8s.io", "DeviceClass"),
            ("resource.k8s.io", "ResourceClaim"),
            ("resource.k8s.io", "ResourceClaimTemplate"),
        ),
        _SPEC,
    ),
}
"""What is kept beside name, labels and annotations, by kind; of a custom resource everything but `status`.

Source: the API reference of Kubernetes 1.35."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation: what `kubectl apply` sent last, by which it prunes; of a Secret it holds the values."""

_NOTE_LIMIT = 240 * 1024
"""Bytes of annotations with which last-applied still goes along: a server refuses more than 256 KiB (apimachinery,
TotalAnnotationSizeLimitB), and our marks and the record of a hold come to what is there."""

_DROPPED_ANNOTATIONS = frozenset(
    {
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.daemonset.template.generation",
        "control-plane.alpha.kubernetes.io/leader",
        "autoscaling.alpha.kubernetes.io/conditions",
        "autoscaling.alpha.kubernetes.io/current-metrics",
        "volume.beta.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/selected-node",
        "volume.kubernetes.io/storage-resizer",
        "endpoints.kubernetes.io/last-change-trigger-time",
        "endpoints.kubernetes.io/over-capacity",
        "kubernetes.io/service-account.uid",
        "batch.kubernetes.io/job-tracking",
        "batch.kubernetes.io/cronjob-scheduled-timestamp",
    }
)
_DROPPED_PREFIXES = ("pv.kubernetes.io/",)

_INJECTED = ("cert-manager.io/inject-apiserver-ca", "service.beta.openshift.io/inject-cabundle")
"""Annotations by which somebody writes the cluster's own authority into a caBundle: green's is another.

What cert-manager injects from a Certificate or a Secret is kept: the Secret moves, so that blue's bundle is right until
green's injector, which is held up to the cutover, writes the same one."""

TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
"""Type of the Secrets that hold a ServiceAccount's token."""


def sanitise(obj: Object, *, families: frozenset[str] | None = None) -> Object:
    """Reduce an object to what may be written elsewhere; what is kept is shared with the original.

    `families` are green's Service address families ("IPv4", "IPv6"): a Service that states others leaves the choice
    to green. Doing it twice changes nothing more.
    """
    kind = group_of(obj), kind_of(obj)
    fields = FIELDS.get(kind)
    kept = (
        [key for key in obj if key not in {"apiVersion", "kind", "metadata", "status"}]
        if fields is None
        else fields
    )
    target: Object = {
        "apiVersion": obj.get("apiVersion", ""),
        "kind": obj.get("kind", ""),
        "metadata": _metadata(kind, obj),
        **{key: obj[key] for key in kept if key in obj},
    }
    repair = _REPAIRS.get(kind)
    if repair:
        target = repair(target)
    if kind == kinds.SERVICE:
        target = _families(target, families)
    path = kinds.pod_path(kind)
    if kind == kinds.POD:
        target = bare_pod(target)
    elif path:
        target = changed(target, path, template)
    return target


def mark(target: Object, *, run: RunId, key: bytes, source_uid: str) -> Object:
    """Add our annotations to what will be written; the hash is that of the target without any of them."""
    marks = {RUN: str(run), SOURCE_UID: source_uid, SOURCE_HASH: source_hash(target, key)}
    return replaced(target, ("metadata", "annotations"), {**annotations_of(target), **marks})


def source_hash(target: Object, key: bytes) -> str:
    """The keyed hash of what is written, without our annotations."""
    return keyed_digest(key, unmarked(target))


def _metadata(kind: Kind, obj: Object) -> Object:
    metadata = metadata_of(obj)
    kept: Object = {
        key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata
    }
    if not kept.get("namespace", "?"):
        kept = without(kept, "namespace")
    if kept.get("annotations"):
        pod = kind == kinds.POD
        annotations = {k: v for k, v in kept["annotations"].items() if not _dropped(k, pod=pod)}
        if too_long(annotations):
            annotations = without(annotations, LAST_APPLIED)
        if len(annotations) < len(kept["annotations"]):
            kept = reduced(kept, ("annotations",), annotations)
    if kept.get("labels") and kind in {kinds.NAMESPACE, kinds.JOB, kinds.ENDPOINTS}:
        drop = (
            {"kubernetes.io/metadata.name", "endpoints.kubernetes.io/managed-by"}
            if kind != kinds.JOB
            else JOB_LABELS
        )
        kept = reduced(kept, ("labels",), without(kept["labels"], *drop))
    return kept


def too_long(annotations: Mapping[str, Any]) -> bool:
    """Whether there is no room for last-applied beside the other annotations and those that we write."""
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items())
    return LAST_APPLIED in annotations and size > _NOTE_LIMIT


def unapplied(target: Object) -> Object:
    """The object without last-applied, for what is merged into an object that green has of its own.

    There the note would tell the next `kubectl apply` to take away what green put in, and such a merge is journalled.
    """
    notes = annotations_of(target)
    if LAST_APPLIED not in notes:
        return target
    kept = without(notes, LAST_APPLIED)
    metadata = without(target["metadata"], "annotations") | ({"annotations": kept} if kept else {})
    return {**target, "metadata": metadata}


def _dropped(key: str, *, pod: bool) -> bool:
    return (
        key in _DROPPED_ANNOTATIONS
        or key.startswith(_DROPPED_PREFIXES)
        or is_ours(key)
        or state_annotation(key)
        or (pod and key.startswith("kubernetes.io/config."))
    )


def _families(target: Object, families: frozenset[str] | None) -> Object:
    stated = set(dig(target, "spec", "ipFamilies", default=()) or ())
    if families is None or stated <= families:
        return target
    target = removed(target, "spec", "ipFamilies")
    if dig(target, "spec", "ipFamilyPolicy") == "RequireDualStack":
        target = removed(target, "spec", "ipFamilyPolicy")
    return target


def _service(target: Object) -> Object:
    if dig(target, "spec", "clusterIP") != "None":
        target = removed(target, "spec", "clusterIP")
        target = removed(target, "spec", "clusterIPs")
    return removed(target, "spec", "healthCheckNodePort")


def _secret(target: Object) -> Object:
    if target.get("type") != TOKEN:
        return target
    # green's own controller fills these in; last-applied may repeat them
    target = unapplied(target)
    return reduced(target, ("data",), without(target.get("data") or {}, "token", "ca.crt", "namespace"))


def _claim(target: Object) -> Object:
    for field in ("volumeName", "dataSource", "dataSourceRef"):
        target = removed(target, "spec", field)
    return target


def _volume(target: Object) -> Object:
    for field in ("uid", "resourceVersion"):
        target = removed(target, "spec", "claimRef", field)
    # whatever becomes of green, the data on the volume must not be deleted with it
    return replaced(target, ("spec", "persistentVolumeReclaimPolicy"), "Retain")


def _stateful_set(target: Object) -> Object:
    # a way back that deletes green's set must not delete its claims; `whenScaled` alike, the set is held at 0
    policy = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    target = replaced(target, ("spec", "persistentVolumeClaimRetentionPolicy"), policy)
    return changed(
        target, ("spec", "volumeClaimTemplates"), lambda items: [_claim_template(t) for t in items or ()]
    )


def _claim_template(item: Any) -> Any:
    return changed(without(item, "status"), ("metadata",), lambda m: without(m or {}, "creationTimestamp"))


def _job(target: Object) -> Object:
    if dig(target, "spec", "manualSelector"):
        return target
    target = removed(target, "spec", "selector")
    return changed(
        target, ("spec", "template", "metadata", "labels"), lambda labels: without(labels or {}, *JOB_LABELS)
    )


def _cron_job(target: Object) -> Object:
    path = ("spec", "jobTemplate", "metadata")
    return changed(target, path, lambda m: without(m or {}, "creationTimestamp"))


def _cluster_role(target: Object) -> Object:
    # the rules of an aggregated role are put together by green's own controller
    return without(target, "rules") if target.get("aggregationRule") else target


def _application(target: Object) -> Object:
    return without(target, "operation")  # a synchronisation under way, which green would begin anew


def _definition(target: Object) -> Object:
    path = ("spec", "conversion", "webhook", "clientConfig")
    bundle = dig(target, *path, "caBundle")
    if bundle is not None and (_injected(target) or not _is_pem(bundle)):
        # an API server does not serve a definition whose bundle it cannot read
        target = removed(target, *path, "caBundle")
    return target


def _webhooks(target: Object) -> Object:
    injected = _injected(target)
    return {**target, "webhooks": [_webhook(w, injected) for w in target.get("webhooks") or ()]}


def _webhook(webhook: Any, injected: bool) -> Any:
    bundle = dig(webhook, "clientConfig", "caBundle")
    if bundle is not None and (injected or not _is_pem(bundle)):
        webhook = removed(webhook, "clientConfig", "caBundle")
    if webhook.get("sideEffects", "None") not in {"None", "NoneOnDryRun"}:
        webhook = {**webhook, "sideEffects": "None"}  # admissionregistration.k8s.io/v1 accepts no other
    return webhook


def _api_service(target: Object) -> Object:
    bundle = dig(target, "spec", "caBundle")
    if bundle is not None and (_injected(target) or not _is_pem(bundle)):
        target = removed(target, "spec", "caBundle")
    return target


def _injected(target: Object) -> bool:
    return any(key in annotations_of(target) for key in _INJECTED)


def _is_pem(bundle: str) -> bool:
    try:
        return b"-----BEGIN CERTIFICATE-----" in base64.b64decode(bundle, validate=True)
    except (binascii.Error, ValueError):
        return False


_REPAIRS: Mapping[Kind, Callable[[Object], Object]] = {
    kinds.SERVICE: _service,
    kinds.SECRET: _secret,
    kinds.CLAIM: _claim,
    kinds.PERSISTENT_VOLUME: _volume,
    kinds.STATEFUL_SET: _stateful_set,
    kinds.JOB: _job,
    kinds.CRON_JOB: _cron_job,
    kinds.CLUSTER_ROLE: _cluster_role,
    kinds.DEFINITION: _definition,
    kinds.MUTATING_WEBHOOKS: _webhooks,
    kinds.VALIDATING_WEBHOOKS: _webhooks,
    kinds.API_SERVICE: _api_service,
    kinds.APPLICATION: _application,
}
