"""The Plan: a migration file and facts composed into steps, with an identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.model.canonical import digest
from migrate.model.ids import BatchName, GateName, Phase, StepId

NO_GATE = GateName("")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step at its place; its place in journal keys is (batch, phase, step).

    `gate` names the gate in front of it, or is empty. `one_way` says what going back over it loses; empty where
    nothing is lost. `undo` is the way back as a sentence. `effects` lists what the step writes.
    """

    batch: BatchName
    phase: Phase
    step: StepId
    version: int
    title: str
    gate: GateName = NO_GATE
    one_way: str = ""
    undo: str = ""

    def identity(self) -> list[Any]:
        """What of the step is part of the Plan's fingerprint."""
        return [self.batch, self.phase.value, self.step, self.version]

    def as_json(self) -> dict[str, Any]:
        """The step as JSON."""
        return {
            "batch": self.batch,
            "phase": self.phase.value,
            "step": self.step,
            "version": self.version,
            "title": self.title,
            "gate": self.gate,
            "oneWay": self.one_way,
            "undo": self.undo,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> PlannedStep:
        """Read back what `as_json` wrote."""
        return cls(
            BatchName(value["batch"]),
            Phase(value["phase"]),
            StepId(value["step"]),
            value["version"],
            value["title"],
            GateName(value.get("gate", "")),
            value.get("oneWay", ""),
            value.get("undo", ""),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order.

    `identity` is the part of the file that never changes in a run, with the digests of the files it names and the
    cluster identities; `revisable` the part that `amend` may change; `pinned` the short list of facts that must hold.
    """

    name: str
    steps: tuple[PlannedStep, ...]
    identity: Mapping[str, Any]
    revisable: Mapping[str, Any]
    pinned: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1

    @property
    def base(self) -> str:
        """The digest of what may never change in a run: file identity, pinned facts and steps with versions."""
        return digest([self.identity, dict(self.pinned), [s.identity() for s in self.steps]])

    @property
    def fingerprint(self) -> str:
        """The digest of the whole Plan, revisable part included; approvals name it by its first six digits."""
        return digest([self.base, self.revisable])

    @property
    def short(self) -> str:
        """The fingerprint as people say it."""
        return self.fingerprint[:6]

    def as_json(self) -> dict[str, Any]:
        """The Plan as JSON, for the journal and documents."""
        return {
            "name": self.name,
            "revision": self.revision,
            "fingerprint": self.fingerprint,
            "base": self.base,
            "identity": self.identity,
            "revisable": self.revisable,
            "pinned": dict(self.pinned),
            "steps": [s.as_json() for s in self.steps],
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Plan:
        """Read back what `as_json` wrote."""
        return cls(
            value["name"],
            tuple(PlannedStep.of_json(s) for s in value["steps"]),
            value["identity"],
            value["revisable"],
            value["pinned"],
            value["revision"],
        )
