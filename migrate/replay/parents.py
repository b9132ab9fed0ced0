"""The custom resources below which something runs that may not run twice, and by whom that is made.

Who makes it is told by RBAC alone: nothing in an object names its controller's program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.objects import Object, Ref, controller_of, dig, end_of_job, labels_of, metadata_of, ref_of
from migrate.replay import hold, kinds
from migrate.replay.blue import Blue
from migrate.replay.classes import EXCLUSIVE, SERVING, Classes, Classified
from migrate.replay.insiders import insider_of
from migrate.replay.kinds import Kind
from migrate.replay.offspring import Child, Offspring
from migrate.replay.operator import operator_rule, outright
from migrate.replay.outsiders import outside_turn
from migrate.replay.replications import KINDS as REPLICATIONS
from migrate.replay.rights import Account, Granted, Rights
from migrate.replay.runs import BELOW
from migrate.replay.turns import SCHEDULES

_RUNNERS = (*sorted(kinds.WORKLOADS), kinds.POD, kinds.JOB, kinds.CRON_JOB)
_ENDED = frozenset({"Succeeded", "Failed"})

_ASLEEP_BY_ITSELF: frozenset[Kind] = frozenset(
    {kinds.SCALED_JOB, ("argoproj.io", "CronWorkflow"), *kinds.ONE_SHOT, *BELOW, *SCHEDULES, *REPLICATIONS}
)
"""Custom resources that rest in a way of their own, or are not carried out again."""

DEPTH = 8
"""Controllers above one another, at most; who control one another in a circle have no top."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One workload with the chain of custom resources above it, the nearest first."""

    ref: Ref
    obj: Object
    above: tuple[Ref, ...]


_Watching = Mapping[str, Sequence[tuple[Ref, Account, Granted]]]
"""Who may watch a kind, by namespace; everywhere under the empty name."""


class Parents:
    """The custom resources of blue that move and control what may not run twice."""

    def __init__(self, blue: Blue, classes: Classes) -> None:
        self._blue = blue
        self._classes = classes
        self._rights = Rights(blue.inventory)
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], Sequence[Ref]] = {}
        self._watchers: dict[Kind, _Watching] = {}

    def of(self, ref: Ref) -> Offspring | None:
        """What a custom resource controls that may not run twice; None where there is none."""
        return self._found[0].get(ref)

    @property
    def all(self) -> Mapping[Ref, Offspring]:
        """Every one of them with what it controls."""
        return self._found[0]

    @property
    def makers(self) -> Mapping[Ref, Sequence[str]]:
        """Who makes it, each with the words that say so: on blue they go off before what they made, and never run beside."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[Mapping[Ref, Offspring], Mapping[Ref, Sequence[str]]]:
        """Until nothing new is found: who makes what may not run twice may be made by a custom resource itself."""
        makers: dict[Ref, tuple[str, ...]] = {}
        while True:
            found = {root: self._offspring(lines, makers) for root, lines in self._lines.items()}
            kept = {root: offspring for root, offspring in found.items() if offspring.children}
            more: dict[Ref, tuple[str, ...]] = {}
            for root, offspring in sorted(kept.items()):
                for maker in offspring.makers:
                    more[maker] = (*more.get(maker, ()), f"it makes what {root} controls")
            if more.keys() == makers.keys():
                return kept, {ref: said[:3] for ref, said in more.items()}
            makers = more

    @cached_property
    def _lines(self) -> Mapping[Ref, Sequence[_Line]]:
        """The workloads below each custom resource that has nobody above it, and that moves."""
        found: dict[Ref, list[_Line]] = defaultdict(list)
        for group, kind in _RUNNERS:
            for obj in self._blue.inventory.of(kind, group):
                above = tuple(self._above(obj))
                passing = any(
                    ref[:2] in kinds.ONE_SHOT for ref in above
                )  # what carries out one of these ends with it
                if above and not passing and self._moves(above[-1]) and _at_work(obj):
                    found[above[-1]].append(_Line(ref_of(obj), obj, above))
        return found

    def _above(self, obj: Object) -> Iterator[Ref]:
        for _ in range(DEPTH):
            owner = self._blue.controller_of(obj)
            if owner is None or owner.group in BUILT_IN_GROUPS or owner[:2] in kinds.WORKLOADS:
                return
            yield owner
            obj = self._blue.inventory.find(owner) or {}

    def _moves(self, root: Ref) -> bool:
        if root[:2] in _ASLEEP_BY_ITSELF:
            return False
        obj = self._blue.inventory.find(root) or {}
        said = operator_rule(self._blue.migration, root, labels_of(obj))
        # one that is named outright may have its like beside it: that is the operator's word
        twice = said is not None and said[1].replay and outright(said[1])
        return controller_of(obj) is None and not twice and self._blue.comes(obj)

    def _offspring(self, lines: Sequence[_Line], known: Mapping[Ref, Sequence[str]]) -> Offspring:
        children, made_by, obstacles = [], list[Ref](), list[str]()
        for line in lines:
            found = self._class_of(line, known.get(line.ref, ()))
            if found.word == SERVING:
                continue
            rest = _resting(line.obj)
            children.append(Child(line.ref, found.word, found.evidence, rest, line.ref in known))
            makers = self._makers_of(line)
            made_by += makers
            if rest is None:
                obstacles.append(f"nothing scales {line.ref} down but {line.above[0]}")
            elif not makers:
                obstacles.append(f"no workload of blue was found that may make {line.ref}")
            staying = [str(maker) for maker in makers if not self._comes(maker)]
            if staying:
                obstacles.append(f"{', '.join(staying)} stays on blue, and would wake {line.ref}")
        return Offspring(
            tuple(sorted(children, key=lambda c: (not c.maker, c.ref))),
            tuple(sorted(set(made_by))),
            "; ".join(dict.fromkeys(obstacles)),
        )

    def _class_of(self, line: _Line, making: Sequence[str]) -> Classified:
        if line.ref[:2] in {kinds.JOB, kinds.CRON_JOB}:
            return Classified(EXCLUSIVE, (f"a {line.ref.kind} at work",))
        found = self._classes.of(line.obj)
        return Classified(EXCLUSIVE, (*making, *found.evidence)) if making else found

    def _comes(self, ref: Ref) -> bool:
        obj = self._blue.inventory.find(ref)
        return obj is not None and self._blue.comes(obj)

    def _makers_of(self, line: _Line) -> list[Ref]:
        """Who makes the workload, and who makes each custom resource between."""
        found: list[Ref] = []
        below = line.ref
        for owner in line.above:
            found += (maker for maker in self._making(owner, below) if maker != below)
            below = owner
        return found

    def _making(self, owner: Ref, below: Ref) -> Sequence[Ref]:
        """Who may watch a kind and create what stands below it, by RBAC.

        A right that names the API group tells more than one that grants everything: those with the latter count
        only where nobody has the former, and among them nobody of whom it is known what else he does.
        """
        asked = owner[:3], below[:3]
        if asked not in self._known:
            group, plural = below.group, self._plural(below)
            watching = self._watching(owner.group, owner.kind)
            found: dict[Ref, Granted] = {}
            for ref, account, right in (*watching.get("", ()), *watching.get(owner.namespace, ())):
                if self._rights.granted(account, "create", group, plural, below.namespace):
                    found[ref] = max(right, found.get(ref, Granted.NOT))
            named = [ref for ref, right in found.items() if right is Granted.BY_NAME]
            others = [ref for ref in found if not self._does_something_else(ref)]
            self._known[asked] = named or others
        return self._known[asked]

    def _watching(self, group: str, kind: str) -> _Watching:
        """The workloads that may watch a kind, by the namespace in which they may."""
        if (group, kind) not in self._watchers:
            plural = self._plural(Ref(group, kind, "", ""))
            found: dict[str, list[tuple[Ref, Account, Granted]]] = defaultdict(list)
            for ref, account in self._accounts:
                for namespace, right in self._rights.where(account, "watch", group, plural).items():
                    found[namespace].append((ref, account, right))
            self._watchers[group, kind] = found
        return self._watchers[group, kind]

    def _plural(self, ref: Ref) -> str:
        resource = self._blue.inventory.resource(ref.kind, ref.group)
        return resource.plural if resource else ""

    def _does_something_else(self, ref: Ref) -> bool:
        obj = self._blue.inventory.find(ref) or {}
        pod = kinds.pod_of(ref[:2], obj)
        return outside_turn(pod) is not None or insider_of(pod) is not None

    @cached_property
    def _accounts(self) -> Sequence[tuple[Ref, Account]]:
        """The workloads that no other workload controls, each with its pods' account."""
        found = []
        for group, kind in sorted(kinds.WORKLOADS):
            for obj in self._blue.inventory.of(kind, group):
                ref = ref_of(obj)
                owner = self._blue.controller_of(obj)
                if owner is None or owner[:2] not in kinds.WORKLOADS:
                    pod = kinds.pod_of(ref[:2], obj)
                    name = dig(pod, "spec", "serviceAccountName", default="") or "default"
                    found.append((ref, Account(ref.namespace, str(name))))
        return found


def _at_work(obj: Object) -> bool:
    """Whether something runs, or would run again by itself."""
    if metadata_of(obj).get("deletionTimestamp"):
        return False
    match ref_of(obj)[:2]:
        case kinds.POD:
            return dig(obj, "status", "phase") not in _ENDED
        case kinds.JOB:
            return not (dig(obj, "spec", "suspend") or end_of_job(obj))
        case kinds.CRON_JOB:
            return not dig(obj, "spec", "suspend")
        case _:
            return True


def _resting(obj: Object) -> Object | None:
    kind = ref_of(obj)[:2]
    if kind in kinds.SCALED:
        return hold.twin_at_zero(obj)
    if kind == kinds.DAEMON_SET:
        return hold.twin_off_every_node()
    return {"spec": {"suspend": True}} if kind in {kinds.JOB, kinds.CRON_JOB} else None
