"""A cluster in memory behind the cluster door, with no controller: what is written stands, and nothing else happens."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.doors.cluster import ClusterIdentity, Verb, Write
from migrate.doors.slowed import Slowed
from migrate.errors import AlreadyExists, Conflict, DoorError, NotFound
from migrate.model.ids import Side
from migrate.model.inventory import Inventory, inventory_of
from migrate.model.objects import (
    Object,
    Resource,
    dig,
    group_of,
    kind_of,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
)

BORN = "2026-11-22T19:57:04Z"

CORE = (
    Resource("", "v1", "nodes", "Node", False),
    Resource("", "v1", "namespaces", "Namespace", False),
    Resource("", "v1", "pods", "Pod", True),
    Resource("", "v1", "events", "Event", True),
    Resource("", "v1", "configmaps", "ConfigMap", True),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", True),
    Resource("apps", "v1", "daemonsets", "DaemonSet", True),
    Resource("apps", "v1", "deployments", "Deployment", True),
    Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False),
)
OPERATOR = (
    Resource("operator.tigera.io", "v1", "installations", "Installation", False),
    Resource("operator.tigera.io", "v1", "tigerastatuses", "TigeraStatus", False),
)
_CALICO = (
    ("ippools", "IPPool"),
    ("ipamblocks", "IPAMBlock"),
    ("ipamhandles", "IPAMHandle"),
    ("ipreservations", "IPReservation"),
    ("blockaffinities", "BlockAffinity"),
    ("clusterinformations", "ClusterInformation"),
    ("felixconfigurations", "FelixConfiguration"),
    ("bgpconfigurations", "BGPConfiguration"),
    ("kubecontrollersconfigurations", "KubeControllersConfiguration"),
    ("tiers", "Tier"),
    ("networkpolicies", "NetworkPolicy"),
    ("globalnetworkpolicies", "GlobalNetworkPolicy"),
)


def calico_resources(*, native: bool = False) -> tuple[Resource, ...]:
    """Calico's resources, as crd.projectcalico.org/v1 or as native projectcalico.org/v3."""
    group, version = ("projectcalico.org", "v3") if native else ("crd.projectcalico.org", "v1")
    config = ("ipamconfigurations", "IPAMConfiguration") if native else ("ipamconfigs", "IPAMConfig")
    return tuple(
        Resource(group, version, plural, kind, kind == "NetworkPolicy") for plural, kind in (*_CALICO, config)
    )


class MemoryCluster:
    """The cluster door over a dictionary; resource versions, generations and preconditions are kept."""

    side = Side.GREEN
    name = "green"

    def __init__(self, *resources: Sequence[Resource]) -> None:
        self.served = [r for group in (CORE, *resources) for r in group]
        self.objects: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self.writes: list[Write] = []
        self._calls = 0
        self._numbers = itertools.count(100)

    @property
    def undiscovered(self) -> Mapping[str, str]:
        return {}

    def identity(self) -> ClusterIdentity:
        return ClusterIdentity(uid="4c1d", version="v1.35.4", server="memory")

    def resources(self) -> Sequence[Resource]:
        self._calls += 1
        return list(self.served)

    def pages(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        limit: int = 500,
        ownership: bool = False,
    ) -> Iterator[Sequence[Object]]:
        assert not label_selector
        assert not ownership
        self._calls += 1
        yield [
            copy.deepcopy(obj)
            for (group, kind, where, _), obj in sorted(self.objects.items())
            if (group, kind) == (resource.group, resource.kind) and namespace in {"", where}
        ]

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        self._calls += 1
        return copy.deepcopy(self.objects.get((resource.group, resource.kind, namespace, name)))

    def write(self, write: Write) -> Object:
        self._calls += 1
        self.writes.append(write)
        assert write.resource in self.served, f"{write.resource.name} is not served"
        key = (write.resource.group, write.resource.kind, write.namespace, write.name)
        standing = self.objects.get(key)
        if write.verb is Verb.CREATE:
            if standing is not None:
                raise AlreadyExists(write.name)
            assert write.body is not None
            return self._store(key, dict(copy.deepcopy(write.body)))
        if standing is None:
            raise NotFound(write.name)
        # A PUT's body may carry the version too; a merge patch of ours never does.
        asked = write.resource_version
        if write.verb is Verb.REPLACE:
            asked = asked or str(dig(write.body, "metadata", "resourceVersion", default=""))
        if asked and asked != standing["metadata"]["resourceVersion"]:
            raise Conflict(write.name)
        if write.uid and write.uid != standing["metadata"]["uid"]:
            raise Conflict(write.name)
        if write.verb is Verb.DELETE:
            return self.objects.pop(key)
        assert write.body is not None
        after = (
            copy.deepcopy(dict(write.body)) if write.verb is Verb.REPLACE else merged(standing, write.body)
        )
        return self._store(key, after, standing)

    def _store(
        self, key: tuple[str, str, str, str], obj: dict[str, Any], before: Mapping[str, Any] | None = None
    ) -> Object:
        metadata = obj.setdefault("metadata", {})
        number = next(self._numbers)
        metadata.setdefault("uid", f"uid-{number}")
        metadata.setdefault("creationTimestamp", BORN)
        metadata["resourceVersion"] = str(number)
        same = before is not None and before.get("spec") == obj.get("spec")
        metadata["generation"] = dig(before, "metadata", "generation", default=0) + (0 if same else 1)
        self.objects[key] = obj
        return copy.deepcopy(obj)

    def write_many(self, writes: Sequence[Write]) -> Sequence[Object | DoorError]:
        return [self.write(write) for write in writes]

    def send_many(self, writes: Sequence[Write]) -> Iterator[Object | DoorError]:
        return iter(self.write_many(writes))

    def warnings(self, resource: Resource, name: str, namespace: str = "") -> Sequence[str]:
        return ()

    def slowed(self) -> Sequence[Slowed]:
        return ()

    def may(self, verb: str, resource: Resource, namespace: str = "") -> bool:
        return True

    def requests(self) -> int:
        return self._calls

    # --- for tests ---

    def put(self, obj: Object) -> Object:
        """Let an object stand, new or in place of another."""
        key = (group_of(obj), kind_of(obj), namespace_of(obj), name_of(obj))
        return self._store(key, copy.deepcopy(dict(obj)), self.objects.get(key))

    def drop(self, kind: str, name: str, namespace: str = "", group: str = "") -> None:
        """Take an object away."""
        del self.objects[group, kind, namespace, name]

    def find(self, kind: str, name: str, namespace: str = "", group: str = "") -> Any:
        """An object as it stands; KeyError where there is none."""
        return self.objects[group, kind, namespace, name]

    def of(self, kind: str) -> list[Any]:
        """Every object of a kind."""
        return [obj for (_, found, _, _), obj in sorted(self.objects.items()) if found == kind]

    def inventory(self) -> Inventory:
        """Everything that stands."""
        by_kind = {(r.group, r.kind): r for r in self.served}
        return inventory_of(
            (by_kind[group, kind], obj) for (group, kind, _, _), obj in sorted(self.objects.items())
        )


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(copy.deepcopy(target)) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def node(name: str, address: str, *, pod_cidr: str = "", **labels: str) -> dict[str, Any]:
    """A Linux node that waits for its network."""
    spec = {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]} if pod_cidr else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", **labels}},
        "spec": spec,
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": [
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "KubeletNotReady",
                    "message": "container runtime network not ready: cni plugin not initialized",
                }
            ],
        },
    }


def pod(name: str, on: str, address: str = "", *, namespace: str = "demo", **more: Any) -> dict[str, Any]:
    """A running pod on a node; without an address it is still Pending."""
    status: dict[str, Any] = {"phase": "Pending"}
    if address:
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": "2026-11-22T19:58:16Z",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-22T19:58:20Z"}],
        }
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    spec = {"nodeName": on, "containers": [{"name": "c", "image": "busybox"}], **more.pop("spec", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {**status, **more},
    }


def calico_node(env: Mapping[str, str] | None = None, namespace: str = "kube-system") -> dict[str, Any]:
    """DaemonSet calico-node as the manifest writes it, in short."""
    variables = {"CLUSTER_TYPE": "k8s,bgp", "NO_DEFAULT_POOLS": "true"} if env is None else env
    container = {
        "name": "calico-node",
        "image": "quay.io/calico/node:v3.32.1",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    template = {
        "metadata": {"labels": {"k8s-app": "calico-node"}},
        "spec": {
            "hostNetwork": True,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "containers": [container],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "calico-node", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"k8s-app": "calico-node"}}, "template": template},
    }


def kube_controllers(namespace: str = "kube-system", *, available: bool = True) -> dict[str, Any]:
    """Deployment calico-kube-controllers with the status that its controller writes."""
    status: dict[str, Any] = {"conditions": [{"type": "Available", "status": str(available)}]}
    if available:
        status["availableReplicas"] = 1
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "calico-kube-controllers", "namespace": namespace},
        "spec": {"replicas": 1},
        "status": status,
    }


def crds(group: str = "crd.projectcalico.org") -> list[dict[str, Any]]:
    """Calico's definitions, Established, without their schemas."""
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{resource.plural}.{group}"},
            "spec": {"group": group},
            "status": {"conditions": [{"type": "Established", "status": "True"}]},
        }
        for resource in calico_resources(native=group == "projectcalico.org")
    ]


def marks_of(obj: Object) -> dict[str, str]:
    """The annotations of an object, as a plain dictionary."""
    return dict(metadata_of(obj).get("annotations") or {})


__all__ = [
    "MemoryCluster",
    "calico_node",
    "calico_resources",
    "crds",
    "kube_controllers",
    "labels_of",
    "node",
    "pod",
]
