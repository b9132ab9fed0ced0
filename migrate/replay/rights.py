"""What the accounts of blue's pods may do there: asked to find out who looks after a kind, never to decide who may."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple

from migrate.model.inventory import Inventory
from migrate.model.objects import Object, dig, namespace_of
from migrate.replay import kinds

_ALL = "*"
_USER = "system:serviceaccount:"
_ACCOUNTS = "system:serviceaccounts"
_EVERYBODY = frozenset({_ACCOUNTS, "system:authenticated"})
"""The groups that every ServiceAccount is in; source: Kubernetes, service-accounts-admin."""


class Granted(IntEnum):
    """How a right is granted: not at all, with all others, or by its API group's own name."""

    NOT = 0
    AMONG_ALL = 1
    BY_NAME = 2


class Account(NamedTuple):
    """A ServiceAccount."""

    namespace: str
    name: str


class Rights:
    """RBAC of one cluster as its bindings say it; an authorizer beside RBAC is not seen."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: dict[tuple[str, str, str], Mapping[str, Mapping[str, Granted]]] = {}

    def granted(self, account: Account, verb: str, group: str, plural: str, namespace: str) -> Granted:
        """How an account may do `verb` to a resource in a namespace."""
        found = self.where(account, verb, group, plural)
        return max(found.get("", Granted.NOT), found.get(namespace, Granted.NOT))

    def where(self, account: Account, verb: str, group: str, plural: str) -> Mapping[str, Granted]:
        """In which namespaces an account may do `verb` to a resource, and how; all of them under the empty name."""
        held = self._held(verb, group, plural)
        found: dict[str, Granted] = {}
        for subject in _subjects_of(account):
            for namespace, right in held.get(subject, {}).items():
                found[namespace] = max(right, found.get(namespace, Granted.NOT))
        return found

    def _held(self, verb: str, group: str, plural: str) -> Mapping[str, Mapping[str, Granted]]:
        """Who may do it, by subject and namespace; worked out once, because thousands of accounts are asked about."""
        asked = verb, group, plural
        if asked not in self._known:
            found: dict[str, dict[str, Granted]] = defaultdict(dict)
            for subject, where, rules in self._bound:
                right = max((_grants(rule, verb, group, plural) for rule in rules), default=Granted.NOT)
                if right:
                    found[subject][where] = max(right, found[subject].get(where, Granted.NOT))
            self._known[asked] = found
        return self._known[asked]

    @cached_property
    def _bound(self) -> Sequence[tuple[str, str, Sequence[Mapping[str, Any]]]]:
        """Each subject, spoken of as a user or a group, with a namespace (none: all) and the rules that bind it there."""
        return [
            (_subject(subject, namespace_of(binding)), namespace_of(binding), rules)
            for kind in (kinds.CLUSTER_ROLE_BINDING, kinds.ROLE_BINDING)
            for binding in self._inventory.of(kind[1], kinds.RBAC)
            for rules in (self._rules(binding),)
            for subject in binding.get("subjects") or ()
        ]

    def _rules(self, binding: Object) -> list[Mapping[str, Any]]:
        kind, name = str(dig(binding, "roleRef", "kind")), str(dig(binding, "roleRef", "name"))
        space = namespace_of(binding) if kind == "Role" else ""
        role = self._inventory.named(kind, name, space, kinds.RBAC) or {}
        return list(role.get("rules") or ())


def _subject(subject: Mapping[str, Any], where: str) -> str:
    name = str(subject.get("name", ""))
    if subject.get("kind") == "ServiceAccount":
        return f"{_USER}{subject.get('namespace') or where}:{name}"
    return name


def _subjects_of(account: Account) -> Iterator[str]:
    yield f"{_USER}{account.namespace}:{account.name}"
    yield f"{_ACCOUNTS}:{account.namespace}"
    yield from _EVERYBODY


def _grants(rule: Mapping[str, Any], verb: str, group: str, plural: str) -> Granted:
    groups, resources, verbs = (rule.get(word) or () for word in ("apiGroups", "resources", "verbs"))
    if rule.get("resourceNames") or not {_ALL, verb} & {*verbs} or not {_ALL, plural} & {*resources}:
        return Granted.NOT
    if group in groups:
        return Granted.BY_NAME
    return Granted.AMONG_ALL if _ALL in groups else Granted.NOT
