"""The ledger of what is held on green and how it is released, written before the first object and read at cutover.

Blue cannot be asked again later: once its twin is off, blue's own object says "0 replicas" or "suspended".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from migrate import replay
from migrate.actions.conditions.apis import is_away
from migrate.actions.conditions.workloads import rollout
from migrate.model.decision import Form
from migrate.model.ids import RouteName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, controller_of, ref_of
from migrate.model.progress import Progress
from migrate.planning.routes import Closure
from migrate.replay import kinds
from migrate.replay.classes import SERVING
from migrate.replay.handover import Handover
from migrate.replay.turns import Turn, announces, off_first

LEDGER = "ledger of held objects"

CHILD = "child"
"""The form of what a custom resource controls: nothing of it is written."""

FORCED = "forced"
"""The fact of the ledger that has what green keeps otherwise than blue."""

CLASSED = "classed"
"""The fact of the ledger that has which workloads are not serving, and what that rests on."""

ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})
"""Kinds that keep pods."""


@dataclass(frozen=True, slots=True)
class Held:
    """One held or deferred object: how it is released, and what must rest on blue first."""

    ref: Ref
    form: str
    workload_class: str
    early: bool
    release: Object
    prior: Object
    absent: tuple[str, ...]
    rest_blue: Object | None
    waits: tuple[Ref, ...] = ()
    evidence: str = ""
    turn: int = Turn.WRITERS

    @property
    def off_first(self) -> bool:
        """Whether blue's twin goes off before the first writer moves, long before green's own turn."""
        return self.rest_blue is not None and off_first((self.ref.group, self.ref.kind), self.turn)

    @property
    def by_hand(self) -> bool:
        """Whether a person must take blue's away first: a Pod that nobody controls, and that may not run twice."""
        return self.ref[:2] == kinds.POD and self.workload_class != SERVING

    def __str__(self) -> str:
        """The object, its class and why, in one line."""
        kind = f" ({self.workload_class})" if self.workload_class else ""
        return f"{self.ref}{kind}" + (f": {self.evidence}" if self.evidence else "")


@dataclass(frozen=True, slots=True)
class Parent:
    """A custom resource that waits for the writers: who makes it alive, and what that has made on blue and may not run twice."""

    ref: Ref
    makers: tuple[Ref, ...]
    children: tuple[Held, ...]

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Parent:
        """Read a parent from its facts, as `ledger` made them."""
        children = (
            Held(
                Ref.of_json(c["ref"]),
                CHILD,
                c["class"],
                early=False,
                release={},
                prior={},
                absent=(),
                rest_blue=c["rest"],
                evidence=c.get("evidence", ""),
            )
            for c in value["children"]
        )
        makers = tuple(Ref.of_json(ref) for ref in value["makers"])
        return cls(Ref.of_json(value["ref"]), makers, tuple(children))


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything held, each route with its closure, and what was not Ready (an APIService: not Available) on blue to begin with.

    `volumes` are the claims whose data is handed over: between their users' off and on, and never by turns. `parents` are
    the custom resources among what is deferred that control what may not run twice.
    """

    held: tuple[Held, ...]
    routes: tuple[Closure, ...]
    broken: tuple[str, ...] = ()
    volumes: tuple[Handover, ...] = ()
    parents: tuple[Parent, ...] = ()

    @property
    def early(self) -> tuple[Held, ...]:
        """Serving workloads that may run before the cutover."""
        return tuple(h for h in self.held if h.early)

    @property
    def ways_in(self) -> tuple[Held, ...]:
        """What opens on green before the probe: by what clients of a ramped route come in."""
        names = self._opened(ramped=True)
        return tuple(h for h in self.held if str(h.ref) in names)

    @property
    def before_cutover(self) -> tuple[Held, ...]:
        """What is let go before the cutover: what may run on both sides, and what opens for the probe."""
        return (*self.early, *self.ways_in)

    def _opened(self, *, ramped: bool) -> frozenset[str]:
        return frozenset(name for c in self.routes if c.rampable is ramped for name in c.ways_in)

    @property
    def _awaited(self) -> frozenset[Ref]:
        return frozenset(ref for h in self.held for ref in h.waits)

    def moving(self) -> tuple[tuple[Held, ...], ...]:
        """What moves before the switch: what writers need, writers, custom resources with who makes them alive, webhooks
        that others wait for, those others, what is `tended`, addresses.

        A mutating webhook stands with its backend Ready before the first pod that it would change (invariant 7). What
        a switched route needs is among the writers, whatever its turn. Fixed addresses wait for who announces them.
        Last of all the ways in of switched routes open, which are asked before they are switched.
        """
        needed = {name for route in self.routes if not route.rampable for name in route.workloads}
        asleep = [h for h in self.held if not h.early and h.ref not in self._handed_over]
        webhooks = [h for h in asleep if h.ref in self._awaited]
        front = [h for h in asleep if h.turn <= Turn.ADDRESSES or str(h.ref) in needed]
        front = [h for h in front if h.ref not in self._awaited]
        custom = [h for h in front if h.ref in self._of_parents]
        front = [h for h in front if h.ref not in self._of_parents]
        late = any(h.waits for h in custom)
        waiting = [h for h in front if h.waits]
        free = [h for h in front if not h.waits]
        addresses = [(h,) for h in free if h.turn == Turn.ADDRESSES and not self.announced]
        free = [h for h in free if h.turn != Turn.ADDRESSES]
        writers = [h for h in free if h.rest_blue is not None or h.by_hand or str(h.ref) in needed]
        tended = [h for h in writers if h.ref[:2] in kinds.TENDED]
        writers = [h for h in writers if h not in tended]
        stuff = [h for h in free if h.form == Form.DEFERRED and h not in (*writers, *tended)]
        before, behind = ([], custom) if late else (custom, [])
        groups = (
            stuff,
            writers,
            before,
            webhooks,
            waiting,
            behind,
            tended,
            *addresses,
            *one_by_one(self.opening()),
        )
        return tuple(tuple(group) for group in groups if group)

    def opening(self) -> tuple[Held, ...]:
        """The ways in of switched routes, which open once what the routes need has moved."""
        names = self._opened(ramped=False) - self._opened(ramped=True)
        return tuple(h for h in self.held if str(h.ref) in names)

    def writers(self) -> tuple[Held, ...]:
        """What moves before the switch without the ways in."""
        opening = self.opening()
        return tuple(h for group in self.moving() for h in group if h not in opening)

    def later(self) -> tuple[tuple[Held, ...], ...]:
        """What is let go once the traffic is on green, turn by turn; in a turn workloads come before what they serve."""
        gone = {h.ref for group in (*self.moving(), self.ways_in) for h in group} | self._handed_over
        left = [h for h in self.held if not h.early and h.ref not in gone]
        addresses = [h for h in left if h.turn == Turn.ADDRESSES]
        keyed = [(max(h.turn, Turn.WAYS_IN), _rank(h), h) for h in left if h.turn != Turn.ADDRESSES]
        keyed.sort(key=lambda item: item[:2])
        groups = [tuple(h for *_, h in group) for _, group in groupby(keyed, key=lambda item: item[:2])]
        announced = sum(_announces(group[0]) for group in groups)
        return (
            *groups[:announced],
            *((h,) for h in addresses),
            *(part for group in groups[announced:] for part in one_by_one(group)),
        )

    @property
    def _handed_over(self) -> frozenset[Ref]:
        return frozenset(ref for v in self.volumes for ref in (v.claim, v.volume))

    @property
    def announced(self) -> bool:
        """Whether who gives out or announces addresses is held: then no address answers on green before that stands."""
        return any(_announces(h) for h in self.held if not h.early)

    def off_first(self) -> tuple[Held, ...]:
        """What would act from blue's side while the writers move, and so is put to rest there before them."""
        return tuple(h for group in self.later() for h in group if h.off_first)

    def tended(self) -> tuple[Held, ...]:
        """What goes off on blue before the first writer, because the one who ends its pods may be a writer.

        It comes on on green behind all of them, so that on the way back it goes off first there, too.
        """
        return tuple(h for group in self.moving() for h in group if h.ref[:2] in kinds.TENDED)

    @property
    def _of_parents(self) -> frozenset[Ref]:
        return frozenset(ref for p in self.parents for ref in (p.ref, *p.makers))

    def of_parents(self, group: Sequence[Held]) -> bool:
        """Whether a group of what moves are custom resources and who makes them alive."""
        return bool(group) and group[0].ref in self._of_parents

    @property
    def children(self) -> tuple[Held, ...]:
        """What custom resources control and may not run twice: put to rest on blue, and made again on green."""
        return tuple(child for parent in self.parents for child in parent.children)

    def ramped(self) -> tuple[RouteName, ...]:
        """Routes whose whole closure can run on both sides."""
        return tuple(c.route for c in self.routes if c.rampable)

    def switched(self) -> tuple[RouteName, ...]:
        """Routes that move in one go, after what they need has moved."""
        return tuple(c.route for c in self.routes if not c.rampable)


def one_by_one(group: Sequence[Held]) -> tuple[tuple[Held, ...], ...]:
    """A group with its Services first, each for itself, and the rest behind them.

    One that gets no address then leaves the others where they are; and an Ingress has the address of a Service.
    """
    services = tuple((h,) for h in group if h.ref[:2] == kinds.SERVICE)
    rest = tuple(h for h in group if h.ref[:2] != kinds.SERVICE)
    return (*services, rest) if rest else services


def _announces(held: Held) -> bool:
    return announces((held.ref.group, held.ref.kind), held.turn)


def _rank(held: Held) -> int:
    """The place in a turn: workloads first, then pools of addresses, then what these serve."""
    if held.ref.kind in ROLLING or held.ref[:2] == kinds.POD:
        return 0
    return 1 if _announces(held) else 2


def ledger(decisions: replay.Decisions, routes: Sequence[Closure]) -> dict[str, Any]:
    """The ledger as JSON, for the journal; holds no object bodies, so no Secret's value."""
    entries = []
    for decision in (*decisions.held, *decisions.deferred):
        hold = decision.hold
        if hold is None:
            continue
        entries.append(
            {
                "ref": decision.ref.as_json(),
                "form": decision.form.value,
                "class": decision.workload_class,
                "early": decision.ref in decisions.startable,
                "release": hold.release,
                "prior": hold.prior,
                "absent": list(hold.absent),
                "rest": hold.rest_blue,
                "evidence": decision.evidence,
                "turn": int(decision.turn),
                "waits": [ref.as_json() for ref in decisions.waits.get(decision.ref, ())],
            }
        )
    rules: dict[str, dict[str, int]] = {}
    for decision in decisions:
        counts = rules.setdefault(decision.rule, {})
        counts[decision.form.value] = counts.get(decision.form.value, 0) + 1
    parents = {"parents": _parents(decisions)} if decisions.offspring else {}
    return {"held": entries, "routes": [c.as_json() for c in routes], "rules": rules, **parents}


def _parents(decisions: replay.Decisions) -> list[dict[str, Any]]:
    return [
        {
            "ref": ref.as_json(),
            "makers": [maker.as_json() for maker in offspring.makers],
            "children": [
                {
                    "ref": child.ref.as_json(),
                    "class": child.word,
                    "rest": child.rest,
                    "evidence": "; ".join(child.evidence),
                }
                for child in offspring.children
            ],
        }
        for ref, offspring in sorted(decisions.offspring.items())
    ]


def acted_on(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a ledger's facts later steps act on: no counts by rule, and no evidence, which names pods and their locks."""
    found = {key: said for key, said in facts.items() if key != "rules"}
    found["held"] = [_without_evidence(one) for one in facts.get("held", ())]
    if "parents" in facts:
        found["parents"] = [
            {**parent, "children": [_without_evidence(child) for child in parent["children"]]}
            for parent in facts["parents"]
        ]
    return found


def _without_evidence(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: said for key, said in one.items() if key != "evidence"}


def read_ledger(progress: Progress) -> Ledger:
    """Read the ledger back from the journal; empty where nothing was replayed."""
    return ledger_of(progress.recorded(LEDGER))


def ledger_of(facts: Mapping[str, Any]) -> Ledger:
    """Read a ledger from its facts, as `ledger` made them."""
    held = tuple(
        Held(
            Ref.of_json(h["ref"]),
            h["form"],
            h["class"],
            h["early"],
            h["release"],
            h["prior"],
            tuple(h["absent"]),
            h["rest"],
            tuple(Ref.of_json(ref) for ref in h["waits"]),
            h.get("evidence", ""),
            # a ledger of before there were turns: what has a twin to rest moves with the writers, the rest after them
            h.get("turn", Turn.WRITERS if h["rest"] is not None else Turn.WAYS_IN),
        )
        for h in facts.get("held", ())
    )
    routes = tuple(Closure.of_json(r) for r in facts.get("routes", ()))
    volumes = tuple(Handover.of_json(v) for v in facts.get("volumes", ()))
    parents = tuple(Parent.of_json(p) for p in facts.get("parents", ()))
    return Ledger(held, routes, tuple(facts.get("broken", ())), volumes, parents)


def forced_json(decisions: replay.Decisions, blue: Inventory) -> list[dict[str, Any]]:
    """What green keeps otherwise than blue, with the patch that would make it alike, for the journal."""
    return [{"ref": ref.as_json(), "patch": patch} for ref, patch in replay.forced(decisions, blue)]


SHOWN = 8


def listed(title: str, lines: Sequence[object]) -> list[str]:
    """A title with its lines below, the long tail counted."""
    shown = [f"  {line}" for line in lines[:SHOWN]]
    more = [f"  and {len(lines) - SHOWN} more: cnimigrate plan --objects"] if len(lines) > SHOWN else []
    return [f"{title}: {len(lines)}", *shown, *more] if lines else []


def broken_on_blue(blue: Inventory) -> list[str]:
    """What blue wants and does not have Ready or Available: the baseline, read before anything of blue is put to rest."""
    found = [str(ref_of(api)) for api in blue.of("APIService", kinds.API_SERVICE[0]) if is_away(api)]
    for resource, obj in blue:
        if resource.kind in ROLLING or (resource.kind == "Pod" and controller_of(obj) is None):
            wanted, there = rollout(obj)
            if there < wanted:
                found.append(str(ref_of(obj)))
    return sorted(found)
