"""What stands around an object: blue, the classes of its workloads, and what its webhooks wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from migrate.model.ids import RuleId
from migrate.model.objects import Ref
from migrate.replay.admission import Admission
from migrate.replay.blue import Blue
from migrate.replay.classes import Classes
from migrate.replay.gitops import Keepers
from migrate.replay.parents import Parents
from migrate.replay.selected_namespaces import SelectedNamespaces


@dataclass(frozen=True)
class Surroundings:
    """Blue with what is worked out from it.

    `left` are the controllers that stay behind, with the rule that leaves them. Nothing here points back, so that a
    whole cluster is let go as soon as its decisions are taken.
    """

    blue: Blue
    left: Mapping[Ref, RuleId] = field(default_factory=dict)

    @cached_property
    def classes(self) -> Classes:
        """The classes of blue's workloads."""
        return Classes(self.blue, self.parents.makers)

    @cached_property
    def parents(self) -> Parents:
        """The custom resources that control what may not run twice; what they control is classed by itself."""
        return Parents(self.blue, Classes(self.blue))

    @cached_property
    def keepers(self) -> Keepers:
        """What Argo CD and Flux keep on blue."""
        return Keepers(self.blue.inventory)

    @cached_property
    def selected_namespaces(self) -> SelectedNamespaces:
        """What of blue's namespaces policies and webhooks that move select."""
        return SelectedNamespaces(self.blue)

    @cached_property
    def admission(self) -> Admission:
        """Webhooks, aggregated APIs and the workloads behind them."""
        return Admission(self.blue, self.classes)
