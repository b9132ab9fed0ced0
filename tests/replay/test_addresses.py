"""A Service that names its address has it on one side at a time; by which annotations it may is told here once more."""

from __future__ import annotations

import pytest

from migrate.model.decision import Decision
from migrate.model.objects import annotations_of, dig, ref_of
from migrate.replay.turns import Turn
from tests.replay.builders import decide, service

AWS = "service.beta.kubernetes.io/aws-load-balancer"
AZURE = "service.beta.kubernetes.io/azure"

NAMED = {
    "metallb.io/loadBalancerIPs": "192.0.2.10",
    "metallb.universe.tf/loadBalancerIPs": "192.0.2.10",
    "projectcalico.org/loadBalancerIPs": '["192.0.2.10"]',
    "kube-vip.io/loadbalancerIPs": "192.0.2.10",
    "kube-vip.io/requestedIP": "192.0.2.10",
    "kube-vip.io/hwaddr": "02:00:00:09:7f:3f",
    "purelb.io/addresses": "192.0.2.10,2001:db8::10",
    "eip.openelb.kubesphere.io/v1alpha1": "192.0.2.10",
    "lbipam.cilium.io/ips": "192.0.2.10",
    "io.cilium/lb-ipam-ips": "192.0.2.10",
    f"{AWS}-eip-allocations": "eipalloc-0",
    f"{AWS}-private-ipv4-addresses": "10.0.1.10,10.0.2.10",
    f"{AWS}-ipv6-addresses": "2001:db8::10",
    f"{AZURE}-load-balancer-ipv4": "192.0.2.10",
    f"{AZURE}-load-balancer-ipv6": "2001:db8::10",
    f"{AZURE}-pip-name": "front",
    f"{AZURE}-pip-name-ipv6": "front",
    "networking.gke.io/load-balancer-ip-addresses": "front",
}
OF_A_POOL = {
    "metallb.io/address-pool": "public",
    "metallb.universe.tf/allow-shared-ip": "web",
    "projectcalico.org/ipv4pools": '["public"]',
    "purelb.io/service-group": "public",
    "purelb.io/allow-shared-ip": "web",
    "eip.openelb.kubesphere.io/v1alpha2": "public",
    "lbipam.cilium.io/sharing-key": "web",
    "io.cilium/lb-ipam-sharing-cross-namespace": "*",
    f"{AZURE}-pip-prefix-id": "/subscriptions/0",
}


def front(key: str, value: str) -> Decision:
    """The decision on a load balancer with one annotation; without it at rest, with it again when it is let go."""
    asking = service("front", type="LoadBalancer")
    asking["metadata"]["annotations"] = {key: value, "shop.example/team": "web"}
    decision = decide(asking).of(ref_of(asking))
    assert decision is not None
    assert decision.target is not None
    assert decision.hold is not None
    assert key not in annotations_of(decision.target)
    assert annotations_of(decision.target)["shop.example/team"] == "web"
    assert dig(decision.hold.release, "metadata", "annotations") == {key: value}
    assert dig(decision.hold.prior, "metadata", "annotations") == {key: value}
    return decision


@pytest.mark.parametrize(("key", "value"), NAMED.items())
def test_an_address_by_name_is_freed_on_blue_first(key: str, value: str) -> None:
    """Whoever gives it, the Service has its turn among those with an address, after blue's is one without."""
    decision = front(key, value)
    assert decision.hold is not None
    assert dig(decision.hold.rest_blue, "spec", "type") == "ClusterIP"
    assert decision.turn == Turn.ADDRESSES


@pytest.mark.parametrize(("key", "value"), [*OF_A_POOL.items(), *((key, "") for key in NAMED)])
def test_an_address_out_of_a_pool_comes_with_the_ways_in(key: str, value: str) -> None:
    """Green's is another one: blue's goes on until the traffic has moved. An annotation without a value names none."""
    decision = front(key, value)
    assert decision.hold is not None
    assert decision.hold.rest_blue is None
    assert decision.turn == Turn.WAYS_IN
