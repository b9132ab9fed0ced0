"""An engine on small doubles: steps as lists, a world as a dictionary, a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from migrate.doors.doors import Doors
from migrate.engine import journal as journals
from migrate.engine.acting import Acting
from migrate.engine.bodies import Bodies
from migrate.engine.delays import Delays
from migrate.engine.events import Event
from migrate.engine.journal import Journal
from migrate.engine.runner import Runner, Until
from migrate.engine.signals import Stop
from migrate.engine.step import Batches, Scene, Step
from migrate.errors import DoorError, Unreachable
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import NO_BATCH, ActionKey, BatchName, GateName, Phase, RunId, StepId
from migrate.model.migration import Blue, GateSpec, Metadata, Migration
from migrate.model.plan import NO_GATE, Plan, PlannedStep
from migrate.model.progress import Progress
from migrate.model.verdict import Verdict

BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class HandClock:
    """A clock that only sleeping moves; `woken` is called after each sleep."""

    def __init__(self, woken: Callable[[], None] = lambda: None) -> None:
        self.time = BEGAN
        self.slept: list[float] = []
        self.woken = woken

    def now(self) -> datetime:
        """The time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        self.woken()


class PaperLock:
    """A shared lock that only counts, or raises what it is given."""

    def __init__(self) -> None:
        self.renewed: list[float] = []
        self.raises: BaseException | None = None

    def acquire(self, epoch: int, head: str) -> None:
        """Take it."""

    def renew(self, needed: float, head: str) -> None:
        """Count the seconds asked for."""
        if self.raises is not None:
            raise self.raises
        self.renewed.append(needed)

    def release(self) -> None:
        """Give it back."""


class Shelf:
    """A handler over a dictionary: `put` sets a key to a value, and its inverse puts the former value back."""

    def __init__(self) -> None:
        self.things: dict[str, Any] = {}
        self.effects: list[str] = []
        self.answers: dict[str, Outcome | DoorError | BaseException] = {}
        self.seen: dict[str, State | DoorError] = {}
        self.lost: DoorError | None = None
        self.lose_reply: set[str] = set()

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Read the former values."""
        if self.lost is not None:
            raise self.lost
        prepared = []
        for action in actions:
            prior = self.things.get(action.params["name"])
            back = put(action.params["name"], prior) if action.params.get("back", True) else None
            prepared.append(action.with_prior(prior, back))
        return prepared

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Put each, unless an answer was laid ready for its name."""
        return [self._act(action) for action in actions]

    def _act(self, action: Action) -> Outcome:
        name = action.params["name"]
        answer = self.answers.get(name)
        if isinstance(answer, Outcome):
            return answer
        if isinstance(answer, BaseException):
            raise answer
        if self.things.get(name) != action.params["value"]:
            self.effects.append(f"{name}={action.params['value']}")
        self.things[name] = action.params["value"]
        if name in self.lose_reply:
            return Outcome(OutcomeState.UNKNOWN, f"no answer about {name}")
        return Outcome(OutcomeState.DONE, f"put {name}", verdicts=_verdicts(action))

    def observe(self, action: Action) -> Observation:
        """Look at the shelf, or say what was laid ready."""
        name = action.params["name"]
        said = self.seen.get(name)
        if isinstance(said, DoorError):
            raise said
        if said is None:
            said = State.DONE if self.things.get(name) == action.params["value"] else State.ABSENT
        return Observation(said, evidence=f"{name} is {said}")


def _verdicts(action: Action) -> tuple[Verdict, ...]:
    return tuple(Verdict.of_json(v) for v in action.params.get("verdicts", ()))


def put(name: str, value: Any = 1, *, kind: str = "put", **params: Any) -> Action:
    """Put something on the shelf."""
    return Action(kind, ActionKey(f"{kind} {name}"), {"name": name, "value": value, **params})


@dataclass
class ListStep:
    """A step that yields its batches of Actions as they are, leaving out what stands."""

    id: StepId
    phase: Phase
    todo: Sequence[Sequence[Action]]
    progress: Callable[[], Progress]
    mode: Literal["auto", "approval"] = "auto"
    handles_failures: bool = False
    gathers_refusals: bool = False
    observed: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    raises: BaseException | None = None
    version: ClassVar[int] = 1
    title: ClassVar[str] = "a step"
    undo: ClassVar[str] = ""
    one_way: ClassVar[str] = ""
    again_until: StepId | None = None
    follows: bool = False
    about: str = ""
    abouts: list[str] = field(default_factory=list)

    def batches(self, scene: Scene) -> Batches:
        """Yield what does not stand."""
        self.observed += 1
        if self.abouts:
            self.about = self.abouts.pop(0)
        if self.raises is not None:
            raise self.raises
        for batch in self.todo:
            left = [a for a in batch if not self.progress().stands(a.key)]
            if left:
                outcomes = yield left
                self.outcomes.extend(outcomes)

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """Nothing to say at its gate."""
        return ()

    def gate_about(self, scene: Scene) -> str:
        """As the test says, from each observation on what the next of `abouts` is."""
        return self.about

    def gate_mode(self, scene: Scene) -> Literal["auto", "approval"]:
        """As the test says."""
        return self.mode


@dataclass
class Stage:
    """One process: an open journal with everything around it."""

    journal: Journal
    progress: Progress
    shelf: Shelf
    lock: PaperLock
    stop: Stop
    clock: HandClock
    events: list[Event]
    acting: Acting
    scene: Scene
    steps: dict[StepId, ListStep]

    def runner(
        self,
        gates: Mapping[str, GateSpec | None] | None = None,
        *,
        wait: bool = False,
        delays: Delays | None = None,
    ) -> Runner:
        """A runner over this stage's steps."""
        steps = cast("Mapping[StepId, Step]", self.steps)
        return Runner(self.scene, steps, self.acting, gates or {}, wait=wait, delays=delays)

    def run(self, until: Until | None = None, **kwargs: Any) -> bool:
        """Run the journalled plan."""
        assert self.progress.plan is not None
        return self.runner(**kwargs).run(self.progress.plan, until)

    def approve(self, gate: str, by: str = "ana", **data: Any) -> None:
        """Approve a gate from another terminal, on what stands now."""
        from migrate.engine import gates

        batch, _, name = gate.rpartition("/")
        with journals.open_(self.journal.path, self.clock) as other:
            progress = Progress(other.entries())
            seen = gates.view(progress, BatchName(batch), GateName(name), GateSpec(), self.clock.now())
            other.append([gates.event(seen, "approved", by=by, user=by, **data)])


def plan_of(*steps: PlannedStep, **revisable: Any) -> Plan:
    """A Plan of these steps."""
    return Plan("test", steps, {"blue": "uid"}, revisable)


def planned(
    name: str,
    phase: Phase = Phase.PREPARE,
    *,
    gate: str = "",
    batch: str = "",
    one_way: str = "",
    version: int = 1,
) -> PlannedStep:
    """One planned step."""
    return PlannedStep(
        BatchName(batch),
        phase,
        StepId(name),
        version,
        f"title of {name}",
        GateName(gate) if gate else NO_GATE,
        one_way,
    )


@contextmanager
def stage(
    path: Path,
    plan: Plan,
    todo: Mapping[str, Sequence[Sequence[Action]]],
    *,
    shelf: Shelf | None = None,
    user: str = "runner",
    **modes: Any,
) -> Iterator[Stage]:
    """Begin a journal or go on with it, as a process of its own."""
    clock = HandClock()
    fresh = not path.exists()
    journal = journals.create(path, clock) if fresh else journals.open_(path, clock)
    with journal:
        progress = Progress(journal.entries())
        journal.take_over()
        lock, stop = PaperLock(), Stop()
        events: list[Event] = []
        shelf = shelf or Shelf()
        acting = Acting(journal, progress, {"put": shelf, "lift": shelf}, lock, stop, events.append)
        begun = [
            Draft(EntryKind.RUN, {"run": "r1", "migration": "test", "tool": "0"}),
            Draft(EntryKind.REVISION, {"plan": plan.as_json()}),
        ]
        acting.write(
            [*(begun if fresh else []), Draft(EntryKind.RUNNER, {"user": user, "epoch": journal.epoch})]
        )
        scene = Scene(
            Migration(metadata=Metadata(name="test"), blue=Blue(simulated="")),
            cast("Doors", _OnlyClock(clock)),
            progress,
            RunId("r1"),
            journal.key,
            NO_BATCH,
            path.parent,
            Bodies(),
        )
        steps = {
            s.step: ListStep(
                s.step, s.phase, todo.get(s.step, ()), lambda: progress, **modes.get(str(s.step), {})
            )
            for s in plan.steps
        }
        yield Stage(journal, progress, shelf, lock, stop, clock, events, acting, scene, steps)


@dataclass(frozen=True)
class _OnlyClock:
    clock: HandClock


LOST = Unreachable("no answer")
