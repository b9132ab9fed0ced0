"""Selectors of namespaces in policies and webhooks: what they select on blue, and what they would not on green.

A namespace that stays takes its labels with it: a policy that lets DNS through by a label of kube-system would let
nothing through on green, and a webhook that spares a namespace by a label would refuse its pods there. Names select alike on
either side, because servers and Calico label every namespace with its own. Sources: the API reference of NetworkPolicy and
of webhook configurations; docs.tigera.io, reference/resources/globalnetworkpolicy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate.calico.selectors import SelectorError, parse
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig, group_of, kind_of, labels_of, name_of, ref_of
from migrate.replay import kinds
from migrate.replay.admission import selects
from migrate.replay.blue import Blue
from migrate.replay.kinds import Kind
from migrate.replay.operator import SYSTEM_NAMESPACES, brings_into, operator_rule

Labels = Mapping[str, str]

_OF_KUBERNETES = (kinds.NETWORK_POLICY, ("extensions", "NetworkPolicy"))
_CALICO = ("crd.projectcalico.org", "projectcalico.org")
_OF_CALICO = ("NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy")
_STAGED = "StagedKubernetesNetworkPolicy"
_WEBHOOKS = (kinds.MUTATING_WEBHOOKS, kinds.VALIDATING_WEBHOOKS)

KINDS: tuple[Kind, ...] = (
    *_OF_KUBERNETES,
    *((group, kind) for group in _CALICO for kind in (*_OF_CALICO, _STAGED)),
    *_WEBHOOKS,
)
"""The kinds whose selectors are read."""

_OWN_NAMES = ("kubernetes.io/metadata.name", "projectcalico.org/name")
"""Labels by which every namespace can be selected by its name, without anybody's doing."""

_RESERVED = ("kubernetes.io", "k8s.io", "projectcalico.org")
"""Domains of the labels that say what a server, or Calico, does with a namespace: green's own installation has the word."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One selector of namespaces: the labels that it reads, and whether it selects a namespace with some labels."""

    keys: frozenset[str]
    selects: Callable[[Labels], bool]


@dataclass(frozen=True, slots=True)
class Turned:
    """The namespaces that an object selects on blue and not on green, and those of which the opposite is true."""

    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Both, as a person reads them; empty where there are none."""
        said = []
        if self.lost:
            said.append(f"selects namespace {', '.join(self.lost)} by labels that stay on blue")
        if self.gained:
            said.append(
                f"selects namespace {', '.join(self.gained)} on green alone because of labels that stay on blue"
            )
        return "; ".join(said)


def selections(obj: Object) -> tuple[Selection, ...]:
    """The selectors of namespaces in an object of `KINDS`; an empty one selects all, on either side, and is none."""
    kind = group_of(obj), kind_of(obj)
    if kind in _WEBHOOKS:
        found = [_labelled(webhook.get("namespaceSelector")) for webhook in obj.get("webhooks") or ()]
    elif kind in _OF_KUBERNETES or kind[1] == _STAGED:
        found = [_labelled(peer.get("namespaceSelector")) for peer in _peers(obj, "from", "to")]
    else:
        texts = [dig(obj, "spec", "namespaceSelector")]
        texts += [entity.get("namespaceSelector") for entity in _peers(obj, "source", "destination")]
        found = [_worded(text) for text in texts]
    return tuple(selection for selection in found if selection is not None and selection.keys)


def _peers(policy: Object, *sides: str) -> Iterator[Mapping[str, Any]]:
    for direction in ("ingress", "egress"):
        for rule in dig(policy, "spec", direction) or ():
            for side in sides:
                found = rule.get(side) or ()
                yield from [found] if isinstance(found, Mapping) else found


def _labelled(selector: Mapping[str, Any] | None) -> Selection | None:
    if not selector:
        return None
    terms = selector.get("matchExpressions") or ()
    keys = {*(selector.get("matchLabels") or {}), *(str(term.get("key", "")) for term in terms)}
    return Selection(frozenset(keys), lambda labels: selects(selector, labels))


def _worded(text: Any) -> Selection | None:
    try:
        selector = parse(str(text or ""))
    except SelectorError:  # Calico would not take it either; the validation of what is written says so
        return None
    return Selection(selector.labels, selector.matches)


class SelectedNamespaces:
    """What of blue's namespaces is selected by what moves."""

    def __init__(self, blue: Blue) -> None:
        self._blue = blue

    @cached_property
    def by_label(self) -> Mapping[str, Ref]:
        """The labels by which something that moves selects namespaces, with one that does."""
        found: dict[str, Ref] = {}
        for group, kind in KINDS:
            for obj in self._blue.inventory.of(kind, group):
                keys = {key for selection in selections(obj) for key in selection.keys}
                if keys - found.keys() and self._blue.moves(obj):
                    found = {**dict.fromkeys(keys, ref_of(obj)), **found}
        return found

    def carried(self, namespace: Object) -> Mapping[str, str]:
        """The labels of a namespace that stays by which something that moves selects; none that is reserved."""
        return {
            key: value
            for key, value in labels_of(namespace).items()
            if key in self.by_label and not _reserved(key)
        }

    def turned(self, obj: Object, green: Inventory | None = None) -> Turned:
        """What an object selects otherwise on green, whose own namespaces count where they are known.

        Of a namespace that is not there, or not known to be, only what gets lost is told.
        """
        found = selections(obj)
        if not found:
            return Turned()
        lost, gained = [], []
        for name, there, here in self._staying(green):
            before = [one.selects(here) for one in found]
            after = [one.selects({**(there or {}), **_named(name)}) for one in found]
            if any(was and not now for was, now in zip(before, after, strict=True)):
                lost.append(name)
            if there is not None and any(now and not was for was, now in zip(before, after, strict=True)):
                gained.append(name)
        return Turned(tuple(sorted(lost)), tuple(sorted(gained)))

    def _staying(self, green: Inventory | None) -> Iterator[tuple[str, Labels | None, Labels]]:
        """Name, labels on green (None where it is not known to be there) and labels on blue of namespaces that stay."""
        for namespace in self._stay:
            name = name_of(namespace)
            there = green.named("Namespace", name) if green is not None else None
            known: Labels | None = labels_of(there) if there is not None else None
            if name in SYSTEM_NAMESPACES:
                known = {**(known or {}), **self.carried(namespace)}
            yield name, known, {**labels_of(namespace), **_named(name)}

    @cached_property
    def _stay(self) -> tuple[Object, ...]:
        """The namespaces that stay, but for what ends with blue: those being deleted, and the CNI's."""
        return tuple(
            namespace
            for namespace in self._blue.inventory.of("Namespace")
            if ref_of(namespace) not in self._blue.residue
            and not dig(namespace, "metadata", "deletionTimestamp")
            and self._stays(namespace)
        )

    def _stays(self, namespace: Object) -> bool:
        blue, name = self._blue, name_of(namespace)
        said = operator_rule(blue.migration, ref_of(namespace), labels_of(namespace))
        if said is not None:
            return said[1].skip
        return name in SYSTEM_NAMESPACES or not (blue.moved(name) or brings_into(blue.migration, name))


def _named(name: str) -> Labels:
    return dict.fromkeys(_OWN_NAMES, name)


def _reserved(key: str) -> bool:
    domain, slash, _ = key.rpartition("/")
    return bool(slash) and any(domain == own or domain.endswith(f".{own}") for own in _RESERVED)
