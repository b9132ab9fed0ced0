"""What the API server refuses in a change: fields that stay as they were created (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrate.model.objects import Object, dig, group_of, kind_of

_STATEFULSET_FREE = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}
_POD_FREE = {"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates"}
_CLAIM_FREE = {"resources", "volumeAttributesClassName"}


def changes_refused(old: Object, new: Object) -> list[str]:
    """What an update changes that stays as it was created."""
    found = [
        f"{path}: Invalid value: field is immutable"
        for path in _IMMUTABLE.get((group_of(new), kind_of(new)), ())
        if dig(old, *path.split(".")) != dig(new, *path.split("."))
    ]
    check = _CHANGES.get(kind_of(new))
    if check is not None:
        found.extend(check(old.get("spec") or {}, new.get("spec") or {}))
    sealed = kind_of(new) in {"ConfigMap", "Secret"} and old.get("immutable")
    if sealed and any(old.get(key) != new.get(key) for key in ("data", "binaryData", "immutable")):
        found.append("data: Forbidden: field is immutable when `immutable` is set")
    return found


_IMMUTABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("batch", "Job"): ("spec.selector", "spec.completionMode", "spec.manualSelector"),
    ("", "Secret"): ("type",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): (
        "parameters",
        "provisioner",
        "reclaimPolicy",
        "volumeBindingMode",
    ),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec.group", "spec.scope", "spec.names.plural"),
    ("discovery.k8s.io", "EndpointSlice"): ("addressType",),
}


def _kept(old: Mapping[str, Any], new: Mapping[str, Any], free: set[str]) -> list[str]:
    return [key for key in sorted({*old, *new} - free) if old.get(key) != new.get(key)]


def _statefulset_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if _kept(old, new, _STATEFULSET_FREE):
        yield "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"


def _pod_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    def imageless(spec: Mapping[str, Any]) -> dict[str, Any]:
        result = dict(spec)
        for word in ("containers", "initContainers"):
            if word in result:
                result[word] = [{**container, "image": ""} for container in result[word]]
        return result

    gates = {gate["name"] for gate in old.get("schedulingGates") or ()}
    for index, gate in enumerate(new.get("schedulingGates") or ()):
        if gate["name"] not in gates:
            yield f"spec.schedulingGates[{index}].name: Forbidden: only deletion is allowed, but found new scheduling gate '{gate['name']}'"
    if _kept(imageless(old), imageless(new), _POD_FREE):
        yield "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"


def _claim_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    free = _CLAIM_FREE if old.get("volumeName") else {*_CLAIM_FREE, "volumeName"}
    if _kept(old, new, free):
        yield "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def _service_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, wanted = old.get("clusterIP"), new.get("clusterIP")
    if was and wanted != was and "ExternalName" not in {old.get("type"), new.get("type")}:
        yield f'spec.clusterIPs[0]: Invalid value: ["{wanted}"]: may not change once set'


def _job_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old.get("template") != new.get("template") and not old.get("suspend"):
        yield "spec.template: Invalid value: field is immutable"
    if old.get("completions") != new.get("completions") and new.get("completionMode") != "Indexed":
        yield "spec.completions: Invalid value: field is immutable"


_CHANGES: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[str]]] = {
    "Job": _job_change,
    "PersistentVolumeClaim": _claim_change,
    "Pod": _pod_change,
    "Service": _service_change,
    "StatefulSet": _statefulset_change,
}
