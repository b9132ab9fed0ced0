"""What workloads were classed as when they were replayed, by which they are judged until their words or they change.

A class may rest on a moment: a lock that nobody holds just now would make its users serving, and start them beside blue's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.canonical import digest, keyed_digest
from migrate.model.inventory import Inventory
from migrate.model.migration import Workloads
from migrate.model.objects import Object, Ref, dig, labels_of
from migrate.replay import kinds
from migrate.replay.classes import SERVING
from migrate.replay.decisions import Decisions

_CLASSED = frozenset({*kinds.WORKLOADS, kinds.POD})


def classes_as_facts(blue: Inventory, decisions: Decisions, words: Workloads, key: bytes) -> dict[str, Any]:
    """What is not serving, held or below a custom resource, each with the keyed hash of what its class rests on, for the journal."""
    classed = {d.ref: d.workload_class for d in decisions.held if d.workload_class != SERVING}
    # what a custom resource controls is not held itself, but by its class the resource is
    classed |= {child.ref: child.word for below in decisions.offspring.values() for child in below.children}
    found = ((ref, word, blue.find(ref)) for ref, word in classed.items() if ref[:2] in _CLASSED)
    return {
        "words": _said(words),
        "workloads": [
            {"ref": ref.as_json(), "class": word, "basis": _basis(ref, obj, key)}
            for ref, word, obj in found
            if obj is not None
        ],
    }


def standing_classes(
    facts: Mapping[str, Any], blue: Inventory, words: Workloads, key: bytes
) -> Mapping[Ref, str]:
    """The recorded classes that hold still: the file's words on workloads are the same, and so is blue's object."""
    if facts.get("words") != _said(words):
        return {}
    recorded = ((Ref.of_json(one["ref"]), one) for one in facts["workloads"])
    found = ((ref, blue.find(ref), one) for ref, one in recorded)
    return {
        ref: one["class"]
        for ref, obj, one in found
        if obj is not None and _basis(ref, obj, key) == one["basis"]
    }


def _said(words: Workloads) -> str:
    return digest(words.model_dump(mode="json"))


def _basis(ref: Ref, obj: Object, key: bytes) -> str:
    """What of an object itself its class rests on; how many replicas it has says nothing of it."""
    pod = kinds.pod_of((ref.group, ref.kind), obj)
    rests_on = {
        "labels": [labels_of(obj), labels_of(pod)],
        "pod": pod.get("spec"),
        "strategy": dig(obj, "spec", "strategy"),
        "claims": dig(obj, "spec", "volumeClaimTemplates"),
    }
    return keyed_digest(key, rests_on)
