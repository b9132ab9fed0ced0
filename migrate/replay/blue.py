"""Blue as the rules look at it: the inventory, with lookups that are made once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from migrate.model.facts import OwnRanges
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.objects import (
    Object,
    Ref,
    Resource,
    controller_of,
    dig,
    kind_of,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
    ref_of,
)
from migrate.replay import kinds
from migrate.replay.kinds import Kind
from migrate.replay.literals import Scanner
from migrate.replay.operator import SYSTEM_NAMESPACES, operator_rule
from migrate.replay.pods import secrets_of
from migrate.replay.versions import Serves, serves

_ENDED = frozenset({"Succeeded", "Failed"})
"""Phases in which a pod runs no more."""


@dataclass(frozen=True)
class Blue:
    """Blue's inventory with the lookups that rules share.

    `green` are the kinds that green serves and lets create, with their versions; None while green is not there to be
    asked. `ranges` are blue's own addresses; without them no address is known for blue's. `classed` has what workloads
    were classed as by an earlier pass, as far as it holds still. `green_rbac` are green's own RBAC objects of the kinds
    and namespaces in which there are defaults.
    """

    inventory: Inventory
    migration: Migration
    residue: frozenset[Ref] = frozenset()
    green: Serves | None = None
    ranges: OwnRanges = field(default_factory=OwnRanges)
    classed: Mapping[Ref, str] = field(default_factory=dict)
    green_rbac: Inventory | None = None
    _moved: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)
    _gone: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _inside: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def moved(self, namespace: str) -> bool:
        """Whether a namespace moves: by the include and exclude globs, and by its own fate.

        A system namespace never does as a whole.
        """
        if namespace not in self._moved:
            file = self.migration.workloads
            self._moved[namespace] = (
                namespace not in SYSTEM_NAMESPACES
                and not self.gone(namespace)
                and any(fnmatchcase(namespace, glob) for glob in file.include)
                and not any(fnmatchcase(namespace, glob) for glob in file.exclude)
            )
        return self._moved[namespace]

    def comes(self, obj: Object) -> bool:
        """Whether an object is among what moves: by the operator's rule, else by its namespace, and not the CNI's."""
        ref = ref_of(obj)
        said = operator_rule(self.migration, ref, labels_of(obj))
        if said:
            return not said[1].skip
        return ref not in self.residue and (not ref.namespace or self.moved(ref.namespace))

    def gone(self, namespace: str) -> str:
        """Why a Namespace does not move although the globs let it; empty where nothing keeps it."""
        if namespace not in self._gone:
            self._gone[namespace] = self._kept_back(Ref("", "Namespace", "", namespace))
        return self._gone[namespace]

    def _kept_back(self, ref: Ref) -> str:
        found = self.inventory.find(ref) or {}
        if dig(found, "metadata", "deletionTimestamp"):
            return "blue is deleting it"
        if ref in self.residue:
            return "it belongs to blue's CNI"
        said = operator_rule(self.migration, ref, labels_of(found))
        return f"{said[0]} leaves it out" if said and said[1].skip else ""

    def moves(self, obj: Object) -> bool:
        """Whether an object is among what moves: its namespace is, it is not the CNI's, no rule skips it."""
        ref = ref_of(obj)
        if ref in self.residue:
            return False
        said = operator_rule(self.migration, ref, labels_of(obj))
        if said is not None and (said[1].skip or said[1].replay or said[1].hold):
            return not said[1].skip
        return not ref.namespace or self.moved(ref.namespace)

    @cached_property
    def system_bindings(self) -> frozenset[Ref]:
        """Roles and RoleBindings in system namespaces by which ServiceAccounts that move work there.

        Installers put them there: leader election in kube-system, the reader of the front proxy's authority.
        """
        found: set[Ref] = set()
        for binding in self.inventory.of("RoleBinding", kinds.RBAC):
            accounts = (s for s in binding.get("subjects") or () if s.get("kind") == "ServiceAccount")
            space = namespace_of(binding)
            if space in SYSTEM_NAMESPACES and any(self.moved(str(a.get("namespace", ""))) for a in accounts):
                found.add(ref_of(binding))
                if dig(binding, "roleRef", "kind") == "Role":
                    found.add(Ref(*kinds.ROLE, space, str(dig(binding, "roleRef", "name"))))
        return frozenset(found)

    @cached_property
    def by_uid(self) -> Mapping[str, Ref]:
        """Every object of blue by its UID."""
        return {uid: ref_of(obj) for _, obj in self.inventory if (uid := metadata_of(obj).get("uid"))}

    def controller_of(self, obj: Object) -> Ref | None:
        """The controller of an object, where it is on blue and would make the object again.

        A StatefulSet controls the claims that it may delete, but does not make them anew with their data's size.
        """
        owner = controller_of(obj)
        if owner is None or (kind_of(obj) == "PersistentVolumeClaim" and owner.get("kind") == "StatefulSet"):
            return None
        return self.by_uid.get(str(owner.get("uid")))

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        """Every kind that was listed, whether or not there were objects."""
        return frozenset(self.serves)

    @cached_property
    def serves(self) -> Serves:
        """Every kind that was listed, with the versions in which blue serves it."""
        return serves(self.inventory.resources)

    @cached_property
    def selectors(self) -> Mapping[str, Sequence[tuple[str, frozenset[tuple[str, str]]]]]:
        """Name and selector of the Services that have one, by namespace."""
        found: dict[str, list[tuple[str, frozenset[tuple[str, str]]]]] = defaultdict(list)
        for service in self.inventory.of("Service"):
            selector = dig(service, "spec", "selector")
            if selector and dig(service, "spec", "type") != "ExternalName":
                found[namespace_of(service)].append((name_of(service), frozenset(selector.items())))
        return found

    @cached_property
    def definitions(self) -> Mapping[Kind, Object]:
        """The CustomResourceDefinitions by the kind that they define."""
        return {
            (str(dig(d, "spec", "group", default="")), str(dig(d, "spec", "names", "kind", default=""))): d
            for d in self.inventory.of(*reversed(kinds.DEFINITION))
        }

    def services_of(self, namespace: str, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The Services of a namespace that select pods with these labels."""
        items = labels.items()
        return tuple(name for name, selector in self.selectors.get(namespace, ()) if selector <= items)

    @cached_property
    def autoscalers(self) -> Mapping[tuple[str, str, str], Object]:
        """HorizontalPodAutoscalers by the namespace, kind and name of what they scale."""
        return {
            (
                namespace_of(hpa),
                dig(hpa, "spec", "scaleTargetRef", "kind"),
                dig(hpa, "spec", "scaleTargetRef", "name"),
            ): hpa
            for hpa in self.inventory.of("HorizontalPodAutoscaler", "autoscaling")
        }

    @cached_property
    def named_secrets(self) -> Mapping[tuple[str, str], Ref]:
        """By namespace and name the Secrets without which pods would not start, with one who names each in its pods."""
        found: dict[tuple[str, str], Ref] = {}
        for group, kind in (*sorted(kinds.WORKLOADS), kinds.CRON_JOB, kinds.JOB, kinds.POD):
            for obj in self.inventory.of(kind, group):
                for name in secrets_of(kinds.pod_of((group, kind), obj)):
                    found.setdefault((namespace_of(obj), name), self.top_of(ref_of(obj)))
        return found

    @cached_property
    def pods_of_custom(self) -> Mapping[Ref, int]:
        """How many pods, of those that have not ended, stand in the end below a custom resource that is no workload."""
        tops = (
            self._top(pod) for pod in self.inventory.of("Pod") if dig(pod, "status", "phase") not in _ENDED
        )
        return Counter(
            ref for ref in tops if ref.group not in BUILT_IN_GROUPS and ref[:2] not in kinds.WORKLOADS
        )

    def _top(self, obj: Object) -> Ref:
        """What stands at the top of an object's controllers, of whatever kinds; itself where nothing controls it."""
        seen = [ref_of(obj)]
        while (above := self.controller_of(obj)) is not None and above not in seen:  # owners may go round
            seen.append(above)
            obj = self.inventory.find(above) or {}
        return seen[-1]

    @cached_property
    def literals(self) -> Scanner:
        """What looks for blue's own addresses."""
        return Scanner(self.ranges)

    def top_of(self, ref: Ref) -> Ref:
        """The workload at the top of a chain of controllers, such as the Deployment of a ReplicaSet's Pod."""
        for _ in range(4):  # Pod, ReplicaSet, Deployment; a cycle cannot go on for ever
            obj = self.inventory.find(ref)
            owner = controller_of(obj) if obj is not None else None
            above = self.by_uid.get(str(owner.get("uid"))) if owner else None
            if above is None or (above.group, above.kind) not in kinds.WORKLOADS:
                return ref
            ref = above
        return ref


def creatable(resources: Iterable[Resource]) -> Serves:
    """The kinds that a server lets create; a resource without verbs is one of a recording, and counts."""
    return serves(r for r in resources if not r.verbs or "create" in r.verbs)
