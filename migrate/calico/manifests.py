"""Composing an installation: the manifests as published, changed as the plan needs, in the order they are written.

Facts about the two kinds: a manifest install (`calico.yaml`, `calico-vxlan.yaml`, `calico-typha.yaml`) is DaemonSet
kube-system/calico-node, configured by its environment and ConfigMap calico-config; an operator install is Deployment
tigera-operator, configured by the Installation named default. calico-node refuses to start when NO_DEFAULT_POOLS is
set beside CALICO_IPV4POOL_CIDR (its startup's own check), so both change together. Backend `vxlan` runs no BIRD, and
a readiness probe that asks for it never passes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from migrate.calico import pools as ip_pools
from migrate.calico.documents import ManifestError, documents
from migrate.calico.pools import CRD_GROUP, CRD_V1, V3, V3_GROUP
from migrate.errors import UsageError
from migrate.model.migration import Network, Pool
from migrate.model.objects import Object, dig, group_of, kind_of, name_of, ref_of

__all__ = ["Group", "Install", "ManifestError", "documents", "is_crd", "plan_install"]

InstallKind = Literal["manifest", "operator"]

OPERATOR_GROUP = "operator.tigera.io"
NODE = "calico-node"
CONFIG = "calico-config"

_RBAC = frozenset({"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"})
_WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob", "Pod"})
_BIRD_PROBES = {"readinessProbe": "-bird-ready", "livenessProbe": "-bird-live"}


@dataclass(frozen=True, slots=True)
class Group:
    """Objects that are written together; `settle` says what must hold before the next group, empty for nothing."""

    name: str
    objects: tuple[Object, ...]
    settle: str = ""


@dataclass(frozen=True, slots=True)
class Install:
    """An installation: ordered groups, the changes made to the published manifests, and what to look out for.

    `namespace` is where calico-node will run; `pools` are the planned ones, default included.
    """

    kind: InstallKind
    groups: tuple[Group, ...]
    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    pools: tuple[Pool, ...]
    namespace: str

    @property
    def objects(self) -> tuple[Object, ...]:
        """Every object, in the order of writing."""
        return tuple(obj for group in self.groups for obj in group.objects)


def is_crd(obj: Object) -> bool:
    """Whether an object is a CustomResourceDefinition."""
    return kind_of(obj) == "CustomResourceDefinition" and group_of(obj) == "apiextensions.k8s.io"


def plan_install(
    objects: Sequence[Object], network: Network, pools: Sequence[Pool], kind: InstallKind = "manifest"
) -> Install:
    """Compose the installation of Calico from published manifests; raises UsageError with all that stands against it."""
    planned = ip_pools.planned_pools(network, pools)
    against = [*ip_pools.problems(network, planned), *_misfits(objects, kind)]
    if against:
        raise UsageError(
            "Calico cannot be installed as written: " + "; ".join(against),
            remedy="mend green.network, green.calico.pools or green.calico.install",
        )
    draft = _Draft(objects, planned)
    if kind == "manifest":
        draft.change_manifest()
    else:
        draft.change_operator()
    return Install(
        kind=kind,
        groups=_groups(draft.objects),
        changes=tuple(draft.changes),
        warnings=tuple(draft.warnings),
        pools=planned,
        namespace="kube-system" if kind == "manifest" else "calico-system",
    )


def _misfits(objects: Sequence[Object], kind: InstallKind) -> list[str]:
    """Why these objects are no installation of that kind."""
    found = []
    refs = [ref_of(obj) for obj in objects]
    found += [f"{ref} is written twice" for ref in sorted({ref for ref in refs if refs.count(ref) > 1})]
    installation = _one(objects, "Installation", OPERATOR_GROUP)
    node = _one(objects, "DaemonSet", "apps", NODE)
    if not any(is_crd(obj) for obj in objects):
        found.append("the manifests hold no CustomResourceDefinitions")
    if _one(objects, "DaemonSet", "apps", "canal"):
        found.append("these are the manifests of Canal; Calico's own network is needed")
    if kind == "operator":
        if installation is None:
            found.append("the manifests of an operator install need an Installation (custom-resources.yaml)")
        if _one(objects, "Deployment", "apps", "tigera-operator") is None:
            found.append(
                "the manifests of an operator install need Deployment tigera-operator (tigera-operator.yaml)"
            )
        if node is not None:
            found.append("DaemonSet calico-node belongs to a manifest install; the operator makes its own")
        return found
    if installation is not None:
        found.append(
            "an Installation belongs to an operator install; write green.calico.install.kind: operator"
        )
    if node is None:
        return [*found, "the manifests hold no DaemonSet calico-node"]
    return found + _node_misfits(node, _one(objects, "ConfigMap", "", CONFIG))


def _node_misfits(node: Object, config: Object | None) -> list[str]:
    found = []
    env = {entry.get("name"): entry for entry in _env(node) or ()}
    if env.get("DATASTORE_TYPE", {}).get("value", "kubernetes") != "kubernetes":
        found.append("calico-node keeps its data in etcd; the Kubernetes datastore is needed")
    backend = dig(config, "data", "calico_backend") or env.get("CALICO_NETWORKING_BACKEND", {}).get("value")
    if backend == "none":
        found.append("calico_backend is none: this Calico only enforces policies, and green needs a network")
    if "host-local" in str(dig(config, "data", "cni_network_config", default="")):
        found.append("the CNI configuration uses host-local addresses; pools need calico-ipam")
    return found


class _Draft:
    """The objects while they are changed: copies, with a sentence for every change."""

    def __init__(self, objects: Sequence[Object], planned: Sequence[Pool]) -> None:
        self.objects: list[Any] = [copy.deepcopy(dict(obj)) for obj in objects]
        self.planned = planned
        self.changes: list[str] = []
        self.warnings: list[str] = []
        crossing = [pool.name for pool in planned if pool.encapsulation.endswith("CrossSubnet")]
        if crossing:
            self.warnings.append(
                f"pools {', '.join(crossing)} encapsulate between subnets only: between nodes of one subnet a check"
                " of MTU or of the tunnel's port says nothing"
            )
        self.native = any(is_crd(obj) and dig(obj, "spec", "group") == V3_GROUP for obj in objects)
        if self.native:
            self.warnings.append(
                "these are native projectcalico.org/v3 CRDs (a technology preview): the API server must serve"
                " MutatingAdmissionPolicy, and policies cannot be written until calico-webhooks answers"
            )

    def change_manifest(self) -> None:
        node = _one(self.objects, "DaemonSet", "apps", NODE)
        container = _container(node)
        assert container is not None
        bird = ip_pools.needs_bird(self.planned)
        self._environment(container.setdefault("env", []), bird=bird)
        self._probes(container, bird=bird)
        self._pool_objects()

    def _environment(self, env: list[Any], *, bird: bool) -> None:
        where = f"DaemonSet {NODE}"
        for name in ("CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"):
            if _drop(env, name):
                self.changes.append(f"{where}: {name} is removed, as pools are written as planned")
        ipip, vxlan = ip_pools.modes(next((p for p in self.planned if not p.namespaces), self.planned[0]))
        wanted = {
            "NO_DEFAULT_POOLS": ("true", "so that calico-node makes no pool of its own"),
            "CALICO_IPV4POOL_IPIP": (ipip, "as the pools are planned"),
            "CALICO_IPV4POOL_VXLAN": (vxlan, "as the pools are planned"),
        }
        for name, (value, reason) in wanted.items():
            before = _set(env, name, value)
            if before != value:
                self.changes.append(f"{where}: {name} is {value!r}{_instead(before)}, {reason}")
        backend = "bird" if bird else "vxlan"
        reason = "IPIP and unencapsulated pools get their routes from BIRD" if bird else "no pool needs BIRD"
        config = _one(self.objects, "ConfigMap", "", CONFIG)
        literal = next(
            (e for e in env if e.get("name") == "CALICO_NETWORKING_BACKEND" and "value" in e), None
        )
        if literal is not None and literal["value"] != backend:
            self.changes.append(
                f"{where}: CALICO_NETWORKING_BACKEND is {backend!r}{_instead(literal['value'])}, as {reason}"
            )
            literal["value"] = backend
        if config is not None and literal is None:
            data = config.setdefault("data", {})
            if data.get("calico_backend") != backend:
                self.changes.append(
                    f"ConfigMap {CONFIG}: calico_backend is {backend!r}{_instead(data.get('calico_backend'))}, as {reason}"
                )
                data["calico_backend"] = backend

    def _probes(self, container: dict[str, Any], *, bird: bool) -> None:
        for probe, flag in _BIRD_PROBES.items():
            command = dig(container, probe, "exec", "command")
            if not isinstance(command, list) or (flag in command) == bird:
                continue
            if bird:
                command.append(flag)
                self.changes.append(f"DaemonSet {NODE}: {probe} asks for {flag}, as BIRD runs")
            else:
                command.remove(flag)
                self.changes.append(f"DaemonSet {NODE}: {probe} no longer asks for {flag}, as no BIRD runs")

    def _pool_objects(self) -> None:
        names = {pool.name for pool in self.planned}
        for obj in [obj for obj in self.objects if kind_of(obj) == "IPPool"]:
            self.objects.remove(obj)
            if name_of(obj) not in names:
                self.changes.append(
                    f"IPPool {name_of(obj)} of the manifests is left out, as it is not planned"
                )
        self.objects += [ip_pools.ip_pool(pool, V3 if self.native else CRD_V1) for pool in self.planned]
        self.changes += [
            f"IPPool {pool.name} ({pool.cidr}) is written before calico-node starts" for pool in self.planned
        ]

    def change_operator(self) -> None:
        installation = _one(self.objects, "Installation", OPERATOR_GROUP)
        assert installation is not None
        spec = installation.get("spec") or {}
        installation["spec"] = spec
        network = spec.setdefault("calicoNetwork", {})
        wanted = [ip_pools.installation_pool(pool) for pool in self.planned]
        before = network.get("ipPools")
        if before != wanted:
            network["ipPools"] = wanted
            was = "one of the operator's choice" if before is None else _pool_names(before)
            self.changes.append(
                f"Installation {name_of(installation)}: ipPools are {_pool_names(wanted)} instead of {was}, as planned"
            )
        if spec.get("cni", {}).get("type", "Calico") != "Calico":
            raise UsageError(
                f"Installation {name_of(installation)} uses the CNI {spec['cni']['type']}, and green needs Calico's",
                remedy="remove spec.cni from the Installation",
            )
        by_bird = ip_pools.needs_bird(self.planned) and network.get("clusterRoutingMode") != "Felix"
        if by_bird and network.get("bgp") == "Disabled":
            network["bgp"] = "Enabled"
            self.changes.append(
                f"Installation {name_of(installation)}: bgp is 'Enabled' instead of 'Disabled',"
                " as IPIP and unencapsulated pools get their routes from BIRD"
            )
        for obj in [obj for obj in self.objects if kind_of(obj) == "IPPool"]:
            self.objects.remove(obj)
            self.changes.append(
                f"IPPool {name_of(obj)} of the manifests is left out: the operator makes the pools"
            )


def _groups(objects: Sequence[Object]) -> tuple[Group, ...]:
    """The objects in the order of writing; empty groups are left out, the order inside a group is the manifests'."""
    settles = {
        "crds": "every CustomResourceDefinition is Established",
        "workloads": "the workloads have rolled out",
        "custom-resources": "TigeraStatus is Available",
    }
    order = ("crds", "namespaces", "rbac", "config", "pools", "workloads", "custom-resources")
    sorted_out: dict[str, list[Object]] = {name: [] for name in order}
    for obj in objects:
        sorted_out[_group_name(obj)].append(obj)
    return tuple(
        Group(name, tuple(found), settles.get(name, "")) for name, found in sorted_out.items() if found
    )


def _group_name(obj: Object) -> str:
    kind, group = kind_of(obj), group_of(obj)
    if is_crd(obj):
        return "crds"
    if group == OPERATOR_GROUP:
        return "custom-resources"
    if group in {CRD_GROUP, V3_GROUP}:
        return "pools"
    if kind == "Namespace":
        return "namespaces"
    if kind in _RBAC:
        return "rbac"
    if kind in _WORKLOADS:
        return "workloads"
    return "config"


def _one(objects: Sequence[Any], kind: str, group: str, name: str = "") -> Any:
    for obj in objects:
        if kind_of(obj) == kind and group_of(obj) == group and name in {"", name_of(obj)}:
            return obj
    return None


def _container(node: Any) -> dict[str, Any] | None:
    containers = dig(node, "spec", "template", "spec", "containers", default=())
    found: dict[str, Any] | None = next((c for c in containers if c.get("name") == NODE), None)
    return found


def _env(node: Object) -> list[Mapping[str, Any]] | None:
    container = _container(node)
    return list(container.get("env") or ()) if container else None


def _drop(env: list[Any], name: str) -> bool:
    found = [entry for entry in env if entry.get("name") == name]
    for entry in found:
        env.remove(entry)
    return bool(found)


def _set(env: list[Any], name: str, value: str) -> str | None:
    """Set a variable in its place; the value before, None where it was not set to a literal."""
    for entry in env:
        if entry.get("name") == name:
            before: str | None = entry.get("value")
            entry.clear()
            entry.update(name=name, value=value)
            return before
    env.append({"name": name, "value": value})
    return None


def _instead(before: object) -> str:
    return "" if before is None else f" instead of {before!r}"


def _pool_names(pools: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{pool.get('name', 'unnamed')} ({pool.get('cidr')})" for pool in pools) or "none"
