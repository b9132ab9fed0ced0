"""Which workloads may run on both sides at once: serving, exclusive or unknown, each with its evidence.

One replica alone is no evidence; what nothing calls is unknown, because it is probably a worker.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate.model.objects import Object, Ref, dig, labels_of, name_of, namespace_of, ref_of
from migrate.replay import kinds
from migrate.replay.blue import Blue
from migrate.replay.inline import disks, shares
from migrate.replay.insiders import Insider, insider_of
from migrate.replay.leaders import Locks, told_to_lead
from migrate.replay.operator import named, operator_rule, plain
from migrate.replay.outsiders import acts_outside
from migrate.replay.pods import claims_of, containers_of, of_template
from migrate.replay.storage import AWAITED, data_of, volume_moves

SERVING = "serving"
EXCLUSIVE = "exclusive"
UNKNOWN = "unknown"

STANDS = "classed so when it was replayed"
"""The evidence of a class that holds from an earlier pass."""

_METRICS = re.compile(r"(?:https?-)?(?:metrics|prometheus|prom)(?:-https?)?", re.IGNORECASE)
"""Names of ports that monitoring scrapes: `metrics`, `http-metrics`, `prometheus`; a custom, by no document fixed."""


@dataclass(frozen=True, slots=True)
class Classified:
    """A workload's class; `evidence` lists what it rests on, `may_start` whether it may run before the cutover."""

    word: str
    evidence: tuple[str, ...]
    may_start: bool = False


class Classes:
    """The classes of blue's workloads, worked out on demand and once each.

    `makers` are the workloads that make what may not run twice, with the words that say so (see `parents`).
    """

    def __init__(self, blue: Blue, makers: Mapping[Ref, Sequence[str]] | None = None) -> None:
        self._blue = blue
        self._makers = makers or {}
        self._known: dict[Ref, Classified] = {}
        self._locks = Locks(blue)

    def of(self, obj: Object) -> Classified:
        """Classify a workload, a Pod or a Job."""
        ref = ref_of(obj)
        if ref not in self._known:
            self._known[ref] = self._as_before(ref, self._classify(ref, obj))
        return self._known[ref]

    def _as_before(self, ref: Ref, now: Classified) -> Classified:
        """The class that holds from before: stricter evidence lifts it, the lack of evidence in one moment does not."""
        before = self._blue.classed.get(ref, SERVING)
        if before == SERVING or now.word in {EXCLUSIVE, before}:
            return now
        return Classified(before, (STANDS, *now.evidence))

    def _classify(self, ref: Ref, obj: Object) -> Classified:
        """Weigh the evidence: the operator's words first, of which to hold is stronger than to start.

        What `workloads.start` names outright is started against evidence, and both are shown. A glob lifts nothing:
        it was not written with that one workload in mind.
        """
        pod = kinds.pod_of((ref.group, ref.kind), obj)
        start = self._blue.migration.workloads.start
        listed = not isinstance(start, str) and named(start, ref)
        outright = not isinstance(start, str) and named(filter(plain, start), ref)
        inside = insider_of(pod)
        leads, excused = self._leads(ref, pod, inside)
        words, data = list(self._word_of_operator(ref, obj)), list(self._data(obj, pod))
        # blue's must be off before what it made is, whatever it may itself
        words += self._makers.get(ref, ())
        volumes = list(self._volumes(obj, pod))
        others = [*_strategy(obj), *leads, *(one.what for one in acts_outside(pod))]
        if words or data or ((volumes or others) and not outright):
            return Classified(EXCLUSIVE, (*words, *volumes, *data, *others))
        selecting = self._blue.services_of(ref.namespace, labels_of(pod))
        # what runs on every node works for that node, and takes nothing from a queue
        everywhere = ref[:2] == kinds.DAEMON_SET
        services = [n for n in selecting if everywhere or not self._only_watched(n, ref.namespace)]
        if not (services or listed or inside):
            watched = [f"Service {name} has ports for metrics alone" for name in selecting[:3]]
            return Classified(UNKNOWN, tuple(watched or ("no Service selects it",)))
        evidence = [f"Service {name} selects it" for name in services[:3]]
        evidence += [f"{inside.what}; {inside.reason}"] if inside else []
        evidence += ["workloads.start lists it"] * listed
        evidence += [f"against: {said}" for said in (*volumes, *others, *excused)]
        return Classified(SERVING, tuple(evidence), may_start=listed or start == "serving")

    def _leads(self, ref: Ref, pod: Object, inside: Insider | None) -> tuple[Sequence[str], Sequence[str]]:
        """What says that a workload elects a leader, and what of that is excused: an insider's own, and its locks.

        What stands beside an insider's containers, an unknown program with a front as its sidecar, is not excused.
        """
        containers, locks = [*containers_of(pod)], self._locks.held_by(ref)
        if inside is None:
            return [*locks, *told_to_lead(containers)], []
        its = [c for c in containers if inside.image.search(str(c.get("image", "")))]
        return [*told_to_lead(c for c in containers if c not in its)], [*locks, *told_to_lead(its)]

    def _only_watched(self, service: str, namespace: str) -> bool:
        """Whether a Service is there for monitoring alone: who is scraped is called by nobody, as a queue's worker."""
        ports = dig(self._blue.inventory.named("Service", service, namespace), "spec", "ports") or ()
        return bool(ports) and all(_METRICS.fullmatch(str(port.get("name") or "")) for port in ports)

    def _word_of_operator(self, ref: Ref, obj: Object) -> Iterator[str]:
        if named(self._blue.migration.workloads.hold, ref):
            yield "workloads.hold names it"
        found = operator_rule(self._blue.migration, ref, labels_of(obj))
        if found and found[1].hold and not found[1].skip:
            yield f"{found[0]} holds it"

    def _volumes(self, obj: Object, pod: Object) -> Iterator[str]:
        for template in dig(obj, "spec", "volumeClaimTemplates", default=()):
            if _for_one(template):
                yield f"claim template {name_of(template)} is {_modes(template)}"
        for name in claims_of(pod):
            claim = self._blue.inventory.named("PersistentVolumeClaim", name, namespace_of(obj))
            if claim is None:
                yield f"claim {name} was not read, it may be ReadWriteOnce"
            elif _for_one(claim):
                yield f"claim {name} is {_modes(claim)}"
            elif _written(claim) and volume_moves(self._blue.migration, self._blue.inventory, claim):
                yield f"claim {name} is on a volume that both sides would write to"
        yield from shares(pod)

    def _data(self, obj: Object, pod: Object) -> Iterator[str]:
        """What no word starts: before its data is there it serves an empty volume, and one volume is not for two."""
        coming = self._coming.get(namespace_of(obj), {})
        for template in dig(obj, "spec", "volumeClaimTemplates", default=()):
            for name, why in coming.items():
                if of_template(name, template, name_of(obj)):
                    yield f"claim {name}: {why}"
        yield from (f"claim {name}: {coming[name]}" for name in claims_of(pod) if name in coming)
        yield from disks(pod)

    @cached_property
    def _coming(self) -> Mapping[str, Mapping[str, str]]:
        """By namespace, the claims whose data comes from blue, and how."""
        file, found = self._blue.migration, defaultdict[str, dict[str, str]](dict)
        awaited = any(data.as_ in AWAITED for data in file.workloads.volumes)
        moved = any(rule.replay for rule in file.workloads.rules)
        for claim in self._blue.inventory.of("PersistentVolumeClaim") if awaited or moved else ():
            ref = ref_of(claim)
            data = data_of(file, ref)
            if data is not None and data.as_ in AWAITED:
                found[ref.namespace][ref.name] = "its data is there only when the writers move"
            elif _for_one(claim) and volume_moves(file, self._blue.inventory, claim):
                found[ref.namespace][ref.name] = "its volume itself moves"
        return found


def _modes(claim: Any) -> str:
    return ", ".join(dig(claim, "spec", "accessModes", default=()) or ("without access modes",))


def _for_one(claim: Any) -> bool:
    modes = set(dig(claim, "spec", "accessModes", default=()) or ())
    return not modes & {"ReadWriteMany", "ReadOnlyMany"}


def _written(claim: Any) -> bool:
    """Whether who mounts a claim may write to it."""
    return set(dig(claim, "spec", "accessModes", default=()) or ()) != {"ReadOnlyMany"}


def _strategy(obj: Object) -> Iterator[str]:
    if dig(obj, "spec", "strategy", "type") == "Recreate":
        yield "strategy Recreate"
