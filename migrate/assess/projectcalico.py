"""Calico's own objects, wherever they are found: as the CNI, as Canal's policy half, or left over.

Kinds and defaults: projectcalico/calico v3.32.1, and what a fresh installation was seen to create. The same object is
served as crd.projectcalico.org/v1 and, by the aggregated API or as native resources, as projectcalico.org/v3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from migrate.assess.belongings import RBAC
from migrate.assess.ranges import listed
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, annotations_of, dig, name_of, ref_of

NODE = re.compile(r"(?:^|[/-])calico[/-]node$|(?:^|/)hardened-calico$|(?:^|/)cnx-node$")
"""The image of Calico's node agent: upstream, Rancher's mirrors and hardened builds, the enterprise edition."""

GROUPS = ("crd.projectcalico.org", "projectcalico.org")
OPERATOR = "operator.tigera.io"
PREFIX = "projectcalico.org/"

POLICY_KINDS = (
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "StagedNetworkPolicy",
    "StagedGlobalNetworkPolicy",
    "StagedKubernetesNetworkPolicy",
    "NetworkSet",
    "GlobalNetworkSet",
    "HostEndpoint",
    "Tier",
)
"""What people write in Calico's groups: it moves with them. Everything else there is Calico's configuration or state."""

_BUILT_IN_TIERS = frozenset(
    {"default", "kube-admin", "kube-baseline", "adminnetworkpolicy", "baselineadminnetworkpolicy"}
)
_NAMESPACED = ("kube-system", "calico-system", "calico-apiserver", "tigera-operator")
_ROLES = (
    "calico-node",
    "calico-kube-controllers",
    "calico-cni-plugin",
    "calico-tier-getter",
    "calico-typha",
    "calico-typha-cpha",
    "calico",
    "canal-flannel",
    "canal-calico",
    "canal",
)


def of_calico(inventory: Inventory, kind: str) -> list[Object]:
    """Objects of a Calico kind, each once although two groups may serve it."""
    seen: dict[Ref, Object] = {}
    for group in GROUPS:
        for obj in inventory.of(kind, group):
            ref = ref_of(obj)
            seen.setdefault(Ref("", ref.kind, ref.namespace, ref.name), obj)
    return list(seen.values())


def policies(inventory: Inventory) -> list[Object]:
    """What people wrote in Calico's groups, built-in tiers left out."""
    return [
        obj
        for kind in POLICY_KINDS
        for obj in of_calico(inventory, kind)
        if kind != "Tier" or name_of(obj) not in _BUILT_IN_TIERS
    ]


def definitions(inventory: Inventory) -> list[Object]:
    """Calico's custom resource definitions, the operator's among them."""
    return [
        crd
        for crd in inventory.of("CustomResourceDefinition", "apiextensions.k8s.io")
        if dig(crd, "spec", "group") in {*GROUPS, OPERATOR}
    ]


def pools(inventory: Inventory) -> list[Object]:
    """The enabled pools that pods get addresses from; pools for tunnels or load balancers alone are left out."""
    return [
        pool
        for pool in of_calico(inventory, "IPPool")
        if not dig(pool, "spec", "disabled", default=False)
        and "Workload" in (dig(pool, "spec", "allowedUses") or ["Workload"])
    ]


def pool_ranges(inventory: Inventory) -> tuple[str, ...]:
    """The ranges of the enabled pools."""
    return tuple(cidr for pool in pools(inventory) for cidr in listed(dig(pool, "spec", "cidr")))


def encapsulation_of(pool: Object) -> str:
    """A pool's encapsulation in the migration file's words: VXLAN, VXLANCrossSubnet, IPIP, IPIPCrossSubnet or None."""
    for mode, name in (("vxlanMode", "VXLAN"), ("ipipMode", "IPIP")):
        value = dig(pool, "spec", mode, default="Never") or "Never"
        if value != "Never":
            return f"{name}CrossSubnet" if value == "CrossSubnet" else name
    return "None"


def release(inventory: Inventory) -> str:
    """The version that the running Calico wrote into its ClusterInformation, without the v; empty where there is none."""
    for info in of_calico(inventory, "ClusterInformation"):
        if name_of(info) == "default":
            return str(dig(info, "spec", "calicoVersion", default="") or "").removeprefix("v")
    return ""


def marked_nodes(inventory: Inventory) -> Sequence[Object]:
    """Nodes with Calico's annotations; they outlive Calico."""
    return [n for n in inventory.of("Node") if any(key.startswith(PREFIX) for key in annotations_of(n))]


def own(inventory: Inventory) -> Iterator[Ref]:
    """Name Calico's definitions, configuration, state and RBAC, and never a policy that people wrote.

    Given whether Calico runs or not: a green cluster brings its own, and what is left over must not replace that.
    """
    for crd in definitions(inventory):
        yield ref_of(crd)
        if dig(crd, "spec", "group") == "crd.projectcalico.org":
            yield Ref(
                "apiextensions.k8s.io",
                "CustomResourceDefinition",
                "",
                "clusternetworkpolicies.policy.networking.k8s.io",
            )
    for resource in inventory.resources:
        if resource.group in GROUPS:
            for obj in inventory.objects.get(resource, ()):
                tier = resource.kind == "Tier" and name_of(obj) in _BUILT_IN_TIERS
                if resource.kind not in POLICY_KINDS or tier:
                    yield ref_of(obj)
        elif resource.group == OPERATOR:
            yield from (ref_of(obj) for obj in inventory.objects.get(resource, ()))
    for name in _ROLES:
        yield Ref(RBAC, "ClusterRole", "", name)
        yield Ref(RBAC, "ClusterRoleBinding", "", name)
    for namespace in _NAMESPACED:
        for name in ("calico-config", "canal-config"):
            yield Ref("", "ConfigMap", namespace, name)
        for name in ("calico-node", "calico-cni-plugin", "calico-kube-controllers", "canal"):
            yield Ref("", "ServiceAccount", namespace, name)
    yield Ref("apiregistration.k8s.io", "APIService", "", "v3.projectcalico.org")
