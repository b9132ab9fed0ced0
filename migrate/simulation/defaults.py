"""What the API server fills in when an object leaves it out.

Source: the `SetDefaults_*` and `PrepareForCreate` rules as described in the API reference of Kubernetes v1.35; the
common fields, not every one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson

Json = dict[str, Any]


def defaulted(obj: Json) -> None:
    """Fill in the defaults of a built-in kind, in place; unknown kinds are left alone."""
    found = _DEFAULTS.get(obj.get("kind", ""))
    if found is not None:
        found(obj)


def initial_status(group: str, kind: str) -> Json | None:
    """The status that the server writes into a new object of a built-in kind; None where it writes none."""
    found = _STATUS.get((group, kind))
    return None if found is None else orjson.loads(found)


_STATUS = {
    ("apps", "Deployment"): "{}",
    ("apps", "ReplicaSet"): '{"replicas":0}',
    ("apps", "StatefulSet"): '{"availableReplicas":0,"replicas":0}',
    (
        "apps",
        "DaemonSet",
    ): '{"currentNumberScheduled":0,"desiredNumberScheduled":0,"numberMisscheduled":0,"numberReady":0}',
    ("batch", "Job"): "{}",
    ("batch", "CronJob"): "{}",
    ("", "Service"): '{"loadBalancer":{}}',
    ("", "ReplicationController"): '{"replicas":0}',
    ("", "ResourceQuota"): "{}",
    ("networking.k8s.io", "Ingress"): '{"loadBalancer":{}}',
    ("policy", "PodDisruptionBudget"): (
        '{"currentHealthy":0,"desiredHealthy":0,"disruptionsAllowed":0,"expectedPods":0}'
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): '{"currentMetrics":null,"desiredReplicas":0}',
    ("", "Namespace"): '{"phase":"Active"}',
}
"""Source: what a kube-apiserver v1.35 answers to a create; fields that Go writes though they are empty."""


def _set(target: Json, **values: Any) -> None:
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


def pod_spec(spec: Json) -> None:
    """Fill in a pod's spec."""
    _set(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        securityContext={},
    )
    if spec.get("serviceAccountName"):
        _set(spec, serviceAccount=spec["serviceAccountName"])
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for word in ("containers", "initContainers"):
        for container in spec.get(word) or ():
            _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _container(container: Json) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    always = "@" not in image and tag in {"", "latest"}
    _set(
        container,
        imagePullPolicy="Always" if always else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference:
            _set(reference, apiVersion="v1")
    limits = container["resources"].get("limits")
    if limits:
        container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            _set(container[probe], periodSeconds=10, successThreshold=1, failureThreshold=3, timeoutSeconds=1)
            if container[probe].get("httpGet"):
                _set(container[probe]["httpGet"], path="/", scheme="HTTP")


def _volume(volume: Json) -> None:
    for word in ("secret", "configMap", "projected", "downwardAPI"):
        if isinstance(volume.get(word), dict):
            _set(volume[word], defaultMode=420)
    if isinstance(volume.get("hostPath"), dict):
        _set(volume["hostPath"], type="")
    if not any(key != "name" for key in volume):
        volume["emptyDir"] = {}


def _template(obj: Json) -> Json:
    spec: Json = obj.setdefault("spec", {})
    template = spec.get("template")
    if isinstance(template, dict):
        template.setdefault("metadata", {})
        if isinstance(template.get("spec"), dict):
            pod_spec(template["spec"])
    return spec


def _deployment(obj: Json) -> None:
    spec = _template(obj)
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _set(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _set(spec["strategy"], rollingUpdate={})
        _set(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")


def _replicaset(obj: Json) -> None:
    _set(_template(obj), replicas=1)


def _statefulset(obj: Json) -> None:
    spec = _template(obj)
    _set(
        spec,
        replicas=1,
        revisionHistoryLimit=10,
        podManagementPolicy="OrderedReady",
        serviceName="",
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
    )
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        _claim(claim)
        _set(claim, status={"phase": "Pending"})


def _daemonset(obj: Json) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    _set(_template(obj), revisionHistoryLimit=10, updateStrategy=rolling)


def _job(obj: Json) -> None:
    spec = _template(obj)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        _set(spec, completions=1)
    _set(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    _set(spec, podReplacementPolicy="TerminatingOrFailed")


def _cronjob(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(
        spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1
    )
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        template.setdefault("metadata", {})
        pod_spec(template["spec"])


def _service(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _set(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _set(spec, allocateLoadBalancerNodePorts=True)
    for port in spec.get("ports") or ():
        _set(port, protocol="TCP")
        if spec["type"] != "ExternalName" and port.get("targetPort") in {None, "", 0}:
            port["targetPort"] = port.get("port")


def _secret(obj: Json) -> None:
    _set(obj, type="Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _claim(obj: Json) -> None:
    _set(obj.setdefault("spec", {}), volumeMode="Filesystem")


def _volume_object(obj: Json) -> None:
    _set(obj.setdefault("spec", {}), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")


def _storage_class(obj: Json) -> None:
    _set(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _network_policy(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, podSelector={})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
        for port in (rule or {}).get("ports") or ():
            _set(port, protocol="TCP")


def _binding(obj: Json) -> None:
    group = "rbac.authorization.k8s.io"
    if isinstance(obj.get("roleRef"), dict):
        _set(obj["roleRef"], apiGroup=group)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in {"User", "Group"}:
            _set(subject, apiGroup=group)


def _webhooks(obj: Json) -> None:
    for webhook in obj.get("webhooks") or ():
        _set(webhook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        _set(webhook, namespaceSelector={}, objectSelector={})
        if obj["kind"] == "MutatingWebhookConfiguration":
            _set(webhook, reinvocationPolicy="Never")
        for rule in webhook.get("rules") or ():
            _set(rule, scope="*")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            _set(service, port=443)


def _namespace(obj: Json) -> None:
    name = obj["metadata"].get("name", "")
    obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": name}
    _set(obj, spec={})
    _set(obj["spec"], finalizers=["kubernetes"])


def _crd(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, conversion={"strategy": "None"})
    names = spec.setdefault("names", {})
    if names.get("kind"):
        _set(names, listKind=f"{names['kind']}List", singular=str(names["kind"]).lower())


def _pod(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    _set(spec, enableServiceLinks=True)


def _hpa(obj: Json) -> None:
    _set(obj.setdefault("spec", {}), minReplicas=1)


def _priority_class(obj: Json) -> None:
    _set(obj, preemptionPolicy="PreemptLowerPriority")


def _slice_ports(obj: Json) -> None:
    for port in obj.get("ports") or ():
        _set(port, protocol="TCP", name="")


def _node(obj: Json) -> None:
    _set(obj, spec={})


_DEFAULTS: dict[str, Callable[[Json], None]] = {
    "ClusterRoleBinding": _binding,
    "CronJob": _cronjob,
    "CustomResourceDefinition": _crd,
    "DaemonSet": _daemonset,
    "Deployment": _deployment,
    "EndpointSlice": _slice_ports,
    "HorizontalPodAutoscaler": _hpa,
    "Job": _job,
    "MutatingWebhookConfiguration": _webhooks,
    "Namespace": _namespace,
    "NetworkPolicy": _network_policy,
    "Node": _node,
    "PersistentVolume": _volume_object,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "PriorityClass": _priority_class,
    "ReplicaSet": _replicaset,
    "ReplicationController": _replicaset,
    "RoleBinding": _binding,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _statefulset,
    "StorageClass": _storage_class,
    "ValidatingWebhookConfiguration": _webhooks,
}
