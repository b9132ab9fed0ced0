"""Every object of blue with what was decided of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from migrate.model.decision import Decision, Form
from migrate.model.ids import RuleId
from migrate.model.link import Link
from migrate.model.objects import Ref, Resource
from migrate.replay.kinds import CLAIM, WORKLOADS, Kind
from migrate.replay.offspring import Offspring

WRITTEN = frozenset({Form.REPLAYED, Form.HELD})
"""Forms that are written in the replay phase; deferred objects follow at the cutover."""

MERGED_RULES = frozenset(
    map(RuleId, ("merge.default-account", "merge.default-namespace", "merge.system-namespace"))
)
"""Rules whose targets stand on green already: they are merged into what is there, not created."""

BACKENDS = 9
"""The wave in which webhook backends run, before the webhooks that call them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many objects there are of each form, and by each rule."""

    by_form: Mapping[Form, int]
    by_rule: Mapping[RuleId, int]


@dataclass(frozen=True)
class Decisions:
    """One Decision for every object of blue, sorted by reference.

    `startable` are the workloads that may run before their batch's cutover, those of wave 9 with them; `waits` names, by workload, the
    deferred webhook configurations that must answer before its first pod; `ranks` orders objects inside a wave; `links` are the
    owners that do not control, by what they own. `offspring` is what the custom resources that wait for the writers control.
    """

    all: tuple[Decision, ...]
    startable: frozenset[Ref] = frozenset()
    waits: Mapping[Ref, tuple[Ref, ...]] = field(default_factory=dict)
    ranks: Mapping[Ref, int] = field(default_factory=dict)
    links: Mapping[Ref, Sequence[Link]] = field(default_factory=dict)
    offspring: Mapping[Ref, Offspring] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Decision]:
        """Every Decision."""
        return iter(self.all)

    def __len__(self) -> int:
        """How many objects blue has."""
        return len(self.all)

    @cached_property
    def _by_ref(self) -> Mapping[Ref, Decision]:
        return {decision.ref: decision for decision in self.all}

    @cached_property
    def _by_form(self) -> Mapping[Form, tuple[Decision, ...]]:
        found: dict[Form, list[Decision]] = {form: [] for form in Form}
        for decision in self.all:
            found[decision.form].append(decision)
        return {form: tuple(decisions) for form, decisions in found.items()}

    @cached_property
    def _waves(self) -> Mapping[int, tuple[tuple[Decision, ...], ...]]:
        found: dict[int, dict[int, list[Decision]]] = defaultdict(lambda: defaultdict(list))
        for decision in self.all:
            if decision.form in WRITTEN:
                found[decision.wave][self.ranks.get(decision.ref, 0)].append(decision)
        return {
            wave: tuple(_interleaved(ranks[rank]) for rank in sorted(ranks))
            for wave, ranks in sorted(found.items())
        }

    @cached_property
    def _versions(self) -> Mapping[Kind, str]:
        found: dict[Kind, str] = {}
        for decision in self.all:
            if decision.target is not None:
                group, _, version = str(decision.target.get("apiVersion", "")).rpartition("/")
                found.setdefault((group, decision.ref.kind), version)
        return found

    def at(self, resource: Resource) -> Resource:
        """A resource of green in the version in which its objects are written, so that they can be held against it."""
        version = self._versions.get((resource.group, resource.kind), "")
        return resource.at(version) if version in resource.versions else resource

    def of(self, ref: Ref) -> Decision | None:
        """The Decision on one object, if blue has it."""
        return self._by_ref.get(ref)

    def of_wave(self, number: int) -> tuple[Decision, ...]:
        """What is written in a wave, in an order that respects what needs what."""
        return tuple(decision for stage in self.stages(number) for decision in stage)

    def stages(self, number: int) -> tuple[tuple[Decision, ...], ...]:
        """What is written in a wave, stage by stage: a stage must stand (in wave 9: be Ready) before the next begins."""
        return self._waves.get(number, ())

    @property
    def waves(self) -> tuple[int, ...]:
        """The waves in which something is written."""
        return tuple(self._waves)

    @property
    def written(self) -> tuple[Decision, ...]:
        """What the replay phase writes, wave by wave."""
        return tuple(decision for wave in self._waves for decision in self.of_wave(wave))

    @property
    def replayed(self) -> tuple[Decision, ...]:
        """What moves as it is."""
        return self._by_form[Form.REPLAYED]

    @property
    def held(self) -> tuple[Decision, ...]:
        """What is written in a dormant form."""
        return self._by_form[Form.HELD]

    @property
    def deferred(self) -> tuple[Decision, ...]:
        """What is made only at the cutover."""
        return self._by_form[Form.DEFERRED]

    def with_made(self, made: Collection[Ref]) -> Decisions:
        """The decisions with what was deferred and is `made` by now as written: what it is on blue."""
        if not made:
            return self
        decided = (
            replace(d, form=Form.REPLAYED, hold=None) if d.form is Form.DEFERRED and d.ref in made else d
            for d in self.all
        )
        return replace(self, all=tuple(decided))

    @property
    def compared(self) -> tuple[Decision, ...]:
        """What green's own GitOps makes."""
        return self._by_form[Form.COMPARED]

    @property
    def skipped(self) -> tuple[Decision, ...]:
        """What stays behind, each with its rule."""
        return self._by_form[Form.SKIPPED]

    @property
    def undecided(self) -> tuple[Decision, ...]:
        """What a person decides before the replay."""
        return self._by_form[Form.UNDECIDED]

    @property
    def started_early(self) -> tuple[Decision, ...]:
        """Webhook backends that run from wave 9 on; before-replay lists them."""
        return tuple(d for d in self.of_wave(BACKENDS) if (d.ref.group, d.ref.kind) in WORKLOADS)

    def counts(self) -> Counts:
        """Count by form and by rule; every form is there, also with 0."""
        by_rule = Counter(decision.rule for decision in self.all)
        return Counts(
            {form: len(found) for form, found in self._by_form.items()}, dict(sorted(by_rule.items()))
        )


def _interleaved(decisions: list[Decision]) -> tuple[Decision, ...]:
    """Take the namespaces in turn, so that none has to take a whole load at once; claims by their ordinals."""
    turns: Counter[tuple[str, str]] = Counter()
    keyed = []
    for decision in sorted(decisions, key=lambda d: _ordinal(d.ref)):
        lane = (decision.ref.kind, decision.ref.namespace)
        keyed.append((turns[lane], decision.ref, decision))
        turns[lane] += 1
    return tuple(decision for _, _, decision in sorted(keyed, key=lambda item: item[:2]))


def _ordinal(ref: Ref) -> tuple[str, int]:
    """The place of a StatefulSet's claim among those of its set: data-db-10 comes after data-db-9."""
    stem, _, number = ref.name.rpartition("-")
    counted = (ref.group, ref.kind) == CLAIM and number.isdecimal() and number.isascii()
    return (stem, int(number)) if counted else (ref.name, 0)
