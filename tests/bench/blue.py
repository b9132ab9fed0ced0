"""A blue of any size: the demo's Weave cluster, grown by nodes and namespaces full of workloads that stand already."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.objects import Object
from migrate.simulation.seed import seed, seed_yaml
from migrate.simulation.served import resource
from migrate.simulation.world import World

Json = dict[str, Any]

BORN = "2025-02-11T08:15:42Z"
NAME = "dc1-big"
PODS_A_NODE = 90
"""A node takes 110; what runs on each of them takes some."""

_PLURALS = {
    "Endpoints": "endpoints",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How big a blue is: pods in Deployments of five, with what comes along, and configuration up to `objects`."""

    pods: int
    objects: int
    namespaces: int = 50

    @property
    def deployments(self) -> int:
        """How many Deployments, each with a ReplicaSet, a Service and its EndpointSlice."""
        return self.pods // 5


def make(path: Path, size: Size) -> int:
    """Make a world at `path` whose blue has that size, settled as a real cluster read a moment ago; how many objects."""
    scratch = path.with_suffix(".small")
    with World.create(scratch) as world:
        seed_yaml(world, Side.BLUE, _grown(size), NAME)
        world.settle()
        small = read_inventory(world.cluster(Side.BLUE))
    for file in scratch.parent.glob(f"{scratch.name}*"):
        file.unlink()
    whole = inventory_of(
        [*small, *((_served(obj), obj) for obj in bulk(size, len(small)))], version=small.version
    )
    whole = Inventory(
        (*small.resources, *(r for r in whole.resources if r not in small.resources)),
        whole.objects,
        small.version,
    )
    with World.create(path) as world:
        seed(world, Side.BLUE, whole, name=NAME)
        world.settle()
    return len(whole)


def _grown(size: Size) -> str:
    """The demo's blue with as many nodes as its pods need."""
    text = (resources.files("migrate.simulation") / "data" / "demo-blue.yaml").read_text()
    documents = [d for d in yaml.load_all(text, Loader=yaml.CSafeLoader) if d]
    worker = [d for d in documents if d["kind"] == "Node"][-1]
    more = [_node(worker, number) for number in range(size.pods // PODS_A_NODE + 1)]
    return "\n---\n".join([text, *(yaml.dump(node, Dumper=yaml.CSafeDumper) for node in more)])


def _node(worker: Json, number: int) -> Json:
    name = f"{NAME}-w-{number}"
    metadata = {**worker["metadata"], "name": name, "uid": _uid("Node", "", name)}
    metadata["labels"] = {**worker["metadata"]["labels"], "kubernetes.io/hostname": name}
    address = f"10.10.{5 + number // 200}.{number % 200 + 10}"
    told = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    return {**worker, "metadata": metadata, "status": {**worker["status"], "addresses": told}}


def bulk(size: Size, already: int = 0) -> Iterator[Json]:
    """What the size asks for beside the `already` standing objects, as a server would list it."""
    made = 0
    for obj in _workloads(size):
        made += 1
        yield obj
    for number in range(size.objects - already - made):
        yield _configuration(number, f"team-{number % size.namespaces}")


def _workloads(size: Size) -> Iterator[Json]:
    for number in range(size.namespaces):
        yield from _namespace(f"team-{number}")
    for number in range(size.deployments):
        yield from _application(number, f"team-{number % size.namespaces}", size)


def _namespace(name: str) -> Iterator[Json]:
    yield _object("v1", "Namespace", name, status={"phase": "Active"})
    yield _object("v1", "ServiceAccount", "default", name)
    yield _object(
        "v1", "ConfigMap", "kube-root-ca.crt", name, data={"ca.crt": "-----BEGIN CERTIFICATE-----\n"}
    )
    yield _object("v1", "ServiceAccount", "deployer", name)
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]}]
    yield _object("rbac.authorization.k8s.io/v1", "Role", "deployer", name, rules=rules)
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": name}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"}
    yield _object(
        "rbac.authorization.k8s.io/v1", "RoleBinding", "deployer", name, subjects=[subject], roleRef=role
    )
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    yield _object("networking.k8s.io/v1", "NetworkPolicy", "default-deny", name, spec=spec)


def _application(number: int, namespace: str, size: Size) -> Iterator[Json]:
    """One Deployment with its ReplicaSet, five pods, Service, EndpointSlice, Endpoints, and sometimes more."""
    name, labels = f"app-{number}", {"app": f"app-{number}"}
    pod_labels = {**labels, "pod-template-hash": "5d9c7b"}
    template = {"metadata": {"labels": labels}, "spec": _pod_spec(name, number)}
    selector = {"matchLabels": labels}
    settled = {
        "replicas": 5,
        "readyReplicas": 5,
        "availableReplicas": 5,
        "updatedReplicas": 5,
        "observedGeneration": 1,
    }
    spec = {"replicas": 5, "selector": selector, "template": template, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}  # fmt: skip
    deployment = _object("apps/v1", "Deployment", name, namespace, spec=spec, status={**settled, "conditions": [{"type": "Available", "status": "True"}]})  # fmt: skip
    deployment["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    yield deployment
    own = {"replicas": 5, "selector": {"matchLabels": pod_labels}, "template": {**template, "metadata": {"labels": pod_labels}}}  # fmt: skip
    del settled["updatedReplicas"]
    replica_set = _object("apps/v1", "ReplicaSet", f"{name}-5d9c7b", namespace, spec=own, status=settled)
    replica_set["metadata"] |= {"labels": pod_labels, "ownerReferences": [_owner(deployment)]}
    replica_set["metadata"]["annotations"] = {"deployment.kubernetes.io/desired-replicas": "5", "deployment.kubernetes.io/max-replicas": "7", "deployment.kubernetes.io/revision": "1"}  # fmt: skip
    yield replica_set
    pods = [_pod(number * 5 + place, replica_set, pod_labels, size) for place in range(5)]
    yield from pods
    port = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    address = f"10.{100 + number // 60000}.{number // 250 % 240}.{number % 250 + 1}"
    service = _object("v1", "Service", name, namespace, spec={"selector": labels, "ports": [port], "clusterIP": address, "clusterIPs": [address], "type": "ClusterIP", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None"})  # fmt: skip
    yield service
    yield from _endpoints(service, pods)
    if number % 4 == 0:
        allowed = {"podSelector": selector, "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080, "protocol": "TCP"}]}], "policyTypes": ["Ingress"]}  # fmt: skip
        yield _object("networking.k8s.io/v1", "NetworkPolicy", name, namespace, spec=allowed)
    if number % 5 == 0:
        yield _object(
            "policy/v1",
            "PodDisruptionBudget",
            name,
            namespace,
            spec={"maxUnavailable": 1, "selector": selector},
        )
    if number % 40 == 0:
        yield _cron_job(f"nightly-{number}", namespace, number)


def _pod_spec(name: str, number: int) -> Json:
    env = [{"name": "LOG_LEVEL", "value": "info"}, {"name": "PEER", "value": f"http://app-{number ^ 1}:80"}]
    container = {"name": "main", "image": f"registry.example/{name}:1.4", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}], "env": env, "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}, "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}  # fmt: skip
    return {"containers": [container], "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30}  # fmt: skip


def _pod(number: int, owner: Json, labels: Mapping[str, str], size: Size) -> Json:
    namespace = owner["metadata"]["namespace"]
    name = f"{owner['metadata']['name']}-{_word(number)}"
    node = f"{NAME}-w-{number // PODS_A_NODE}"
    address = f"10.{33 + number // 60000}.{number // 250 % 250}.{number % 250 + 2}"
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": BORN} for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")]  # fmt: skip
    state = {"name": "main", "image": owner["spec"]["template"]["spec"]["containers"][0]["image"], "imageID": "", "ready": True, "started": True, "restartCount": 0, "state": {"running": {"startedAt": BORN}}, "containerID": f"containerd://{_word(number, 64)}"}  # fmt: skip
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": BORN, "qosClass": "Burstable", "conditions": conditions, "containerStatuses": [state]}  # fmt: skip
    spec = {**owner["spec"]["template"]["spec"], "nodeName": node, "serviceAccountName": "default"}
    pod = _object("v1", "Pod", name, namespace, spec=spec, status=status)
    pod["metadata"] |= {"labels": dict(labels), "ownerReferences": [_owner(owner)]}
    return pod


def _endpoints(service: Json, pods: list[Json]) -> Iterator[Json]:
    """What the controllers write for a Service: an EndpointSlice and the older Endpoints."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    targets = [{"kind": "Pod", "name": p["metadata"]["name"], "namespace": namespace, "uid": p["metadata"]["uid"]} for p in pods]  # fmt: skip
    ready = {"ready": True, "serving": True, "terminating": False}
    rows = [{"addresses": [p["status"]["podIP"]], "conditions": ready, "nodeName": p["spec"]["nodeName"], "targetRef": t} for p, t in zip(pods, targets, strict=True)]  # fmt: skip
    port = {"name": "http", "port": 8080, "protocol": "TCP"}
    slice_ = _object("discovery.k8s.io/v1", "EndpointSlice", f"{name}-{_word(0)}", namespace, addressType="IPv4", endpoints=rows, ports=[port])  # fmt: skip
    slice_["metadata"] |= {"labels": {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}, "ownerReferences": [_owner(service)]}  # fmt: skip
    yield slice_
    addresses = [{"ip": p["status"]["podIP"], "nodeName": p["spec"]["nodeName"], "targetRef": t} for p, t in zip(pods, targets, strict=True)]  # fmt: skip
    made = _object("v1", "Endpoints", name, namespace, subsets=[{"addresses": addresses, "ports": [port]}])
    made["metadata"]["labels"] = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    yield made


def _cron_job(name: str, namespace: str, number: int) -> Json:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/nightly:1"}]}
    spec = {"schedule": f"{number % 60} 2 * * *", "concurrencyPolicy": "Forbid", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1, "jobTemplate": {"spec": {"template": {"spec": pod}}}}  # fmt: skip
    # fired this morning: one that never did would fire at once
    fired = {"lastScheduleTime": f"2026-01-05T02:{number % 60:02}:00Z"}
    return _object("batch/v1", "CronJob", name, namespace, spec=spec, status=fired)


def _configuration(number: int, namespace: str) -> Json:
    """A ConfigMap or a Secret, turn by turn, of a kilobyte or so."""
    if number % 2:
        return _object(
            "v1", "ConfigMap", f"config-{number}", namespace, data={"config.yaml": f"number: {number}\n" * 60}
        )
    value = base64.b64encode(f"value {number} ".encode() * 60).decode()
    return _object("v1", "Secret", f"secret-{number}", namespace, type="Opaque", data={"key": value})


def _object(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> Json:
    metadata: Json = {"name": name, "uid": _uid(kind, namespace, name), "resourceVersion": "1", "creationTimestamp": BORN, "generation": 1}  # fmt: skip
    metadata["managedFields"] = [{"manager": "helm", "operation": "Update", "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}}]  # fmt: skip
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _owner(obj: Object) -> Json:
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}  # fmt: skip


def _uid(*words: str) -> str:
    word = hashlib.sha256("/".join(words).encode()).hexdigest()
    return f"{word[:8]}-{word[8:12]}-4{word[13:16]}-8{word[17:20]}-{word[20:32]}"


def _word(number: int, length: int = 5) -> str:
    return hashlib.sha256(f"word {number}".encode()).hexdigest()[:length]


def _served(obj: Object) -> Any:
    group = str(obj["apiVersion"]).rpartition("/")[0]
    kind = str(obj["kind"])
    return resource(_PLURALS.get(kind, f"{kind.lower()}s"), group)
