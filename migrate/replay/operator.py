"""The operator's own decisions, from `workloads.rules` and `workloads.hold`: they come before every built-in rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from migrate.model.ids import RuleId
from migrate.model.migration import Data, Migration, ObjectName, ObjectRule, OnConflict
from migrate.model.objects import Ref

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces that every cluster makes for itself: what moves out of them is named, one by one."""

_GLOB = frozenset("*?[")


def operator_rule(
    migration: Migration, ref: Ref, labels: Mapping[str, str]
) -> tuple[RuleId, ObjectRule] | None:
    """The first of the operator's rules that speaks of an object, with its id, `operator.<n>` counted from 1.

    A rule for every namespace ("*") that brings objects in does not reach the system namespaces: what moves out of
    kube-system is named there, because a wide rule would carry the control plane's own objects over. A rule without
    a group speaks of its kind in every group. One with a glob for its kind does not bring what `decide` keeps from it.
    """
    for number, rule in enumerate(migration.workloads.rules, 1):
        if decides(rule) and speaks_of(rule, ref, labels):
            return RuleId(f"operator.{number}"), rule
    return None


def on_conflict(migration: Migration, ref: Ref, labels: Mapping[str, str]) -> tuple[OnConflict, str]:
    """What becomes of an object whose name is taken on green, and why: the first rule that says it, else the file."""
    for number, rule in enumerate(migration.workloads.rules, 1):
        if rule.on_conflict is not None and speaks_of(rule, ref, labels):
            return rule.on_conflict, f"operator.{number}: {rule.reason}"
    return migration.workloads.on_conflict, f"workloads.onConflict: {migration.workloads.on_conflict}"


def decides(rule: ObjectRule) -> bool:
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


def names_claim(data: Data, claim: Ref) -> bool:
    """Whether a word of the file on data speaks of a claim."""
    return fnmatchcase(claim.namespace, data.namespace) and fnmatchcase(claim.name, data.name)


def named(names: Iterable[ObjectName], ref: Ref) -> bool:
    """Whether a list of names with globs speaks of an object."""
    return any(
        fnmatchcase(ref.kind, name.kind)
        and fnmatchcase(ref.namespace, name.namespace)
        and fnmatchcase(ref.name, name.name)
        for name in names
    )


def plain(name: ObjectName | ObjectRule) -> bool:
    """Whether an entry names one object, with no glob in its namespace or name."""
    return not _GLOB & {*name.namespace, *name.name}


def of_kinds(rule: ObjectRule) -> bool:
    """Whether a rule speaks of whatever kinds its glob takes in: it was not written with each of them in mind."""
    return bool(_GLOB & {*rule.kind})


def outright(rule: ObjectRule) -> bool:
    """Whether a rule names one object, with no glob in its kind, namespace or name: it was written with that one in mind."""
    return not _GLOB & {*rule.kind, *rule.namespace, *rule.name}
