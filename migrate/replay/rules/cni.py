"""What belongs to blue's CNI itself, and to Calico's own bookkeeping."""

from __future__ import annotations

from migrate.model.objects import dig
from migrate.replay import kinds
from migrate.replay.rule import Rule, Subject, skip
from migrate.replay.surroundings import Surroundings
from migrate.replay.waves import CALICO_GROUPS, CALICO_POLICIES

BROUGHT = frozenset({"operator.tigera.io", "policy.networking.k8s.io"})
"""Groups beside its own whose definitions Calico's manifests bring; source: calico.yaml of v3.32.1."""

CALICO_TIERS = frozenset(
    {"default", "adminnetworkpolicy", "baselineadminnetworkpolicy", "kube-admin", "kube-baseline"}
)
"""Tiers that Calico makes for itself; seen on v3.32."""


def _residue(subject: Subject, surroundings: Surroundings) -> str | None:
    return "" if subject.ref in surroundings.blue.residue else None


def _definitions(subject: Subject, _surroundings: Surroundings) -> str | None:
    group = dig(subject.obj, "spec", "group")
    return f"group {group}" if group in CALICO_GROUPS | BROUGHT else None


def _state(subject: Subject, _surroundings: Surroundings) -> str | None:
    group, kind = subject.kind
    if group == "operator.tigera.io":
        return ""
    if group not in CALICO_GROUPS or (kind in CALICO_POLICIES and kind != "Tier"):
        return None
    return "" if kind != "Tier" or subject.ref.name in CALICO_TIERS else None


def _twice(subject: Subject, surroundings: Surroundings) -> str | None:
    group, kind = subject.kind
    if group != "projectcalico.org":
        return None
    return (
        ""
        if ("crd.projectcalico.org", kind) in surroundings.blue.kinds or subject.ref.name.startswith("knp.")
        else None
    )


RULES: tuple[Rule, ...] = (
    skip(
        "cni.residue",
        "what belongs to blue's CNI",
        "it belongs to the CNI that green does not run",
        when=_residue,
    ),
    skip(
        "cni.calico-definitions",
        "the CustomResourceDefinitions of Calico",
        "green's Calico brings its own",
        kinds.DEFINITION,
        when=_definitions,
    ),
    skip(
        "cni.calico-state",
        "Calico's pools, blocks, nodes, configuration and own tiers (its policies move)",
        "green's Calico has its own, composed from the migration file",
        when=_state,
    ),
    skip(
        "cni.calico-view",
        "objects that Calico's aggregated API shows a second time",
        "the same object is in crd.projectcalico.org, or is a Kubernetes policy",
        when=_twice,
    ),
)
