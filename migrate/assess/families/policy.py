"""POLICY: policies that change effect because green enforces what blue did not.

Facts: weave-npc of weaveworks/weave v2.8.1 (npc/analyser.go, npc/controller.go); Flannel's documentation of
NetworkPolicies. What exactly each policy does before and after is the policy preview's business; this counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess.families import Code, Situation
from migrate.assess.projectcalico import of_calico, policies
from migrate.assess.wording import count, few
from migrate.model.facts import CniName, Finding, Severity
from migrate.model.objects import Object, dig, kind_of, name_of, namespace_of, ref_of
from migrate.replay.selected_namespaces import KINDS

NAMED_PORTS = Code(
    "POLICY-001",
    Severity.WARNING,
    "policies with named ports become live",
    "weave-npc rejects a NetworkPolicy that names a port instead of numbering it, as a whole. Calico enforces it.",
    "Flows that these policies do not allow pass on blue and are dropped on green.",
    "Compare each policy with the flows in use before the cutover; correct its selectors or ports on blue, where nothing "
    "can break, so that green gets it right.",
)
END_PORT = Code(
    "POLICY-002",
    Severity.WARNING,
    "port ranges become live",
    "weave-npc reads port and never endPort, so that a range of ports is one port to it. Calico reads both.",
    "Green opens the whole range where blue opened its first port only.",
    "Check that every port of the range may be reached; set endPort to port where it may not.",
)
NOT_ENFORCED = Code(
    "POLICY-003",
    Severity.WARNING,
    "NetworkPolicies that nothing enforces become live",
    "Blue's CNI enforces no NetworkPolicy: Flannel without a policy container, or Weave Net without weave-npc or with "
    "EXPECT_NPC=0. On green every policy is enforced from the first pod on.",
    "Flows that pass on blue and that no policy allows are dropped on green.",
    "Compare the policies with the flows in use before the cutover; mend them on blue, where they have no effect yet, or "
    "leave one out by a rule with its reason.",
)
UNCERTAIN = Code(
    "POLICY-004",
    Severity.WARNING,
    "whether blue enforces NetworkPolicies cannot be told",
    "k3s enforces them by itself unless it is started with --disable-network-policy, which the API does not show.",
    "Policies that have no effect on blue may drop flows on green.",
    "Look at the server's arguments on a k3s node, or test one policy on blue.",
)
MULTICAST = Code(
    "POLICY-005",
    Severity.NOTE,
    "Weave Net carries multicast, Calico does not",
    "Weave Net forwards multicast between pods and weave-npc lets it pass by default. Calico does not support it. Who "
    "uses it cannot be seen through the API.",
    "Discovery and clustering by multicast stop working on green.",
    "Look at /proc/net/igmp inside pods that form clusters (caches, message buses), and set those to unicast discovery.",
)
CALICO_POLICIES = Code(
    "POLICY-006",
    Severity.NOTE,
    "Calico's own policies move too",
    "Objects of Calico's policy kinds were found on blue and mean the same on green.",
    "They are replayed before the first pod, like NetworkPolicies.",
    "Nothing to do; HostEndpoints name blue's nodes and must be written anew for green's.",
)
DEAD_POLICIES = Code(
    "POLICY-007",
    Severity.WARNING,
    "policies of a Calico that no longer runs would become live",
    "Objects of Calico's policy kinds outlived the Calico that enforced them; nothing on blue reads them now.",
    "If they move, green enforces them: flows that pass on blue may be dropped.",
    "Read them, then delete them on blue, or skip them by a rule with its reason.",
)
SELECTION = Code(
    "POLICY-008",
    Severity.WARNING,
    "policies or webhooks select namespaces that stay on blue",
    "The selectors of namespaces in NetworkPolicies, Calico's policies and webhook configurations that move are tried on "
    "blue's namespaces and on what stands under their names on green: those that stay take their labels with them. "
    "Labels of kube-system, kube-public and kube-node-lease that are selected by are merged into green's "
    "(`merge.system-namespace`); a namespace is selected by its name on either side.",
    "A policy lets nothing in from there, or out to there; a webhook does not look at objects there, or begins to.",
    "Give the namespace on green the labels that it has on blue, or select it by kubernetes.io/metadata.name; one that "
    "green has already takes them over by workloads.rules: [{kind: Namespace, name: ..., replay: true, onConflict: adopt, "
    "reason: ...}].",
)
CODES = (
    NAMED_PORTS,
    END_PORT,
    NOT_ENFORCED,
    UNCERTAIN,
    MULTICAST,
    CALICO_POLICIES,
    DEAD_POLICIES,
    SELECTION,
)


def find(situation: Situation) -> Iterator[Finding]:
    """Look at the policies that move, by what blue's CNI does with them."""
    cni = situation.blue.cni
    moving = [
        *situation.moving("NetworkPolicy", "networking.k8s.io"),
        *situation.moving("NetworkPolicy", "extensions"),
    ]
    if moving and cni.enforces_policy is False:
        pods = len({_key(p) for p in _selected(situation, moving)})
        spaces = few(namespace_of(p) for p in moving)
        yield NOT_ENFORCED.found(
            f"{count(len(moving), 'NetworkPolicy', 'NetworkPolicies')} in {spaces} select {count(pods, 'pod')}"
        )
    elif moving and cni.enforces_policy is None:
        yield UNCERTAIN.found(f"{count(len(moving), 'NetworkPolicy', 'NetworkPolicies')}, {cni.name}")
    if cni.name is CniName.WEAVE:
        yield from _weave(situation, moving)
    yield from _of_calico(situation)
    yield from _selecting(situation)


def _selecting(situation: Situation) -> Iterator[Finding]:
    turned = [
        f"{ref_of(obj)} {what}"
        for group, kind in KINDS
        for obj in situation.moving(kind, group)
        if (what := str(situation.selected_namespaces.turned(obj, situation.green_inventory)))
    ]
    if turned:
        yield SELECTION.found(few(turned))


def _weave(situation: Situation, moving: list[Object]) -> Iterator[Finding]:
    if situation.blue.cni.enforces_policy:
        named = [p for p in moving if any(isinstance(port.get("port"), str) for port in _ports(p))]
        if named:
            yield NAMED_PORTS.found(_said(named, len(moving)))
        ranged = [p for p in moving if p not in named and any("endPort" in port for port in _ports(p))]
        if ranged:
            yield END_PORT.found(_said(ranged, len(moving)))
    if (
        any("multicast" in note for note in situation.blue.cni.notes)
        or not situation.blue.cni.enforces_policy
    ):
        yield MULTICAST.found(f"blue runs Weave Net {situation.blue.cni.version}".strip())


def _of_calico(situation: Situation) -> Iterator[Finding]:
    written = [p for p in policies(situation.blue_inventory) if situation.moves(p)]
    if not written:
        return
    running = {c.name for c in situation.blue.cnis} & {CniName.CANAL, CniName.CALICO}
    hosts = len(of_calico(situation.blue_inventory, "HostEndpoint"))
    names = few(f"{kind_of(p)} {name_of(p)}" for p in written)
    said = f"{count(len(written), 'object')}: {names}"
    if running:
        yield CALICO_POLICIES.found(f"{said}; {count(hosts, 'HostEndpoint')} among them" if hosts else said)
    else:
        yield DEAD_POLICIES.found(said)


def _ports(policy: Object) -> Iterator[Mapping[str, Any]]:
    for direction in ("ingress", "egress"):
        for rule in dig(policy, "spec", direction) or ():
            yield from rule.get("ports") or ()


def _selected(situation: Situation, moving: list[Object]) -> Iterator[Object]:
    """The pods that any of the policies selects."""
    by_namespace: dict[str, list[Mapping[str, Any]]] = {}
    for policy in moving:
        by_namespace.setdefault(namespace_of(policy), []).append(dig(policy, "spec", "podSelector") or {})
    for pod in situation.blue_inventory.of("Pod"):
        labels = dig(pod, "metadata", "labels") or {}
        if any(_selects(selector, labels) for selector in by_namespace.get(namespace_of(pod), ())):
            yield pod


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything (labels and selectors, Kubernetes)."""
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    for term in selector.get("matchExpressions") or ():
        value, values = labels.get(term.get("key", "")), term.get("values") or ()
        met = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }.get(term.get("operator", ""), False)
        if not met:
            return False
    return True


def _key(obj: Object) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


def _said(found: list[Object], of: int) -> str:
    names = few(f"{namespace_of(p)}/{name_of(p)}" for p in found)
    return f"{len(found)} of {count(of, 'NetworkPolicy', 'NetworkPolicies')}: {names}"
