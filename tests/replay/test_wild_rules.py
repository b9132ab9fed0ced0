"""A rule for whatever kind brings what people made, and not what the server, a controller or a network makes beside it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migrate.model.decision import Form
from migrate.model.objects import Object
from migrate.replay import Decisions
from tests.replay.builders import decide, deployment, obj, owner, service

CART = deployment("cart")
BELOW = obj("ReplicaSet", "cart-1", "shop", "apps/v1", uid="rs-1", owners=owner(CART), spec={"replicas": 3})
SLICE = {
    "kubernetes.io/service-name": "cart",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
}
LEFT: Mapping[str, Object] = {
    "never.leases": obj("Lease", "leader", "shop", "coordination.k8s.io/v1", spec={}),
    "never.events": obj("Event", "started", "shop"),
    "managed.root-ca": obj("ConfigMap", "kube-root-ca.crt", "shop", data={}),
    "managed.endpoint-slices": obj(
        "EndpointSlice",
        "cart-x",
        "shop",
        "discovery.k8s.io/v1",
        labels=SLICE,
        addressType="IPv4",
        endpoints=[],
    ),
    "owner.controller": BELOW,
    "finished.pod": obj("Pod", "once", "shop", uid="p-1", spec={}, status={"phase": "Succeeded"}),
    "finished.job": obj(
        "Job",
        "import",
        "shop",
        "batch/v1",
        uid="j-1",
        spec={},
        status={"conditions": [{"type": "Complete", "status": "True"}]},
    ),
}
"""What a rule must name to bring it, by the built-in rule that leaves it."""


def ruled(kind: str) -> Decisions:
    """The decisions on a shop, all of which a rule brings, for one kind or for all that a glob takes in."""
    rule = {"kind": kind, "namespace": "shop", "replay": True, "reason": "all of the shop"}
    around = (obj("Namespace", "shop"), CART, service("cart"), obj("ConfigMap", "settings", "shop", data={}))
    return decide(*around, *LEFT.values(), workloads={"rules": [rule]})


@pytest.mark.parametrize("rule", LEFT)
@pytest.mark.parametrize("kind", ["*", "[A-Z]*"])
def test_a_rule_for_whatever_kind_does_not_pass(rule: str, kind: str) -> None:
    """The built-in rule decides as ever, and its evidence says that the operator's was there."""
    decision = next(d for d in ruled(kind) if (d.ref.kind, d.ref.name) == named(LEFT[rule]))
    assert (decision.form, decision.rule) == (Form.SKIPPED, rule)
    assert decision.evidence.startswith("operator.1 names no kind")


@pytest.mark.parametrize("rule", LEFT)
def test_a_rule_that_names_the_kind_passes(rule: str) -> None:
    """And its evidence names the rule that it overrules."""
    kind, name = named(LEFT[rule])
    decision = next(d for d in ruled(kind) if (d.ref.kind, d.ref.name) == (kind, name))
    assert decision.form in {Form.REPLAYED, Form.HELD}
    assert decision.rule == "operator.1"
    assert f"against {rule}" in decision.evidence


def test_what_people_made_comes_by_either() -> None:
    """The Deployment itself, and a ConfigMap beside the server's own."""
    found = {(d.ref.kind, d.ref.name): d for d in ruled("*")}
    assert found["Deployment", "cart"].rule == "operator.1"
    assert found["ConfigMap", "settings"].rule == "operator.1"
    assert "against" not in found["ConfigMap", "settings"].evidence


def named(found: Object) -> tuple[str, str]:
    """An object's kind and name."""
    return found["kind"], found["metadata"]["name"]
