"""What the API server refuses in an object: names, required fields, and what does not fit together (pure).

Returns problems as the server words them (`field: what`); a Secret's values are never quoted.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrate.model.objects import Object, dig, group_of, kind_of
from migrate.simulation.selectors import matches

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SEGMENT = re.compile(r"[^/%]+")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")

# These names are path segments: `system:node` is one, and `v1.`, and an IPv6 address.
PATH_NAMED = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "APIService", "IPAddress"}
_LABEL_NAMED = {"Namespace"}
_SERVICE_NAMED = {"Service"}

_RFC1123 = "a lowercase RFC 1123 {what} must consist of lower case alphanumeric characters"


def problems(obj: Object) -> list[str]:
    """Everything that is wrong with an object as it would be stored."""
    found = [*_metadata(obj), *_required(obj)]
    check = _CHECKS.get(kind_of(obj))
    if check is not None and not found:
        found.extend(check(obj))
    return found


def _metadata(obj: Object) -> Iterator[str]:
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if not name:
        yield "metadata.name: Required value: name or generateName is required"
        return
    if not _good_name(kind_of(obj), name):
        what = "label" if kind_of(obj) in _LABEL_NAMED else "subdomain"
        yield f'metadata.name: Invalid value: "{name}": {_RFC1123.format(what=what)}'
    for key, value in (metadata.get("labels") or {}).items():
        if not _LABEL_KEY.fullmatch(key) or len(key.partition("/")[0]) > 253:
            yield f'metadata.labels: Invalid value: "{key}": name part must consist of alphanumeric characters'
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            yield f'metadata.labels: Invalid value: "{value}": a valid label must be an empty string or consist of alphanumeric characters'
    total = sum(len(str(k)) + len(str(v)) for k, v in (metadata.get("annotations") or {}).items())
    if total > 256 * 1024:
        yield "metadata.annotations: Too long: may not be more than 262144 bytes"
    for owner in metadata.get("ownerReferences") or ():
        if not all(owner.get(key) for key in ("apiVersion", "kind", "name", "uid")):
            yield 'metadata.ownerReferences: Invalid value: must not be empty: "apiVersion", "kind", "name", "uid"'


def _good_name(kind: str, name: str) -> bool:
    if len(name) > 253:
        return False
    if kind in PATH_NAMED:
        return bool(_SEGMENT.fullmatch(name)) and name not in {".", ".."}
    if kind in _LABEL_NAMED:
        return bool(_LABEL.fullmatch(name))
    if kind in _SERVICE_NAMED:
        return bool(_SERVICE.fullmatch(name))
    return bool(_SUBDOMAIN.fullmatch(name))


_REQUIRED: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("spec.containers",),
    ("", "ReplicationController"): ("spec.template.spec.containers",),
    ("apps", "Deployment"): ("spec.selector", "spec.template.spec.containers"),
    ("apps", "ReplicaSet"): ("spec.selector", "spec.template.spec.containers"),
    ("apps", "DaemonSet"): ("spec.selector", "spec.template.spec.containers"),
    ("apps", "StatefulSet"): ("spec.selector", "spec.template.spec.containers"),
    ("batch", "Job"): ("spec.template.spec.containers",),
    ("batch", "CronJob"): ("spec.schedule", "spec.jobTemplate.spec.template.spec.containers"),
    ("", "PersistentVolumeClaim"): ("spec.accessModes", "spec.resources.requests.storage"),
    ("", "PersistentVolume"): ("spec.accessModes", "spec.capacity.storage"),
    ("storage.k8s.io", "StorageClass"): ("provisioner",),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef.kind", "roleRef.name"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef.kind", "roleRef.name"),
    ("autoscaling", "HorizontalPodAutoscaler"): ("spec.scaleTargetRef.name", "spec.maxReplicas"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        "spec.group",
        "spec.names.kind",
        "spec.names.plural",
        "spec.scope",
        "spec.versions",
    ),
    ("scheduling.k8s.io", "PriorityClass"): ("value",),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("discovery.k8s.io", "EndpointSlice"): ("addressType",),
}


def _required(obj: Object) -> Iterator[str]:
    for path in _REQUIRED.get((group_of(obj), kind_of(obj)), ()):
        value = dig(obj, *path.split("."))
        if value is None or (value in ("", [], {}) and path != "spec.selector"):
            yield f"{path}: Required value"


def _workload(obj: Object) -> Iterator[str]:
    spec = obj["spec"]
    labels = dig(spec, "template", "metadata", "labels", default={}) or {}
    selector = spec.get("selector")
    if selector in ({}, {"matchLabels": {}}):
        yield "spec.selector: Invalid value: {}: empty selector is invalid for " + kind_of(obj).lower()
    elif not matches(selector, labels):
        yield "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`"
    if (spec.get("replicas") or 0) < 0:
        yield f"spec.replicas: Invalid value: {spec['replicas']}: must be greater than or equal to 0"
    yield from _pod_spec(dig(spec, "template", "spec", default={}), "spec.template.spec")
    policy = dig(spec, "template", "spec", "restartPolicy")
    if policy != "Always":
        yield f'spec.template.spec.restartPolicy: Unsupported value: "{policy}": supported values: "Always"'


def _pod(obj: Object) -> Iterator[str]:
    yield from _pod_spec(obj["spec"], "spec")


def _pod_spec(spec: Mapping[str, Any], where: str) -> Iterator[str]:
    names = [container.get("name") for container in spec.get("containers") or ()]
    for index, container in enumerate(spec.get("containers") or ()):
        if not container.get("name") or not _LABEL.fullmatch(str(container["name"])):
            yield f"{where}.containers[{index}].name: Required value"
        elif names.index(container["name"]) != index:
            yield f'{where}.containers[{index}].name: Duplicate value: "{container["name"]}"'
        if not container.get("image"):
            yield f"{where}.containers[{index}].image: Required value"
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    for word in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(word) or ()):
            for place, mount in enumerate(container.get("volumeMounts") or ()):
                if mount.get("name") not in volumes:
                    yield f'{where}.{word}[{index}].volumeMounts[{place}].name: Not found: "{mount.get("name")}"'


def _statefulset(obj: Object) -> Iterator[str]:
    claims = {dig(claim, "metadata", "name") for claim in obj["spec"].get("volumeClaimTemplates") or ()}
    for problem in _workload(obj):
        found = re.search(r'volumeMounts\[\d+\]\.name: Not found: "(.*)"', problem)
        if not (found and found[1] in claims):
            yield problem


def _job(obj: Object) -> Iterator[str]:
    spec = obj["spec"]
    policy = dig(spec, "template", "spec", "restartPolicy")
    if policy not in {"OnFailure", "Never"}:
        yield f'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never" (found "{policy}")'
    if not matches(spec.get("selector"), dig(spec, "template", "metadata", "labels", default={}) or {}):
        yield "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`"
    yield from _pod_spec(dig(spec, "template", "spec", default={}), "spec.template.spec")


def _service(obj: Object) -> Iterator[str]:
    spec = obj["spec"]
    kind = spec.get("type")
    if kind == "ExternalName":
        if not spec.get("externalName"):
            yield "spec.externalName: Required value"
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        yield "spec.ports: Required value"
    ports = spec.get("ports") or ()
    for index, port in enumerate(ports):
        if not isinstance(port.get("port"), int) or not 0 < port["port"] < 65536:
            yield f"spec.ports[{index}].port: Invalid value: {port.get('port')}: must be between 1 and 65535, inclusive"
        if len(ports) > 1 and not port.get("name"):
            yield f"spec.ports[{index}].name: Required value"
        if port.get("nodePort") and kind == "ClusterIP":
            yield f"spec.ports[{index}].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"


def _data(obj: Object) -> Iterator[str]:
    size = 0
    for key, value in (obj.get("data") or {}).items():
        size += len(value or "")
        if not _DATA_KEY.fullmatch(key) or len(key) > 253:
            yield f'data[{key}]: Invalid value: "{key}": a valid config key must consist of alphanumeric characters'
    if size > (4 * 1024 * 1024) // 3:
        yield "data: Too long: may not be more than 1048576 bytes"


_SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}
"""Source: https://kubernetes.io/docs/concepts/configuration/secret/#secret-types"""


def _secret(obj: Object) -> Iterator[str]:
    yield from _data(obj)
    data = obj.get("data") or {}
    kind = str(obj.get("type"))
    for key in _SECRET_KEYS.get(kind, ()):
        if key not in data:
            yield f"data[{key}]: Required value"
        elif key.startswith(".docker") and not _is_json(data[key]):
            yield f"data[{key}]: Invalid value: <secret contents redacted>: must be valid JSON"
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        yield "data[username]: Required value"
    name = "kubernetes.io/service-account.name"
    if kind == "kubernetes.io/service-account-token" and not dig(obj, "metadata", "annotations", name):
        yield f"metadata.annotations[{name}]: Required value"
    for key, value in data.items():
        if not _is_base64(value):
            yield f"data[{key}]: Invalid value: <secret contents redacted>: illegal base64 data"


def _is_base64(value: Any) -> bool:
    try:
        base64.b64decode(str(value or ""), validate=True)
    except ValueError:
        return False
    return True


def _is_json(value: Any) -> bool:
    try:
        json.loads(base64.b64decode(str(value), validate=True))
    except ValueError:
        return False
    return True


def _crd(obj: Object) -> Iterator[str]:
    spec = obj["spec"]
    wanted = f"{spec['names']['plural']}.{spec['group']}"
    if obj["metadata"]["name"] != wanted:
        yield f'metadata.name: Invalid value: "{obj["metadata"]["name"]}": must be spec.names.plural+"."+spec.group'
    if sum(1 for version in spec["versions"] if version.get("storage")) != 1:
        yield "spec.versions: Invalid value: must have exactly one version marked as storage version"
    for index, version in enumerate(spec["versions"]):
        if not dig(version, "schema", "openAPIV3Schema"):
            yield f"spec.versions[{index}].schema.openAPIV3Schema: Required value: schemas are required"


def _network_policy(obj: Object) -> Iterator[str]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(obj["spec"].get(direction) or ()):
            for place, peer in enumerate((rule or {}).get(side) or ()):
                where = f"spec.{direction}[{index}].{side}[{place}]"
                if not any(key in peer for key in ("podSelector", "namespaceSelector", "ipBlock")):
                    yield f"{where}: Required value: must specify a peer"
                if peer.get("ipBlock") is not None:
                    yield from _ip_block(peer["ipBlock"], f"{where}.ipBlock")
    for kind in obj["spec"].get("policyTypes") or ():
        if kind not in {"Ingress", "Egress"}:
            yield f'spec.policyTypes: Unsupported value: "{kind}": supported values: "Egress", "Ingress"'


def _ip_block(block: Mapping[str, Any], where: str) -> Iterator[str]:
    whole = _network(block.get("cidr"))
    if whole is None:
        yield f'{where}.cidr: Invalid value: "{block.get("cidr")}": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
        return
    for index, text in enumerate(block.get("except") or ()):
        part = _network(text)
        inside = part is not None and part.version == whole.version and part.prefixlen > whole.prefixlen
        if not inside or part is None or part.network_address not in whole:
            yield f'{where}.except[{index}]: Invalid value: "{text}": must be a strict subset of `cidr`'


def _network(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if "/" not in str(text):
        return None
    try:
        return ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        return None


def _webhooks(obj: Object) -> Iterator[str]:
    for index, webhook in enumerate(obj.get("webhooks") or ()):
        for key in ("name", "clientConfig", "admissionReviewVersions", "sideEffects"):
            if not webhook.get(key):
                yield f"webhooks[{index}].{key}: Required value"


_CHECKS: dict[str, Callable[[Object], Iterator[str]]] = {
    "ConfigMap": _data,
    "CustomResourceDefinition": _crd,
    "DaemonSet": _workload,
    "Deployment": _workload,
    "Job": _job,
    "MutatingWebhookConfiguration": _webhooks,
    "NetworkPolicy": _network_policy,
    "Pod": _pod,
    "ReplicaSet": _workload,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _statefulset,
    "ValidatingWebhookConfiguration": _webhooks,
}
