"""What documents are made of: the file, the Plan, the journal, and where that journal comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from migrate.model.facts import ClusterFacts, Finding
from migrate.model.ids import Side
from migrate.model.migration import Migration
from migrate.model.objects import Ref
from migrate.model.plan import Plan, PlannedStep
from migrate.model.progress import Intent, Progress
from migrate.model.reasons import Why, patched


class Origin(StrEnum):
    """Where a journal comes from; only a run on real doors measures time (decision 7)."""

    RECORDED = "a rehearsal on a recorded blue"
    REHEARSAL = "a rehearsal"
    SIMULATED = "a run on simulated clusters"
    RUN = "a run on real clusters"


@dataclass(frozen=True)
class Source:
    """Everything that the documents say, before it is put into words.

    `progress` is the journal that is told; `rehearsal` tells of the steps that it has not begun. `ledger` is the
    record of what is held, of the routes and of the rules, as the journal has it. `facts` and `findings` are None
    where nobody looked at blue for these documents. `stand_in` says that Calico's manifests were the simulation's.
    """

    written: Migration
    plan: Plan
    progress: Progress
    origin: Origin
    blue: str
    tool: str
    ledger: Mapping[str, Any] = field(default_factory=dict)
    rehearsal: Progress | None = None
    facts: ClusterFacts | None = None
    findings: Sequence[Finding] | None = None
    stand_in: bool = False

    @property
    def measured(self) -> bool:
        """Whether the journal's times are of real doors."""
        return self.origin is Origin.RUN

    def told(self, step: PlannedStep) -> tuple[tuple[Intent, ...], bool]:
        """The acts of a step that stand, or may stand because they are in doubt, and whether they are only rehearsed."""
        doubtful = (
            i
            for i in self.progress.in_doubt()
            if (i.batch, i.step) == (step.batch, step.step) and not i.undoes
        )
        standing = self.progress.standing(step.batch, step.step)
        own = tuple(sorted((*standing, *doubtful), key=lambda intent: intent.seq))
        if own or self.progress.done(step.batch, step.step) or self.rehearsal is None:
            return own, self.origin in {Origin.RECORDED, Origin.REHEARSAL}
        return tuple(self.rehearsal.standing(step.batch, step.step)), True

    def known(self, step: PlannedStep) -> bool:
        """Whether a journal shows what the step does; done without an act means that there was nothing to do."""
        journals = [self.progress, *([self.rehearsal] if self.rehearsal else [])]
        return bool(self.told(step)[0]) or any(j.done(step.batch, step.step) for j in journals)

    def acts(self) -> Iterator[Intent]:
        """The acts of every step, in the Plan's order."""
        for step in self.plan.steps:
            yield from self.told(step)[0]

    def dormant(self) -> dict[Ref, Any]:
        """The dormant form of what was woken on green, as a merge patch: the way back of its waking."""
        return {
            Ref.of_json(i.action.params["ref"]): i.action.inverse.params["patch"]
            for i in self.acts()
            if patched(i.action, Why.START, Why.RELEASE)
            and i.action.params["side"] == Side.GREEN
            and i.action.inverse is not None
        }
