"""What stays behind of every kind: what servers and controllers write, by allow-lists of fields and of metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from migrate.model.ids import RuleId
from migrate.model.marks import PREFIX
from migrate.model.objects import Object, annotations_of, metadata_of
from migrate.replay import kinds
from migrate.replay.edits import removed, without
from migrate.replay.kinds import Kind
from migrate.replay.pods import STATE
from migrate.replay.sanitising.edit import Change, Edit, Setting, edit, note, without_labels

_SPEC = ("spec",)

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    kinds.NAMESPACE: _SPEC,
    kinds.CONFIG_MAP: ("data", "binaryData", "immutable"),
    kinds.SECRET: ("data", "type", "immutable"),
    kinds.SERVICE_ACCOUNT: ("secrets", "imagePullSecrets", "automountServiceAccountToken"),
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
"""What is known beside metadata and status, by kind; of a custom resource everything is.

Source: the API reference of Kubernetes 1.35."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation: what `kubectl apply` sent last, by which it prunes; of a Secret it holds the values."""

_NOTE_LIMIT = 240 * 1024
"""Bytes of annotations with which last-applied still goes along: a server refuses more than 256 KiB (apimachinery,
TotalAnnotationSizeLimitB), and our marks and the record of a hold come to what is there."""

LOAD_BALANCER = r"loadbalancer\.openstack\.org/load-balancer-(?:id|address)$"
"""Annotations: the controller writes them, a person may have asked for an existing one by the first; source:
cloud-provider-openstack, docs on exposing applications by Services."""

_METADATA = frozenset({"name", "namespace", "labels", "annotations"})


def too_long(annotations: Mapping[str, Any]) -> bool:
    """Whether there is no room for last-applied beside the other annotations and those that we write."""
    if LAST_APPLIED not in annotations:
        return False
    return (
        sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items()) > _NOTE_LIMIT
    )


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


def _metadata(target: Object, _setting: Setting) -> Object:
    metadata = metadata_of(target)
    if metadata.keys() <= _METADATA and metadata.get("namespace", "?"):
        return target
    kept = {key: metadata[key] for key in metadata if key in _METADATA}
    if not kept.get("namespace", "?"):
        del kept["namespace"]
    return {**target, "metadata": kept}


def _status(target: Object, _setting: Setting) -> Object:
    return without(target, "status") if "status" in target else target


def _known(kind: Kind) -> Change:
    known = frozenset({"apiVersion", "kind", "metadata", *FIELDS[kind]})

    def change(target: Object, _setting: Setting) -> Object:
        if target.keys() <= known:
            return target
        return {key: value for key, value in target.items() if key in known}

    return change


def _last_applied(target: Object, _setting: Setting) -> Object:
    return unapplied(target) if too_long(annotations_of(target)) else target


EDITS: tuple[Edit, ...] = (
    note(
        "annotation.revision",
        "annotations with numbers of revisions and of replicas: `deployment.kubernetes.io/*`, "
        "`deprecated.daemonset.template.generation`",
        "green's controllers count anew",
        keys=r"deployment\.kubernetes\.io/(?:revision|revision-history|desired-replicas|max-replicas)$"
        r"|deprecated\.daemonset\.template\.generation$",
    ),
    note(
        "annotation.leader",
        "annotation `control-plane.alpha.kubernetes.io/leader`",
        "it names the pod that leads on blue; on green whoever starts leads",
        keys=r"control-plane\.alpha\.kubernetes\.io/leader$",
    ),
    note(
        "annotation.autoscaling",
        "annotations with the conditions and metrics of an autoscaler: `autoscaling.alpha.kubernetes.io/conditions`, "
        "`current-metrics`",
        "a status in another place",
        keys=r"autoscaling\.alpha\.kubernetes\.io/(?:conditions|current-metrics)$",
    ),
    note(
        "annotation.volume",
        "annotations about binding, provisioner, node and resizing of a volume: `pv.kubernetes.io/*`, "
        "`volume(.beta).kubernetes.io/storage-provisioner`, `selected-node`, `storage-resizer`",
        "a claim with them waits for a volume or a node that is not there",
        keys=r"pv\.kubernetes\.io/|volume\.beta\.kubernetes\.io/storage-provisioner$"
        r"|volume\.kubernetes\.io/(?:storage-provisioner|selected-node|storage-resizer)$",
    ),
    note(
        "annotation.endpoints",
        "annotations `endpoints.kubernetes.io/last-change-trigger-time` and `over-capacity`",
        "notes of blue's controller",
        keys=r"endpoints\.kubernetes\.io/(?:last-change-trigger-time|over-capacity)$",
    ),
    note(
        "annotation.account-uid",
        "annotation `kubernetes.io/service-account.uid`",
        "a token with the UID of blue's ServiceAccount would be deleted; green's controller writes its own",
        keys=r"kubernetes\.io/service-account\.uid$",
    ),
    note(
        "annotation.job",
        "annotations `batch.kubernetes.io/job-tracking` and `cronjob-scheduled-timestamp`",
        "notes of blue's controllers",
        keys=r"batch\.kubernetes\.io/(?:job-tracking|cronjob-scheduled-timestamp)$",
    ),
    note(
        "annotation.network",
        "a network's notes about blue: `cni.projectcalico.org/*`, `k8s.v1.cni.cncf.io/*status`, `k8s.ovn.org/*`, "
        "`flannel.alpha.coreos.com/*`, `kube-peers.weave.works/*`",
        "addresses and peers of blue; networks that are asked for stay",
        keys=STATE,
    ),
    note(
        "annotation.address",
        "annotations by which an announcer notes what it gave a Service and where: `metallb.io/ip-allocated-from-pool`, "
        "`purelb.io/allocated-*`, `pool-type` and `announcing-*`, `kube-vip.io/vipHost`",
        "answers of blue's announcer; green's writes its own, or notes some where blue has none",
        kinds.SERVICE,
        keys=r"metallb\.(?:io|universe\.tf)/ip-allocated-from-pool$"
        r"|purelb\.io/(?:allocated-(?:by|from)|pool-type|announcing-.*)$|kube-vip\.io/vipHost$",
    ),
    note(
        "annotation.load-balancer",
        "annotations with the load balancer in OpenStack that a Service has: `loadbalancer.openstack.org/load-balancer-id` and "
        "`load-balancer-address`",
        "green's cloud controller would take over the one that blue's traffic goes through; it makes its own",
        kinds.SERVICE,
        keys=LOAD_BALANCER,
    ),
    note(
        "annotation.config",
        "annotations `kubernetes.io/config.*`",
        "blue's kubelet says by them where it read the pod",
        kinds.POD,
        keys=r"kubernetes\.io/config\.",
    ),
    note(
        "annotation.ours",
        f"annotations `{PREFIX}*`",
        "marks of an earlier run; this one writes its own",
        keys=re.escape(PREFIX),
    ),
    edit(
        "annotation.last-applied",
        "last-applied, where it and the other annotations leave no room for our marks",
        "a server refuses annotations above 256 KiB; otherwise it is kept, so that pipelines can prune on green",
        change=_last_applied,
    ),
    edit(
        "metadata",
        "all metadata but name, namespace, labels and annotations: owner references, finalizers, UID, versions, times, "
        "managed fields; an empty namespace",
        "an allow-list, so that what servers add later stays behind; owners that do not control are linked again by their "
        "new UIDs, and a finalizer is set anew by who needs it",
        change=_metadata,
    ),
    edit(
        "status",
        "`status`",
        "green's controllers write it; of a custom resource it goes along only where you ask for it",
        change=_status,
    ),
    edit(
        "namespace.finalizers",
        "`spec`, which holds nothing but finalizers",
        "the server writes its own",
        kinds.NAMESPACE,
        change=lambda target, _: removed(target, "spec"),
    ),
    edit(
        "namespace.name-label",
        "label `kubernetes.io/metadata.name`",
        "the server writes it",
        kinds.NAMESPACE,
        change=without_labels("kubernetes.io/metadata.name"),
    ),
    Edit(
        RuleId("edit.fields"),
        "fields that Kubernetes 1.35 does not know at the top of the kind",
        "an allow-list as well",
        frozenset(FIELDS),
        _known,
    ),
)
