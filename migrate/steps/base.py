"""What every step has in common, and what several of them read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, ClassVar, Literal

from migrate import assess, replay
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.decision import Decision
from migrate.model.ids import ActionKey, Phase, Side, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, metadata_of, ref_of
from migrate.model.progress import Progress
from migrate.replay import conflicts
from migrate.replay.edits import put_back
from migrate.replay.rules.standing import PROVIDED
from migrate.replay.standing_classes import standing_classes
from migrate.steps.defaults import rbac_defaults
from migrate.steps.ledger import CLASSED, LEDGER
from migrate.steps.sides import lately

BATCH = 200
"""Actions that are yielded together, unless a step says otherwise; a signal is heard between two batches."""

HEAVY = 16 * 2**20
"""Bytes of bodies that one batch may carry: two hundred objects of a megabyte would be held twice over."""

DECIDED = "blue decided"
CONFLICTS = "names taken on green"
"""The record of what stood on green under names of ours, and what becomes of it."""

CUTOVER = StepId("cutover.begin")
"""The step until which blue is the source, and what changed there is brought over by every run."""


class BaseStep(ABC):
    """Defaults of a step: contract version 1, done once, nothing is lost on the way back, a failure ends the run."""

    id: ClassVar[StepId]
    phase: ClassVar[Phase]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    undo: ClassVar[str] = "nothing to take back"
    one_way: ClassVar[str] = ""
    handles_failures: ClassVar[bool] = False
    gathers_refusals: ClassVar[bool] = False
    again_until: ClassVar[StepId | None] = None
    follows: ClassVar[bool] = False

    @abstractmethod
    def batches(self, scene: Scene) -> Batches:
        """Yield what is still to do."""

    def gate_mode(self, scene: Scene) -> Literal["auto", "approval"]:
        """Open by itself, unless the file or the step says otherwise."""
        _ = scene
        return "auto"

    def gate_about(self, scene: Scene) -> str:
        """The Plan and the verdicts say it all, unless the step says otherwise."""
        _ = scene
        return ""

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """Nothing beyond the gate's own line."""
        _ = scene
        return ()


def chunks(
    actions: Iterable[Action], size: int = BATCH, weigh: Callable[[Action], int] = lambda _: 0
) -> Batches:
    """Cut actions into batches of at most `size`, and of `HEAVY` bytes by `weigh`; one alone may be heavier."""
    batch: list[Action] = []
    heavy = 0
    for action in actions:
        weight = weigh(action)
        if batch and (len(batch) == size or heavy + weight > HEAVY):
            yield batch
            batch, heavy = [], 0
        batch.append(action)
        heavy += weight
    if batch:
        yield batch


def patches(scene: Scene, pairs: Iterable[tuple[Action, Object]]) -> Batches:
    """Cut patches into batches, each with its object as the step has read it: their handler need not read it again.

    The pairs are asked for batch by batch, and nothing but the next batch is held.
    """
    read: dict[ActionKey, Object] = {}

    def once() -> Iterator[Action]:
        for action, obj in pairs:
            if (
                action.key not in read
            ):  # a list that began again brings what waits for its batch a second time
                read[action.key] = obj
                yield action

    for batch in chunks(once()):
        scene.bodies.offer({action.key: read.pop(action.key) for action in batch})
        yield batch


def read_blue(scene: Scene, green: Sequence[Resource]) -> Inventory:
    """Read blue, each kind in a version that green, which serves `green`, serves too."""
    lately(scene)  # let go: it is older
    return read_inventory(scene.doors.blue, at=replay.readable(green))


def blue_decided(
    scene: Scene,
    inventory: Inventory | None = None,
    *,
    only: Collection[Ref] | None = None,
    settled: bool = True,
) -> tuple[Inventory, replay.Decisions]:
    """Read blue as it would be without what this run changed there, and decide of every object, or of `only` these.

    Unless `settled` is False, what the run left to green's own objects of that name is skipped. An `inventory` that is
    given was read as `read_blue` does. Decisions are taken against what green serves and has of its own.
    """
    green, priors = scene.doors.green.resources(), _priors(scene.progress)
    read = inventory if inventory is not None else read_blue(scene, green)
    defaults = rbac_defaults(scene.doors.green, read)
    versions = tuple(
        (r, metadata_of(o).get("uid"), metadata_of(o).get("resourceVersion"))
        for r, o in chain(read, defaults)
    )
    known, words = scene.progress.recorded(LEDGER).get(CLASSED, {}), scene.migration.workloads
    among = None if only is None else frozenset(only)
    made_of = versions, frozenset(green), priors, read.unreadable, among, known
    if scene.made.get(DECIDED, ((), None))[0] != made_of:
        scene.made.pop(DECIDED, None)  # the objects of a cluster more would not fit beside
        blue = replay.modern(_as_it_was(read, priors), replay.serves(green))
        residue = assess.residue(blue)
        decisions = replay.decide_all(
            blue,
            scene.migration,
            residue=residue,
            ranges=assess.own_ranges(blue),
            green_resources=green,
            only=only,
            classed=standing_classes(known, blue, words, scene.key),
            green_rbac=defaults,
        )
        scene.made[DECIDED] = made_of, (blue, decisions)
    blue, decisions = scene.made[DECIDED][1]
    own = read_inventory(scene.doors.green, only=PROVIDED)
    decisions = conflicts.provided(decisions, own, scene.run)
    return blue, conflicts.settled(decisions, scene.progress.recorded(CONFLICTS)) if settled else decisions


def last_decided(scene: Scene) -> replay.Decisions:
    """What was decided when blue was last read for it, before anything was left to green's own; read now if it never was.

    A gate is looked at many times while it is closed, and this reads no cluster again.
    """
    if DECIDED not in scene.made:
        blue_decided(scene)
    decisions: replay.Decisions = scene.made[DECIDED][1][1]
    return decisions


def body_of(scene: Scene, blue: Inventory, decision: Decision) -> Object:
    """What is written on green for a decision: its target with this run's marks."""
    uid = str(metadata_of(blue.find(decision.ref) or {}).get("uid", ""))
    return replay.mark(decision.target or {}, run=scene.run, key=scene.key, source_uid=uid)


def as_it_was(blue: Inventory, progress: Progress) -> Inventory:
    """Blue without our own changes: what we paused or put to rest there must not move as paused or at rest."""
    return _as_it_was(blue, _priors(progress))


_Priors = Mapping[Ref, Sequence[Mapping[str, Any]]]
"""What our standing patches of blue found there, in their order."""


def _priors(progress: Progress) -> _Priors:
    back: dict[Ref, list[Mapping[str, Any]]] = defaultdict(list)
    for intent in progress.effects():
        action = intent.action
        if action.kind == "patch" and action.params["side"] == Side.BLUE:
            back[Ref.of_json(action.params["ref"])].append(action.prior)
    return back


def _as_it_was(blue: Inventory, back: _Priors) -> Inventory:
    if not back:
        return blue
    objects = {
        resource: [_undone(obj, back.get(ref_of(obj), ())) for obj in found]
        for resource, found in blue.objects.items()
    }
    return replace(blue, objects=objects)


def _undone(obj: Object, priors: Sequence[Mapping[str, Any]]) -> Object:
    for prior in reversed(priors):
        obj = put_back(obj, prior)
    return obj
