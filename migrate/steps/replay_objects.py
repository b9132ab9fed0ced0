"""Write blue's objects onto green, wave by wave, in their dormant forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import orjson

from migrate import replay
from migrate.actions.adopt import adopt, adoption_key
from migrate.actions.apply import BLUE, apply
from migrate.actions.create import create
from migrate.actions.patch import patch
from migrate.actions.record import record
from migrate.calico.pools import namespace_annotations, planned_pools
from migrate.calico.validation import validate
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model import marks
from migrate.model.action import Action
from migrate.model.canonical import digest
from migrate.model.decision import Decision, Form
from migrate.model.ids import ActionKey, Phase, Side, StepId
from migrate.model.inventory import Inventory
from migrate.model.migration import DATA_WORDS
from migrate.model.objects import Object, Ref, annotations_of, group_of, metadata_of
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay import drift
from migrate.replay.conflicts import SKIPPED, adopted, as_facts, settled, would_start
from migrate.replay.handover import handovers
from migrate.replay.kinds import PERSISTENT_VOLUME
from migrate.replay.operator import SYSTEM_NAMESPACES
from migrate.replay.rules.volumes import TERMINATING, VOLUMES_OF_ONE
from migrate.replay.standing_classes import classes_as_facts
from migrate.steps import conflicts
from migrate.steps.anew import recorded_anew
from migrate.steps.as_sent import as_sent
from migrate.steps.base import CONFLICTS, CUTOVER, BaseStep, blue_decided, body_of, chunks, last_decided
from migrate.steps.closures import closures_of
from migrate.steps.conflicts import Standing
from migrate.steps.drift import as_written, written
from migrate.steps.handing_over import copied_warm, kept_on_blue
from migrate.steps.idle import DECISIONS, met
from migrate.steps.kept import made_by_gitops, still_ours
from migrate.steps.ledger import (
    CLASSED,
    FORCED,
    LEDGER,
    acted_on,
    broken_on_blue,
    forced_json,
    ledger,
    ledger_of,
    listed,
)
from migrate.steps.linking import given_up, linked
from migrate.steps.merging import unmerged
from migrate.steps.refusals import Refusals, answered, insisted, of_wave, refused_before
from migrate.steps.removing import START, Removing, put_to_rest
from migrate.steps.sides import lately
from migrate.steps.stating import stated
from migrate.steps.wave_gates import NAMESPACES, backends, backends_ready, gate

OWN_MARKS = frozenset({marks.RUN, marks.SOURCE_UID, marks.SOURCE_HASH})
"""What binds an object to this run; held forms have further marks of their own."""

TOGETHER = 5000
"""Objects a batch: the engine sends them in slices that overlap, and waits for the last alone."""

POOL = "pool"


class ReplayObjects(BaseStep):
    """Create what blue has and green lacks; every object is decided before the first is written."""

    id: ClassVar[StepId] = StepId("replay.objects")
    phase: ClassVar[Phase] = Phase.REPLAY
    title: ClassVar[str] = "write blue's objects onto green, dormant"
    undo: ClassVar[str] = "delete what was written, newest first"
    again_until: ClassVar[StepId | None] = CUTOVER
    gathers_refusals: ClassVar[bool] = True

    def batches(self, scene: Scene) -> Batches:
        """Yield wave after wave, each with its gate."""
        known = written(scene)
        blue, decisions = _decided_now(scene)
        words = [*decided(decisions), *met(scene.migration, blue)]
        said = record(DECISIONS, words, facts=_counts(decisions))
        yield from recorded_anew(scene, said, _of_what_moves)
        standing = yield from conflicts.told(scene, blue, decisions)
        yield from still_ours(scene, decisions, known)
        decisions = settled(decisions, scene.progress.recorded(CONFLICTS))
        removing = Removing.of(scene, blue, decisions, known)
        yield from removing.asked()
        routes = closures_of(scene, blue, decisions)
        facts = {
            **ledger(decisions, routes),
            "broken": _broken(scene, blue, decisions, known),
            FORCED: forced_json(decisions, blue),
            CLASSED: classes_as_facts(blue, decisions, scene.migration.workloads, scene.key),
            "volumes": [h.as_json() for h in handovers(blue, decisions, scene.migration)],
        }
        yield from recorded_anew(
            scene, record(LEDGER, [passed("ledger", "what is held is written down")], facts=facts), acted_on
        )
        let_go = {h.ref for h in ledger_of(facts).before_cutover}
        yield from insisted("rest", put_to_rest(scene, decisions, let_go))
        # before an owner goes: the collector would take what it owned
        yield from insisted("links given up", given_up(scene, decisions.links))
        yield from removing.first()
        yield from insisted("merges taken back", unmerged(scene, blue, decisions, known))
        if any(d.ref[:2] == PERSISTENT_VOLUME for d in (*decisions.written, *decisions.deferred)):
            # brought as it is by a rule, which may be younger than prepare: blue's claim must not take the data along
            yield from insisted("kept volumes", kept_on_blue(scene))
        writing = _Writing(scene, blue, standing.now(scene.progress))
        before = refused_before(scene)
        for last, wave in pairwise((0, *decisions.waves)):
            yield from made_by_gitops(scene, decisions, since=last, until=wave)
            mine = decisions.of_wave(wave)
            failed_before = of_wave(before, wave, (d.ref for d in mine))
            refusals = Refusals(
                wave, scene.migration.workloads.on_refusal, [blue.resources], mine, failed_before
            )
            yield from self._wave(writing, decisions, refusals)
        yield from removing.last()
        yield from answered("what was left out", refused_before(scene))
        yield from linked(scene, decisions)
        yield from copied_warm(scene)

    def gate_mode(self, scene: Scene) -> Literal["auto", "approval"]:
        """Ask where webhook backends would be started before the replay's workloads (decision 12)."""
        return "approval" if would_start(last_decided(scene)) else "auto"

    def gate_about(self, scene: Scene) -> str:
        """Which webhook backends the replay would start, as was decided when the step was asked what there is to do."""
        started = [str(d.ref) for d in would_start(last_decided(scene))]
        return digest(started) if started else ""

    def gate_words(self, scene: Scene) -> Sequence[str]:
        """Webhook backends that the replay itself would start, now or once green's own are gone, and what is written."""
        started = [d.ref for d in would_start(last_decided(scene))]
        _, decisions = blue_decided(scene, settled=False)
        found = conflicts.standing(scene, decisions).taken
        decisions = settled(decisions, facts := as_facts(found))
        left = {Ref.of_json(one["ref"]) for one in facts[SKIPPED]}
        return [
            *listed(
                "would be started before the workloads they change", [r for r in started if r not in left]
            ),
            *listed(
                "are skipped for green's own, and would be started like these by the first run that finds those gone",
                [ref for ref in started if ref in left],
            ),
            *listed(
                "names of ours that objects of others have on green",
                [f"{one.ref} ({one.policy}): {one.how}" for one in found],
            ),
            f"{len(decisions.written)} objects would be written, {len(decisions.held)} of them dormant",
        ]

    def _wave(self, writing: _Writing, decisions: replay.Decisions, refusals: Refusals) -> Batches:
        scene, blue, wave = writing.scene, writing.blue, refusals.wave
        for stage in decisions.stages(wave):
            refusals.served.insert(0, scene.doors.green.resources())
            for batch in chunks(writing.actions(stage), TOGETHER, writing.weight):
                # let go of here: when a wave is done, nobody holds its bodies
                bodies = writing.bodies
                scene.bodies.offer({a.key: bodies.pop(a.key) for a in batch if a.key in bodies})
                for kind in ("create", "apply", "adopt", "patch"):
                    alike = [a for a in batch if a.kind == kind]
                    if alike:
                        refusals.take(alike, (yield alike))
                        if refusals.enough:
                            yield from refusals.told(whole=False)
            yield from stated(scene, stage)
            if early := backends(decisions, stage):
                # a backend that was refused would be waited for in vain, and what comes after it needs it
                yield from refusals.told(whole=False)
                yield from backends_ready(scene, early)
        yield from as_sent(scene, wave, decisions.of_wave(wave))
        yield from refusals.told(whole=True)
        yield from gate(scene, wave, blue, decisions)
        if wave == NAMESPACES:
            moved = [d.ref.name for d in decisions.of_wave(wave) if d.ref.name not in SYSTEM_NAMESPACES]
            yield from insisted("pools", _assign_pools(scene, moved))


@dataclass
class _Writing:
    """Turns decisions into Actions, leaving out what stands already."""

    scene: Scene
    blue: Inventory
    standing: Standing

    def __post_init__(self) -> None:
        self.bodies: dict[ActionKey, Object] = {}
        self.adopted = adopted(self.scene.progress.recorded(CONFLICTS))

    def actions(self, stage: Sequence[Decision]) -> Iterator[Action]:
        """The Actions that are still to do."""
        for decision in stage:
            assert decision.target is not None  # a written decision has a target
            yield from (
                self._merge(decision) if decision.rule in replay.MERGED_RULES else self._write(decision)
            )

    def weight(self, action: Action) -> int:
        """The bytes that an Action's body takes on the wire."""
        return len(orjson.dumps(self.bodies.get(action.key)))

    def _write(self, decision: Decision) -> Iterator[Action]:
        body = body_of(self.scene, self.blue, decision)
        wanted = annotations_of(body)[marks.SOURCE_HASH]
        found = self.standing.whole.get(decision.ref)
        marked = annotations_of(found) if found is not None else {}
        stood = self.standing.written.get(decision.ref)
        if stood == wanted:
            return
        action = create(decision.ref, key_hash=wanted, rule=decision.rule, wave=decision.wave, command="")
        if found is not None and marks.RUN not in marked and self.scene.progress.vouched(action.key):
            # of another hand, and a person has said that it is good as it stands: it gets our marks and nothing else
            notes = {key: note for key, note in annotations_of(body).items() if key in OWN_MARKS}
            yield patch(Side.GREEN, decision.ref, {"metadata": {"annotations": notes}}, why="adopt")
            return
        if found is not None and decision.ref in self.adopted and marks.RUN not in marked:
            yield self._adopt(decision, found, body)
            return
        if stood is not None:
            # blue changed since it was written: bring the object up to date; the way back is still its creation's
            body = self._as_let_go(decision, self._with_pools(decision.ref, body))
            if self.scene.progress.stands(adoption_key(decision.ref)):
                yield self._adopt(decision, found or {}, body, again=True)
                return
            action = apply(Side.GREEN, decision.ref, body_hash=wanted, command="", source=BLUE)
        self.bodies[action.key] = body
        yield action

    def _adopt(self, decision: Decision, found: Object, body: Object, *, again: bool = False) -> Action:
        """Our marks, and what the object lacks; one that lacks nothing stays wholly in the hands of who made it."""
        differs = replay.apart(marks.unmarked(body), found)
        if again and (first := self.scene.progress.of_key(adoption_key(decision.ref))) is not None:
            # how it stood before the first time is what the way back leads to
            differs = tuple(dict.fromkeys((*first.action.prior["differs"], *differs)))
        metadata = metadata_of(body)
        ours = {key: note for key, note in annotations_of(body).items() if key in OWN_MARKS}
        action = adopt(
            decision.ref,
            uid=str(metadata_of(found).get("uid", "")),
            body_hash=ours[marks.SOURCE_HASH],
            wave=decision.wave,
            differs=differs,
        )
        # an apply takes away what it no longer says, so an object that was written once is written whole ever after
        bare = {**{k: body[k] for k in ("apiVersion", "kind")}, "metadata": {**metadata, "annotations": ours}}
        bare["metadata"].pop("labels", None)
        self.bodies[action.key] = body if differs or again else bare
        return action

    def _as_let_go(self, decision: Decision, body: Object) -> Object:
        """The body in the form that green has: what was started, and may run still, is not put to sleep in between."""
        started = self.scene.progress.stands(patch(Side.GREEN, decision.ref, {}, why=START).key)
        return replay.merged(body, decision.hold.release) if started and decision.hold else body

    def _with_pools(self, ref: Ref, body: Object) -> Object:
        """The body with the pools that this run pointed the namespace at: an apply takes away what it does not say."""
        pools = self.scene.progress.of_key(patch(Side.GREEN, ref, {}, why=POOL).key)
        return replay.merged(body, pools.action.params["patch"]) if pools and pools.stands else body

    def _merge(self, decision: Decision) -> Iterator[Action]:
        change = drift.merge_of(decision.target or {})
        action = patch(Side.GREEN, decision.ref, change, why="merge")
        before = self.scene.progress.of_key(action.key)
        merged_before = before.action.params["patch"] if before is not None and before.stands else None
        if change and change != merged_before:
            yield action


def decided(decisions: replay.Decisions) -> list[Verdict]:
    """What must hold before the first object is written: nothing undecided, and Calico's objects valid."""
    verdicts = []
    for decision in decisions.undecided:
        ref = decision.ref
        verdicts.append(
            failed(
                f"decision {ref}",
                f"{ref} needs a decision: {'; '.join(filter(None, (decision.reason, decision.evidence)))}",
                f"{_word_wanted(decision)}, then cnimigrate amend and run",
            )
        )
    for decision in decisions.written:
        if group_of(decision.target or {}).endswith("projectcalico.org"):
            problems = validate(decision.target or {})
            if problems:
                verdicts.append(
                    failed(
                        f"valid {decision.ref}",
                        f"{decision.ref}: {problems[0]}",
                        "Mend it on blue: Calico would ignore it silently.",
                    )
                )
    return verdicts or [passed("decisions", f"{len(decisions)} objects decided, 0 to decide")]


def _word_wanted(decision: Decision) -> str:
    """What to write into the file, so that an object is decided."""
    ref = decision.ref
    if decision.rule == TERMINATING.id:
        return f"Mend it on blue, or write workloads.volumes: [{{namespace: {ref.namespace}, name: {ref.name}, as: empty, reason: ...}}]"
    if decision.rule == "volume.data":
        said = f"namespace: {ref.namespace}, name: {ref.name}, as: {DATA_WORDS}, reason: ..."
        return f"workloads.volumes: [{{{said}}}]"
    left = f"workloads.rules: [{{kind: {ref.kind}, name: {ref.name}, skip: true, reason: ...}}]"
    if decision.rule == "volume.tied":
        word = "workloads.volumes, where its claim is named: as: copy, restored or empty"
        ruled = f"; and where a rule of yours brings it, before that: {left}"
        return word + (ruled if ref[:2] == PERSISTENT_VOLUME else "")
    if decision.rule == "volume.twice":
        return f"before the rule that brings it {left}; or take its claim out of workloads.volumes"
    if decision.rule in VOLUMES_OF_ONE:
        return f"workloads.volumes, where its claim is named: as: reattach; or leave it on blue: {left}"
    said = f"kind: {ref.kind}, namespace: {ref.namespace or '*'}, name: {ref.name}"
    if decision.rule == "custom.never-twice":
        return f"workloads.rules: [{{{said}, hold: true (or replay: true, or skip: true), reason: ...}}]"
    moves = "hold" if decision.rule == "decide.disk" else "replay"
    return f"workloads.rules: [{{{said}, skip: true (or {moves}: true), reason: ...}}]"


def _assign_pools(scene: Scene, names: Sequence[str]) -> Batches:
    """Point namespaces at the pools that name them, before their first pod: such a pool selects no node by itself."""
    green = scene.migration.green
    pools = planned_pools(green.network, green.calico.pools)
    wanted = namespace_annotations(pools, names)
    actions = [
        patch(Side.GREEN, Ref("", "Namespace", "", name), {"metadata": {"annotations": marks_}}, why=POOL)
        for name, marks_ in sorted(wanted.items())
    ]
    todo = [a for a in actions if not scene.progress.stands(a.key)]
    if todo:
        yield todo


def _decided_now(scene: Scene) -> tuple[Inventory, replay.Decisions]:
    """Decide on blue; how many replicas an autoscaler has given a workload meanwhile is no change of it."""
    seen = lately(scene)
    blue, decisions = blue_decided(scene, seen.inventory if seen else None, settled=False)
    scaled = drift.autoscaled(blue)
    kinds = {(ref.group, ref.kind) for ref in scaled}
    green = read_inventory(scene.doors.green, only=kinds, at=decisions.at) if kinds else Inventory((), {}, "")
    return blue, as_written(scene, blue, decisions, green)


def _broken(scene: Scene, blue: Inventory, decisions: replay.Decisions, known: drift.Record) -> list[str]:
    """What moves and was not Ready on blue when it was first replayed: the baseline stays, and what is new has its own."""
    before = scene.progress.recorded(LEDGER).get("broken")
    moving = {str(d.ref) for d in (*decisions.written, *decisions.deferred)}
    moving |= {str(child.ref) for offspring in decisions.offspring.values() for child in offspring.children}
    now = [name for name in broken_on_blue(blue) if name in moving]
    if before is None:
        return now
    replayed = {str(ref) for ref in known.hashes}
    return sorted({*before, *(name for name in now if name not in replayed)})


def _of_what_moves(counts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The counts without those of what this run does not write: pods and leases of blue come and go."""
    return {form: count for form, count in counts.items() if form not in {Form.SKIPPED, Form.COMPARED}}


def _counts(decisions: replay.Decisions) -> dict[str, Any]:
    return {form.value: count for form, count in decisions.counts().by_form.items()}
