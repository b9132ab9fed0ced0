"""The operator's own decisions, from `workloads.rules` and `workloads.hold`: they come before every built-in rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from migrate.model.ids import RuleId
from migrate.model.inventory import Inventory
from migrate.model.migration import Accepted, Data, Migration, ObjectName, ObjectRule, OnConflict
from migrate.model.objects import Ref, dig, labels_of, ref_of
from migrate.replay.accepted import names_nothing
from migrate.replay.kinds import CLAIM

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces that every cluster makes for itself: what moves out of them is named, one by one."""

_GLOB = frozenset("*?[")


def operator_rule(
    migration: Migration, ref: Ref, labels: Mapping[str, str]
) -> tuple[RuleId, ObjectRule] | None:
    """The first of the operator's rules that speaks of an object, with its id, `operator.<n>` counted from 1.

    A rule for every namespace ("*") that brings objects in does not reach the system namespaces: what moves out of
    kube-system is named there, because a wide rule would carry the control plane's own objects over. A rule without
    a group speaks of its kind in every group.
    """
    for number, rule in enumerate(migration.workloads.rules, 1):
        if _decides(rule) and speaks_of(rule, ref, labels):
            return RuleId(f"operator.{number}"), rule
    return None


def on_conflict(migration: Migration, ref: Ref, labels: Mapping[str, str]) -> tuple[OnConflict, str]:
    """What becomes of an object whose name is taken on green, and why: the first rule that says it, else the file."""
    for number, rule in enumerate(migration.workloads.rules, 1):
        if rule.on_conflict is not None and speaks_of(rule, ref, labels):
            return rule.on_conflict, f"operator.{number}: {rule.reason}"
    return migration.workloads.on_conflict, f"workloads.onConflict: {migration.workloads.on_conflict}"


def _decides(rule: ObjectRule) -> bool:
    """Whether a rule says in which form an object appears; one that only speaks of conflicts leaves that to others."""
    return rule.skip or rule.replay or rule.hold or rule.on_conflict is None


def speaks_of(rule: ObjectRule, ref: Ref, labels: Mapping[str, str]) -> bool:
    """Whether a rule names an object with these labels, and reaches its namespace."""
    if not rule.skip and rule.namespace == "*" and ref.namespace in SYSTEM_NAMESPACES:
        return False
    return (
        fnmatchcase(ref.kind, rule.kind)
        and (not rule.group or fnmatchcase(ref.group, rule.group))
        and fnmatchcase(ref.namespace, rule.namespace)
        and fnmatchcase(ref.name, rule.name)
        and all(key in labels and fnmatchcase(labels[key], glob) for key, glob in rule.labels.items())
    )


def brings_into(migration: Migration, namespace: str) -> bool:
    """Whether a rule of the operator's brings objects into a namespace by name, so that it has to be there."""
    return any(
        (rule.replay or rule.hold)
        and not rule.skip
        and rule.namespace != "*"
        and fnmatchcase(namespace, rule.namespace)
        for rule in migration.workloads.rules
    )


def idle(migration: Migration, inventory: Inventory) -> tuple[str, ...]:
    """What of `workloads.rules`, `hold` and `start` decides nothing, and why: a misspelt entry lets something run twice."""
    file = migration.workloads
    objects = [(ref_of(obj), labels_of(obj)) for _, obj in inventory]
    known = sorted({ref.kind for ref, _ in objects})
    deciding = {said[0] for ref, labels in objects if (said := operator_rule(migration, ref, labels))}
    found = []
    for number, rule in enumerate(file.rules, 1):
        if f"operator.{number}" in deciding:
            continue
        if any(speaks_of(rule, ref, labels) for ref, labels in objects):
            if not _decides(rule):
                continue
            found.append(f"operator.{number}: rules before it decide all that it names")
        else:
            found.append(f"operator.{number}: blue has no {_spoken(rule, known)}")
    for key, names in (("hold", file.hold), ("start", () if isinstance(file.start, str) else file.start)):
        found += [
            f"workloads.{key}, entry {number}: blue has no {_spoken(name, known)}"
            for number, name in enumerate(names, 1)
            if not any(named([name], ref) for ref, _ in objects)
        ]
    claims = [ref for ref, _ in objects if (ref.group, ref.kind) == CLAIM]
    found += [
        f"workloads.volumes, entry {number}: blue has no {CLAIM[1]} {data.namespace}/{data.name}"
        for number, data in enumerate(file.volumes, 1)
        if not any(names_claim(data, ref) for ref in claims)
    ]
    classes = {ref.name for ref, _ in objects if ref.kind == "StorageClass"}
    classes |= {str(dig(claim, "spec", "storageClassName")) for claim in inventory.of(CLAIM[1])}
    found += [
        f"workloads.storageClasses, entry {number}: blue has no StorageClass {change.source}"
        for number, change in enumerate(file.storage_classes, 1)
        if change.source not in classes
    ]
    found += [
        f"verify.accept, entry {number}: blue has no {_spoken(entry, known)}"
        for number, entry in names_nothing(migration.verify.accept, [ref for ref, _ in objects])
    ]
    return tuple(found)


def names_claim(data: Data, claim: Ref) -> bool:
    """Whether a word of the file on data speaks of a claim."""
    return fnmatchcase(claim.namespace, data.namespace) and fnmatchcase(claim.name, data.name)


def _spoken(name: ObjectName | ObjectRule | Accepted, kinds: Sequence[str]) -> str:
    said = f"{name.kind} {name.namespace}/{name.name}"
    if any(fnmatchcase(kind, name.kind) for kind in kinds):
        return said
    near = get_close_matches(name.kind, kinds, 1)
    return f"{said}: did you mean kind {near[0]}?" if near else f"{said}: it has no object of that kind"


def named(names: Iterable[ObjectName], ref: Ref) -> bool:
    """Whether a list of names with globs speaks of an object."""
    return any(
        fnmatchcase(ref.kind, name.kind)
        and fnmatchcase(ref.namespace, name.namespace)
        and fnmatchcase(ref.name, name.name)
        for name in names
    )


def plain(name: ObjectName) -> bool:
    """Whether an entry names one workload, with no glob in its namespace or name."""
    return not _GLOB & {*name.namespace, *name.name}
