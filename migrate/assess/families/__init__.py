"""The families of findings, one module each: what stands in a migration's way, with evidence, consequence and remedy.

A new family is a new module here that exports `CODES` and `find`. A code's meaning never changes: reports, runbooks
and approvals name it. Never here: reading a cluster, or mending what was found.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module

from migrate.assess.facts import own_ranges
from migrate.assess.sources import residue
from migrate.model.facts import ClusterFacts, Finding, Severity
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration, ObjectRule, Pool
from migrate.model.objects import Object, Ref, labels_of
from migrate.replay.blue import Blue
from migrate.replay.classes import Classes
from migrate.replay.literals import Scanner
from migrate.replay.operator import operator_rule
from migrate.replay.parents import Parents
from migrate.replay.selected_namespaces import SelectedNamespaces


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
        return self._moving.moves(obj)

    def moving(self, kind: str, group: str = "") -> Iterator[Object]:
        """The objects of a kind that move."""
        return (obj for obj in self.blue_inventory.of(kind, group) if self.moves(obj))

    def word_on(self, ref: Ref) -> ObjectRule | None:
        """The operator's own rule that decides about an object, as the replay reads them."""
        said = operator_rule(self.migration, ref, labels_of(self.blue_inventory.find(ref) or {}))
        return said[1] if said else None

    @cached_property
    def selected_namespaces(self) -> SelectedNamespaces:
        """What of blue's namespaces policies and webhooks that move select."""
        return SelectedNamespaces(self._moving)

    @cached_property
    def _moving(self) -> Blue:
        """Blue as the replay looks at it: which namespaces move is its answer."""
        return Blue(self.blue_inventory, self.migration, self.residue)

    @cached_property
    def parents(self) -> Parents:
        """The custom resources that control what may not run twice, as the replay finds them."""
        return Parents(self._moving, Classes(self._moving))

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
