"""The families of findings, one module each: what stands in a migration's way, with evidence, consequence and remedy.

A new family is a new module here that exports `CODES` and `find`. A code's meaning never changes: reports, runbooks
and approvals name it. Never here: reading a cluster, or mending what was found.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib import import_module

from migrate.assess.facts import own_ranges
from migrate.assess.sources import residue
from migrate.model.facts import ClusterFacts, Finding, Severity
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration, ObjectRule, Pool
from migrate.model.objects import Object, Ref, labels_of, namespace_of, ref_of
from migrate.replay.literals import Scanner


@dataclass(frozen=True, slots=True)
class Code:
    """One code: its usual severity and what every finding of it says; `about` explains it in docs/findings.md."""

    code: str
    severity: Severity
    title: str
    about: str
    consequence: str
    remedy: str

    def found(self, evidence: str, *, severity: Severity | None = None, remedy: str = "") -> Finding:
        """Make a finding of this code; a remedy given here is more exact than the code's own."""
        return Finding(
            self.code,
            severity or self.severity,
            self.title,
            evidence,
            self.consequence,
            remedy or self.remedy,
        )


@dataclass(frozen=True)
class Situation:
    """Everything that findings are drawn from; `green` and its inventory are None while there is no green cluster."""

    blue: ClusterFacts
    green: ClusterFacts | None
    migration: Migration
    blue_inventory: Inventory
    green_inventory: Inventory | None
    missing_rights: Sequence[str] = ()

    @cached_property
    def residue(self) -> frozenset[Ref]:
        """What belongs to blue's CNI and does not move."""
        return residue(self.blue_inventory)

    @cached_property
    def literals(self) -> Scanner:
        """What looks for blue's own addresses, as the replay does."""
        return Scanner(own_ranges(self.blue_inventory))

    def moves(self, obj: Object) -> bool:
        """Whether an object of blue is among what moves: its namespace is, it is not the CNI's, no rule skips it."""
        if ref_of(obj) in self.residue:
            return False
        namespace, workloads = namespace_of(obj), self.migration.workloads
        if namespace and not (
            _matches(namespace, workloads.include) and not _matches(namespace, workloads.exclude)
        ):
            return False
        return not any(rule.skip for rule in self.rules_for(ref_of(obj)))

    def moving(self, kind: str, group: str = "") -> Iterator[Object]:
        """The objects of a kind that move."""
        return (obj for obj in self.blue_inventory.of(kind, group) if self.moves(obj))

    def rules_for(self, ref: Ref) -> Iterator[ObjectRule]:
        """The operator's own rules about an object."""
        labels = labels_of(self.blue_inventory.find(ref) or {})
        return (rule for rule in self.migration.workloads.rules if _says(rule, ref, labels))

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        """The pools planned for green; one named default that covers podCIDR where the file names none."""
        green = self.migration.green
        return green.calico.pools or (Pool(name="default", cidr=green.network.pod_cidr),)


Finder = Callable[[Situation], Iterator[Finding]]


@cache
def families() -> Mapping[str, tuple[tuple[Code, ...], Finder]]:
    """Every family of this folder by its module's name: its codes, and what finds them."""
    found: dict[str, tuple[tuple[Code, ...], Finder]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{info.name}")
        found[info.name] = (module.CODES, module.find)
    return found


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _says(rule: ObjectRule, ref: Ref, labels: Mapping[str, str]) -> bool:
    return (
        fnmatchcase(ref.kind, rule.kind)
        and (not rule.group or fnmatchcase(ref.group, rule.group))
        and fnmatchcase(ref.namespace, rule.namespace)
        and fnmatchcase(ref.name, rule.name)
        and all(key in labels and fnmatchcase(labels[key], glob) for key, glob in rule.labels.items())
    )
