"""Addresses outside that a Service asks for: the very one that blue has, or one out of a pool."""

from __future__ import annotations

from migrate.model.objects import Object, annotations_of, dig
from migrate.replay.kinds import Kind

ANNOUNCERS: frozenset[Kind] = frozenset(
    {
        *(
            ("metallb.io", kind)
            for kind in ("IPAddressPool", "AddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer")
        ),
        ("purelb.io", "ServiceGroup"),
        ("network.kubesphere.io", "Eip"),
        ("network.kubesphere.io", "BgpPeer"),
    }
)
"""By what announcers of addresses are told which ones are theirs; source: the projects' API references."""

FIXED = (
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
    "projectcalico.org/loadBalancerIPs",
    "kube-vip.io/loadbalancerIPs",
    "kube-vip.io/requestedIP",
    "kube-vip.io/hwaddr",
    "purelb.io/addresses",
    "eip.openelb.kubesphere.io/v1alpha1",
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "service.beta.kubernetes.io/aws-load-balancer-eip-allocations",
    "service.beta.kubernetes.io/aws-load-balancer-private-ipv4-addresses",
    "service.beta.kubernetes.io/aws-load-balancer-ipv6-addresses",
    "service.beta.kubernetes.io/azure-load-balancer-ipv4",
    "service.beta.kubernetes.io/azure-load-balancer-ipv6",
    "service.beta.kubernetes.io/azure-pip-name",
    "service.beta.kubernetes.io/azure-pip-name-ipv6",
    "networking.gke.io/load-balancer-ip-addresses",
)
"""Annotations that name an address, or what a cloud or a DHCP server keeps one under.

Sources: kube-vip, pkg/kubevip (requestedIP and hwaddr: of the lease that it asks for again); PureLB, apis/purelb annotations; OpenELB,
docs on address assignment; Cilium, pkg/annotation; AWS Load Balancer Controller, Service annotations;
cloud-provider-azure, pkg/consts; ingress-gce, pkg/l4annotations.
"""

POOLED = (
    "metallb.io/address-pool",
    "metallb.io/allow-shared-ip",
    "metallb.universe.tf/address-pool",
    "metallb.universe.tf/allow-shared-ip",
    "projectcalico.org/ipv4pools",
    "projectcalico.org/ipv6pools",
    "purelb.io/service-group",
    "purelb.io/allow-shared-ip",
    "eip.openelb.kubesphere.io/v1alpha2",
    "lbipam.cilium.io/sharing-key",
    "lbipam.cilium.io/sharing-cross-namespace",
    "io.cilium/lb-ipam-sharing-key",
    "io.cilium/lb-ipam-sharing-cross-namespace",
    "service.beta.kubernetes.io/azure-pip-prefix-id",
    "service.beta.kubernetes.io/azure-pip-prefix-id-ipv6",
)
"""Annotations that name a pool, or with whom an address is shared: what comes of them need not be blue's address."""

ASKING = (*FIXED, *POOLED)
"""What a Service at rest does not carry."""


def fixed_address(service: Object) -> bool:
    """Whether a Service names the address that it wants, so that two clusters would announce the same one."""
    notes = annotations_of(service)
    return bool(
        dig(service, "spec", "externalIPs")
        or dig(service, "spec", "loadBalancerIP")
        or any(notes.get(key) for key in FIXED)
    )
