"""What belongs to a CNI itself: everything that its workloads use and nothing else uses; replay leaves it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from migrate.assess.workloads import all_containers, of_apps, pod_labels, pod_spec
from migrate.model.inventory import Inventory
from migrate.model.objects import (
    Object,
    Ref,
    annotations_of,
    controller_of,
    dig,
    group_of,
    name_of,
    namespace_of,
    ref_of,
)

RBAC = "rbac.authorization.k8s.io"
_SHARED_ROLES = frozenset({"cluster-admin", "admin", "edit", "view"})
_GENERATED = frozenset({"kube-root-ca.crt"})
_WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet", "ReplicaSet")


def belongings(
    inventory: Inventory,
    workloads: Iterable[Object],
    *,
    named: Iterable[Ref] = (),
    namespaces: Iterable[str] = (),
) -> frozenset[Ref]:
    """Name what belongs to the workloads of a CNI, as far as the inventory holds it.

    Follows a pod template to its ServiceAccount, ConfigMaps and Secrets; the account to its bindings and roles; the
    labels to Services and PodDisruptionBudgets; and owners to what they own. `named` adds what nothing points to, such
    as a state ConfigMap. Of `namespaces` each goes as a whole, unless a workload of somebody else lives in it.
    """
    own, named = list(workloads), [ref for ref in named if inventory.find(ref) is not None]
    standing = [n for n in namespaces if inventory.named("Namespace", n) is not None]
    if not own and not named and not standing:
        return frozenset()
    found = {ref_of(obj) for obj in own} | {ref for obj in own for ref in _used(obj)} | set(named)
    found |= set(_rbac(inventory, found))
    found |= {ref for obj in own for ref in _selecting(inventory, obj)}
    found |= set(_tokens(inventory, found))
    for namespace in standing:
        if _only(inventory, namespace, found):
            found |= {ref_of(obj) for _, obj in inventory if namespace_of(obj) == namespace}
            found.add(Ref("", "Namespace", "", namespace))
    found = {ref for ref in found if inventory.find(ref) is not None}
    return frozenset(found | _owned(inventory, found))


def _used(obj: Object) -> Iterator[Ref]:
    """The ServiceAccount, ConfigMaps and Secrets that a workload's pods name."""
    namespace, spec = namespace_of(obj), pod_spec(obj)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account and account != "default":
        yield Ref("", "ServiceAccount", namespace, account)
    for kind, name in _named_by(spec, obj):
        if name and name not in _GENERATED:
            yield Ref("", kind, namespace, name)


def _named_by(spec: Mapping[str, Any], obj: Object) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes") or ():
        yield "ConfigMap", dig(volume, "configMap", "name", default="")
        yield "Secret", dig(volume, "secret", "secretName", default="")
        for source in dig(volume, "projected", "sources") or ():
            yield "ConfigMap", dig(source, "configMap", "name", default="")
            yield "Secret", dig(source, "secret", "name", default="")
    for container in all_containers(obj):
        for entry in container.get("env") or ():
            yield "ConfigMap", dig(entry, "valueFrom", "configMapKeyRef", "name", default="")
            yield "Secret", dig(entry, "valueFrom", "secretKeyRef", "name", default="")
        for entry in container.get("envFrom") or ():
            yield "ConfigMap", dig(entry, "configMapRef", "name", default="")
            yield "Secret", dig(entry, "secretRef", "name", default="")


def _rbac(inventory: Inventory, found: set[Ref]) -> Iterator[Ref]:
    """Bindings whose every subject is one of the CNI's accounts, and the roles that only those bindings name."""
    accounts = {(r.namespace, r.name) for r in found if r.kind == "ServiceAccount"}
    bindings = [*inventory.of("ClusterRoleBinding", RBAC), *inventory.of("RoleBinding", RBAC)]
    own = {ref_of(b): _role(b) for b in bindings if ref_of(b) in found or _all_subjects(b, accounts)}
    foreign = {_role(b) for b in bindings if ref_of(b) not in own}
    for binding, role in own.items():
        yield binding
        if role not in foreign and role.name not in _SHARED_ROLES and not role.name.startswith("system:"):
            yield role


def _all_subjects(binding: Object, accounts: set[tuple[str, str]]) -> bool:
    subjects = binding.get("subjects") or ()
    return bool(subjects) and all(
        s.get("kind") == "ServiceAccount"
        and (s.get("namespace") or namespace_of(binding), s.get("name")) in accounts
        for s in subjects
    )


def _role(binding: Object) -> Ref:
    role = binding.get("roleRef") or {}
    namespace = namespace_of(binding) if role.get("kind") == "Role" else ""
    return Ref(RBAC, str(role.get("kind", "")), namespace, str(role.get("name", "")))


def _selecting(inventory: Inventory, obj: Object) -> Iterator[Ref]:
    """Services and PodDisruptionBudgets of the namespace that select the workload's pods."""
    namespace, labels = namespace_of(obj), pod_labels(obj)
    for service in inventory.of("Service"):
        selector = dig(service, "spec", "selector") or {}
        if namespace_of(service) == namespace and selector and selector.items() <= labels.items():
            yield ref_of(service)
            yield Ref("", "Endpoints", namespace, name_of(service))
    for budget in inventory.of("PodDisruptionBudget", "policy"):
        selector = dig(budget, "spec", "selector", "matchLabels") or {}
        if namespace_of(budget) == namespace and selector and selector.items() <= labels.items():
            yield ref_of(budget)


def _tokens(inventory: Inventory, found: set[Ref]) -> Iterator[Ref]:
    accounts = {(r.namespace, r.name) for r in found if r.kind == "ServiceAccount"}
    for secret in inventory.of("Secret"):
        account = annotations_of(secret).get("kubernetes.io/service-account.name", "")
        if (
            secret.get("type") == "kubernetes.io/service-account-token"
            and (namespace_of(secret), account) in accounts
        ):
            yield ref_of(secret)


def _only(inventory: Inventory, namespace: str, found: set[Ref]) -> bool:
    """Whether nobody else's workload lives in a namespace."""
    return all(
        ref_of(obj) in found or controller_of(obj) is not None
        for kind in _WORKLOADS
        for obj in of_apps(inventory, kind)
        if namespace_of(obj) == namespace
    ) and all(
        controller_of(obj) is not None
        for kind, group in (("Pod", ""), ("Job", "batch"), ("CronJob", "batch"))
        for obj in inventory.in_namespace(kind, namespace, group)
    )


def _owned(inventory: Inventory, found: set[Ref]) -> set[Ref]:
    """What the given objects control, and what that controls in turn (a Deployment's ReplicaSets, their pods)."""
    children: dict[Ref, list[Ref]] = {}
    for _, obj in inventory:
        owner = controller_of(obj)
        if owner:
            group = group_of(owner)
            for namespace in {namespace_of(obj), ""}:
                parent = Ref(group, str(owner.get("kind", "")), namespace, str(owner.get("name", "")))
                children.setdefault(parent, []).append(ref_of(obj))
    owned: set[Ref] = set()
    waiting = list(found)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in owned:
                owned.add(child)
                waiting.append(child)
    return owned
