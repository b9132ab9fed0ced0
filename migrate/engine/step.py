"""What the engine asks of a step and of a handler."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model.action import Action, Observation, Outcome
from migrate.model.ids import BatchName, Phase, RunId, StepId
from migrate.model.migration import Migration
from migrate.model.objects import Object
from migrate.model.progress import Progress

Batches = Generator[Sequence[Action], Sequence[Outcome], None]
"""What a step yields: finite batches of Actions; their outcomes are sent back in."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step sees: the file, the doors, what the journal adds up to, and the run's identity.

    `state` is the state directory, where snapshots and evidence go; `bodies` carries objects from the step to the
    handler without passing through the journal; `calico` are the manifests that the file names, as read. `made` keeps
    what steps work out of much that they read, each beside what tells whether that is still the same. So many objects
    may be deleted unasked, beside what needs no word, as `accepted_deletions` says.
    """

    migration: Migration
    doors: Doors
    progress: Progress
    run: RunId
    key: bytes
    batch: BatchName
    state: Path
    bodies: Bodies
    calico: tuple[Object, ...] = ()
    made: dict[str, tuple[object, Any]] = field(default_factory=dict)
    accepted_deletions: int = 0


class Step(Protocol):
    """One named goal inside a phase.

    `batches` observes through the doors, decides purely and yields what is still to do; nothing to yield means done.
    It is called again after any crash and must not yield what stands already. `one_way` says what going back over the
    step loses. Where `handles_failures` is False a failed outcome ends the run; else the step reads it and decides.
    `gathers_refusals` where only objects that were refused are the step's to answer for, at its own time.
    `again_until` names the step before which this one is done again by every run that finds something to do; with
    `follows` only where a step before it did.
    """

    id: ClassVar[StepId]
    phase: ClassVar[Phase]
    version: ClassVar[int]
    title: ClassVar[str]
    undo: ClassVar[str]
    one_way: ClassVar[str]
    handles_failures: ClassVar[bool]
    gathers_refusals: ClassVar[bool]
    again_until: ClassVar[StepId | None]
    follows: ClassVar[bool]

    def batches(self, scene: Scene) -> Batches:
        """Yield what is still to do."""
        ...

    def gate_mode(self, scene: Scene) -> Literal["auto", "approval"]:
        """How the gate in front of the step opens where the file does not say."""
        ...

    def gate_about(self, scene: Scene) -> str:
        """A hash of what an approval of that gate is about beside the Plan and the verdicts; another one asks again."""
        ...

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """What whoever approves the gate in front of the step should know, in lines."""
        ...


@runtime_checkable
class SeesMany(Protocol):
    """A handler that can look at many Actions in fewer readings than one each."""

    def observe_many(self, actions: Sequence[Action]) -> Sequence[Observation]:
        """Look at how each stands, as `Handler.observe` does; in the same order."""
        ...


class Handler(Protocol):
    """Does the Actions of one kind; one class a kind.

    Door errors do not leave a handler: they become outcomes (failed: nothing is half done; unknown: in doubt).
    """

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Add the prior value and the inverse that follows from it; reads only."""
        ...

    def act(self, actions: Sequence[Action]) -> Iterable[Outcome]:
        """Do the Actions and read back; outcomes in the same order.

        When this returns all of them are done or under way; an outcome is waited for when it is asked for.
        """
        ...

    def observe(self, action: Action) -> Observation:
        """Look at how one Action stands; reads only, raises a DoorError where that cannot be seen."""
        ...
