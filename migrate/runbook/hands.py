"""Whoever goes on without the tool: the migration file as written, and kubectl as it reaches either side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.model.action import Action
from migrate.model.ids import Side
from migrate.model.migration import Migration
from migrate.model.objects import Ref
from migrate.planning.commands import word


@dataclass(frozen=True, slots=True)
class Hands:
    """What typing needs: the file as written, and the dormant form of each held object as a merge patch."""

    written: Migration
    dormant: Mapping[Ref, Any] = field(default_factory=dict)

    def kubectl(self, side: Side) -> str:
        """`kubectl` for one side, by the kubeconfig and the context that the file names."""
        if side is Side.BLUE:
            path, context = self.written.blue.kubeconfig, self.written.blue.context
        else:
            spec = self.written.green.provisioner
            path, context = spec.kubeconfig, spec.context
        parts = ["kubectl"]
        parts += ["--kubeconfig", word(path)] if path else []
        parts += ["--context", word(context or side.value)] if context or not path else []
        return " ".join(parts)

    def target(self, action: Action) -> tuple[str, Ref]:
        """The kubectl of the side that an Action on an object names, and the object."""
        return self.kubectl(Side(action.params["side"])), Ref.of_json(action.params["ref"])
