"""The operator's own decisions, from `workloads.rules` and `workloads.hold`: they come before every built-in rule."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from migrate.model.ids import RuleId
from migrate.model.migration import Migration, ObjectName, ObjectRule
from migrate.model.objects import Ref

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces that every cluster makes for itself: what moves out of them is named, one by one."""


def operator_rule(migration: Migration, ref: Ref) -> tuple[RuleId, ObjectRule] | None:
    """The first of the operator's rules that speaks of an object, with its id, `operator.<n>` counted from 1.

    A rule for every namespace ("*") that brings objects in does not reach the system namespaces: what moves out of
    kube-system is named there, because a wide rule would carry the control plane's own objects over. A rule without
    a group speaks of its kind in every group.
    """
    for number, rule in enumerate(migration.workloads.rules, 1):
        if not _names(rule, ref):
            continue
        if not rule.skip and rule.namespace == "*" and ref.namespace in SYSTEM_NAMESPACES:
            continue
        return RuleId(f"operator.{number}"), rule
    return None


def brings_into(migration: Migration, namespace: str) -> bool:
    """Whether a rule of the operator's brings objects into a namespace by name, so that it has to be there."""
    return any(
        (rule.replay or rule.hold)
        and not rule.skip
        and rule.namespace != "*"
        and fnmatchcase(namespace, rule.namespace)
        for rule in migration.workloads.rules
    )


def named(names: Iterable[ObjectName], ref: Ref) -> bool:
    """Whether a list of names with globs speaks of an object."""
    return any(
        fnmatchcase(ref.kind, name.kind)
        and fnmatchcase(ref.namespace, name.namespace)
        and fnmatchcase(ref.name, name.name)
        for name in names
    )


def _names(rule: ObjectRule, ref: Ref) -> bool:
    return (
        fnmatchcase(ref.kind, rule.kind)
        and (not rule.group or fnmatchcase(ref.group, rule.group))
        and fnmatchcase(ref.namespace, rule.namespace)
        and fnmatchcase(ref.name, rule.name)
    )
