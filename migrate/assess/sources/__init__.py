"""The CNIs that are recognised, one module each: recognise it from facts, describe it, name its residue.

A new CNI is a new module here that exports `SOURCES`. Never here: a decision whether one may leave that CNI
(`migrate.assess.route`), or anything that reads a cluster.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from migrate.assess.wording import count
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Ref, dig, name_of, namespace_of

POLICY_ONLY = "policy only"
"""The encapsulation of a CNI that enforces policies beside another one and carries no packets of its own."""

IDLE = "its DaemonSet wants no pod on any node: installed, but not running"
"""The note of a CNI whose DaemonSets the API server counts as wanting no pod."""

EMBEDDED = "embedded in the kubelet's distribution"
"""The note of a CNI that runs without a DaemonSet; its traces alone cannot be told from leftovers."""


@dataclass(frozen=True, slots=True)
class Source:
    """One CNI: how to recognise it, what is its own, and what it leaves behind.

    `leftovers` gives sentences about traces (custom resource definitions, annotations, ConfigMaps) that outlive it;
    they prove history, not presence. `order` breaks ties between CNIs that run equally.
    """

    name: CniName
    order: int
    recognise: Callable[[Inventory], Cni | None]
    residue: Callable[[Inventory], frozenset[Ref]]
    leftovers: Callable[[Inventory], tuple[str, ...]]


@cache
def sources() -> tuple[Source, ...]:
    """Every source of this folder, in their order."""
    found: list[Source] = []
    for module in pkgutil.iter_modules(__path__):
        found.extend(import_module(f"{__name__}.{module.name}").SOURCES)
    return tuple(sorted(found, key=lambda s: s.order))


def detect(inventory: Inventory) -> tuple[Cni, ...]:
    """Recognise every CNI of a cluster, the one that carries the pods' traffic first; empty where there is no trace.

    Leftovers of CNIs that do not run are notes of the first one. Where pods have addresses of the pod network but
    nothing known gives them, the first is one of name `unknown`.
    """
    found = {s: cni for s in sources() if (cni := s.recognise(inventory)) is not None}
    found = _without_parts(found)
    ranked = sorted(found, key=lambda s: _rank(found[s], s))
    traces = tuple(
        note
        for s in sources()
        if s.name not in {f.name for f in found}
        for note in _traces(s, found, inventory)
    )
    cnis = [found[s] for s in ranked]
    if not cnis or all(c.encapsulation == POLICY_ONLY or c.name is CniName.MULTUS for c in cnis):
        unknown = _unknown(inventory)
        cnis = [unknown, *cnis] if unknown.evidence or traces else cnis
    return (replace(cnis[0], notes=cnis[0].notes + traces), *cnis[1:]) if cnis else ()


def residue(inventory: Inventory) -> frozenset[Ref]:
    """Name what belongs to the CNIs that run in a cluster, and to the traces of others; replay leaves it out."""
    return frozenset(ref for s in sources() for ref in s.residue(inventory))


def _rank(cni: Cni, source: Source) -> tuple[bool, bool, bool, int]:
    beside = cni.encapsulation == POLICY_ONLY or cni.name is CniName.MULTUS
    return beside, IDLE in cni.notes, cni.desired > 0 and cni.ready == 0, source.order


def _without_parts(found: dict[Source, Cni]) -> dict[Source, Cni]:
    """Leave out what is a part of another: Canal's Flannel and Calico, an embedded Flannel beside a CNI that runs."""
    active = {s.name: cni for s, cni in found.items() if IDLE not in cni.notes}
    carrying = {
        n for n, cni in active.items() if cni.encapsulation != POLICY_ONLY and n is not CniName.MULTUS
    }
    dropped: set[CniName] = set()
    if CniName.CANAL in active:
        dropped |= {CniName.FLANNEL, CniName.CALICO}
    if any(EMBEDDED in c.notes for c in active.values()) and carrying - {CniName.FLANNEL}:
        dropped.add(CniName.FLANNEL)
    return {s: cni for s, cni in found.items() if s.name not in dropped}


def _traces(source: Source, found: dict[Source, Cni], inventory: Inventory) -> tuple[str, ...]:
    """A source's leftovers, unless what left them is a part of a CNI that runs."""
    parts = {CniName.FLANNEL, CniName.CALICO, CniName.CANAL}
    running = {s.name for s in found}
    if CniName.CANAL in running and source.name in parts:
        return ()
    if source.name is CniName.CANAL and running & parts:
        return ()
    return source.leftovers(inventory)


def _unknown(inventory: Inventory) -> Cni:
    """A CNI that was not recognised, with the pods that show that there is one."""
    pods = [
        p
        for p in inventory.of("Pod")
        if dig(p, "status", "podIP")
        and not dig(p, "spec", "hostNetwork")
        and dig(p, "status", "phase") == "Running"
    ]
    if not pods:
        return Cni(CniName.UNKNOWN)
    example = f"Pod {namespace_of(pods[0])}/{name_of(pods[0])} has {dig(pods[0], 'status', 'podIP')}"
    return Cni(CniName.UNKNOWN, evidence=(f"{count(len(pods), 'pod')} run on a pod network ({example})",))
