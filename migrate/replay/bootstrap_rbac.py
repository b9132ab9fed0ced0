"""Hold blue's RBAC objects that pass for defaults against green's: who edited one, or named his own so, must hear of it.

An API server adds what its defaults lack and takes nothing away (k8s.io/kubernetes, pkg/registry/rbac/reconciliation).
So only what blue has beyond green counts; what green has beyond blue is its version's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig, labels_of, name_of, ref_of
from migrate.replay import kinds

KINDS = (kinds.ROLE, kinds.ROLE_BINDING, kinds.CLUSTER_ROLE, kinds.CLUSTER_ROLE_BINDING)
"""The kinds in which an API server and an installer have defaults."""

NAMESPACES = ("kube-system", "kube-public")
"""Where defaults with a namespace are."""

SHOWN = 5
"""Rules or subjects that the evidence spells out."""

_ALWAYS = Ref(*kinds.CLUSTER_ROLE, "", "system:basic-user")
"""A default of every API server since 1.6; where it is not, nobody has made the defaults (simulated, or no RBAC)."""


def is_default(obj: Object) -> bool:
    """Whether an RBAC object goes by the name, or has the label, of what an API server or kubeadm makes."""
    return name_of(obj).startswith(("system:", "kubeadm:")) or made_by_server(obj)


def made_by_server(obj: Object) -> bool:
    """Whether an API server made an object by itself; another version's may not have it."""
    return labels_of(obj).get("kubernetes.io/bootstrapping") == "rbac-defaults"


def alike(blue: Inventory, green: Inventory) -> Inventory:
    """Green's objects that blue's defaults are compared with, and the one that tells whether there are any."""
    names = {_ALWAYS} | {
        ref_of(obj) for group, kind in KINDS for obj in blue.of(kind, group) if is_default(obj)
    }
    kept = {
        resource: [obj for obj in found if ref_of(obj) in names] for resource, found in green.objects.items()
    }
    return replace(green, objects=kept)


def compared(green: Inventory | None, ref: Ref) -> bool:
    """Whether green is there, has defaults that an API server made, and let this kind be read.

    A simulated green has a few by name alone: what a server grants in them is not told by these.
    """
    if green is None or green.find(_ALWAYS) is None:
        return False
    return any((r.group, r.kind) == (ref.group, ref.kind) for r in green.objects)


def beyond(blue: Object, green: Object) -> Sequence[str]:
    """What blue's object grants, or to whom, beyond green's of the same name; empty where it is nothing.

    Rules that a controller gathers by an aggregationRule are not compared: their sources move by themselves.
    """
    found: list[str] = []
    if not dig(blue, "aggregationRule"):
        found += _told("rule", _rules_beyond(blue.get("rules") or (), green.get("rules") or ()))
    selectors = (dig(obj, "aggregationRule", "clusterRoleSelectors") or () for obj in (blue, green))
    found += _told("aggregation", _selectors_beyond(*selectors))
    theirs = set(map(_subject, green.get("subjects") or ()))
    found += _told("subject", (s for s in map(_subject, blue.get("subjects") or ()) if s not in theirs))
    if dig(blue, "roleRef", "name") != dig(green, "roleRef", "name"):
        found.append(f"role {dig(blue, 'roleRef', 'name')}, on green {dig(green, 'roleRef', 'name')}")
    return found


def _told(what: str, more: Iterable[str]) -> list[str]:
    said = list(dict.fromkeys(more))
    cut = [*said[:SHOWN], *([f"and {len(said) - SHOWN} more"] if len(said) > SHOWN else [])]
    return [f"added {what}{'s' if len(said) > 1 else ''}: {'; '.join(cut)}"] if said else []


def _selectors_beyond(blue: Iterable[Mapping[str, Any]], green: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (str(dict(selector)) for selector in blue if selector not in green)


def _subject(subject: Mapping[str, Any]) -> str:
    space = f"{subject['namespace']}/" if subject.get("namespace") else ""
    return f"{subject.get('kind', '')} {space}{subject.get('name', '')}"


def _rules_beyond(blue: Iterable[Mapping[str, Any]], green: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rules of blue of which some verb on some resource is granted by no single rule of green."""
    for rule in blue:
        if not all(any(_covers(other, atom) for other in green) for atom in _atoms(rule)):
            what = rule.get("resources") or rule.get("nonResourceURLs") or ()
            names = f" named {', '.join(rule['resourceNames'])}" if rule.get("resourceNames") else ""
            groups = ", ".join(group for group in rule.get("apiGroups") or () if group)
            where = f" in {groups}" if groups else ""
            yield f"{', '.join(rule.get('verbs') or ())} {', '.join(what)}{where}{names}"


_Atom = Mapping[str, str]


def _atoms(rule: Mapping[str, Any]) -> Iterator[_Atom]:
    """A rule taken apart: one verb on one resource, or on one URL."""
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield {"verbs": verb, "nonResourceURLs": url}
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    yield {"verbs": verb, "apiGroups": group, "resources": resource, "resourceNames": name}


def _covers(rule: Mapping[str, Any], atom: _Atom) -> bool:
    return all(_allows(rule, word, value) for word, value in atom.items())


def _allows(rule: Mapping[str, Any], word: str, value: str) -> bool:
    """As the authorizer reads a rule (pkg/apis/rbac/v1/evaluation_helpers.go), but for a resource's `*/subresource`."""
    said = rule.get(word) or ()
    if word == "resourceNames":
        return not said or value in said
    if word == "nonResourceURLs":
        return any(one in {"*", value} or (one.endswith("*") and value.startswith(one[:-1])) for one in said)
    return "*" in said or value in said
