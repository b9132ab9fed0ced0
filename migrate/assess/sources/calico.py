"""Calico, however it was installed: by manifest, by the operator, with etcd, or for policies alone beside another CNI.

Names: projectcalico/calico v3.32.1 manifests; tigera/operator v1.42.3. CLUSTER_TYPE and the BGPConfiguration say
"bgp" even where no BGP runs, so neither is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess import projectcalico
from migrate.assess.belongings import belongings
from migrate.assess.ranges import listed
from migrate.assess.sources import IDLE, POLICY_ONLY, Source
from migrate.assess.wording import count, few
from migrate.assess.workloads import (
    container_named,
    daemonsets,
    deployments,
    image_of,
    nodes_where,
    rollout,
    runs,
    settings,
    title,
)
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig, name_of

HELPERS = frozenset(
    {"calico-kube-controllers", "calico-typha", "calico-apiserver", "tigera-operator", "calico-webhooks"}
)
_NAMESPACES = ("calico-system", "calico-apiserver", "tigera-operator")


def recognise(inventory: Inventory) -> Cni | None:
    """Recognise Calico by its node agent, or by an operator with an Installation; CRDs alone prove nothing."""
    found = node_agents(inventory)
    installation = _installation(inventory)
    if not found and installation is None:
        return None
    setting = _settings(inventory, found[0]) if found else {}
    pods = rollout(found)
    pools = projectcalico.pools(inventory)
    return Cni(
        name=CniName.CALICO,
        version=projectcalico.release(inventory) or (image_of(_agent(found[0])).version if found else ""),
        pod_cidrs=projectcalico.pool_ranges(inventory) or _planned_ranges(installation, setting),
        encapsulation=_encapsulation(pools, installation, setting),
        mtu=_mtu(setting),
        encrypted=any(
            dig(felix, "spec", "wireguardEnabled", default=False)
            for felix in projectcalico.of_calico(inventory, "FelixConfiguration")
        ),
        enforces_policy=True,
        ready=pods.ready,
        desired=pods.desired,
        evidence=tuple(_evidence(inventory, found, installation)),
        notes=tuple(_notes(setting, installation, idle=pods.idle, agents=bool(found))),
    )


def residue(inventory: Inventory) -> frozenset[Ref]:
    """Name what is Calico's own, and what it left over; policies that people wrote are theirs."""
    helpers = [d for d in deployments(inventory) if name_of(d) in HELPERS]
    return belongings(
        inventory,
        [*node_agents(inventory), *helpers],
        named=projectcalico.own(inventory),
        namespaces=_NAMESPACES,
    )


def leftovers(inventory: Inventory) -> tuple[str, ...]:
    """Say what Calico left behind where no node agent of it is there."""
    found = []
    crds = projectcalico.definitions(inventory)
    if crds:
        found.append(
            f"{count(len(crds), 'CRD')} of Calico ({few((name_of(c) for c in crds), 2)}), but no DaemonSet of Calico: leftovers"
        )
    marked = projectcalico.marked_nodes(inventory)
    if marked:
        names = few(name_of(n) for n in marked)
        found.append(
            f"projectcalico.org/ annotations on {count(len(marked), 'node')} ({names}), but no DaemonSet of Calico is there: leftovers"
        )
    up = nodes_where(inventory, "CalicoIsUp")
    if up:
        found.append(
            f"condition CalicoIsUp on {count(up, 'node')}, but no DaemonSet of Calico is there: nothing corrects that condition"
        )
    return tuple(found)


def node_agents(inventory: Inventory) -> list[Object]:
    """DaemonSets that run Calico's node agent without a flanneld beside it (that would be Canal)."""
    return [
        d
        for d in daemonsets(inventory)
        if (runs(d, projectcalico.NODE) or name_of(d) == "calico-node")
        and not container_named(d, "kube-flannel")
    ]


def policy_only(inventory: Inventory, daemonset: Object) -> bool:
    """Whether a node agent enforces policies for another CNI's network."""
    return _settings(inventory, daemonset).get("CALICO_NETWORKING_BACKEND") == "none"


def _agent(daemonset: Object) -> Mapping[str, Any]:
    return runs(daemonset, projectcalico.NODE) or container_named(daemonset, "calico-node") or {}


def _settings(inventory: Inventory, daemonset: Object) -> Mapping[str, str]:
    return settings(inventory, daemonset, _agent(daemonset))


def _installation(inventory: Inventory) -> Object | None:
    found = [i for i in inventory.of("Installation", projectcalico.OPERATOR) if name_of(i) == "default"]
    operator = any(name_of(d) == "tigera-operator" for d in deployments(inventory))
    return found[0] if found and operator else None


def _planned_ranges(installation: Object | None, setting: Mapping[str, str]) -> tuple[str, ...]:
    """The ranges of pools that are asked for but not there yet."""
    asked = [cidr for pool in _pools_asked(installation) for cidr in listed(pool.get("cidr"))]
    return tuple(asked or listed(setting.get("CALICO_IPV4POOL_CIDR")))


def _pools_asked(installation: Object | None) -> list[Mapping[str, Any]]:
    return list(dig(installation, "spec", "calicoNetwork", "ipPools") or ())


def _encapsulation(pools: list[Object], installation: Object | None, setting: Mapping[str, str]) -> str:
    kind = dig(installation, "spec", "cni", "type", default="Calico")
    if setting.get("CALICO_NETWORKING_BACKEND") == "none" or kind != "Calico":
        return POLICY_ONLY
    if pools:
        return projectcalico.encapsulation_of(pools[0])
    asked = _pools_asked(installation)
    if asked:
        return str(asked[0].get("encapsulation") or "IPIP")
    modes = {
        "vxlanMode": setting.get("CALICO_IPV4POOL_VXLAN") or "Never",
        "ipipMode": setting.get("CALICO_IPV4POOL_IPIP") or "Never",
    }
    return projectcalico.encapsulation_of({"spec": modes})


def _mtu(setting: Mapping[str, str]) -> int | None:
    """The MTU that the settings state; 0 and nothing mean that Calico finds it out."""
    texts = (setting.get(name, "") for name in ("FELIX_VXLANMTU", "FELIX_IPINIPMTU", "CNI_MTU"))
    return next((int(text) for text in texts if text.isdigit() and int(text)), None)


def _evidence(inventory: Inventory, found: list[Object], installation: Object | None) -> Iterator[str]:
    for daemonset in found:
        yield title(daemonset)
        yield f"image {_agent(daemonset).get('image', '')}"
    if installation is not None:
        yield "Deployment tigera-operator with Installation default (operator install)"
    pools = projectcalico.pools(inventory)
    if pools:
        yield f"{count(len(pools), 'IPPool')}: " + few(
            f"{name_of(p)} {dig(p, 'spec', 'cidr')}" for p in pools
        )
    up = nodes_where(inventory, "CalicoIsUp")
    if up:
        yield f"{count(up, 'node')} with condition CalicoIsUp"


def _notes(
    setting: Mapping[str, str], installation: Object | None, *, idle: bool, agents: bool
) -> Iterator[str]:
    if idle:
        yield IDLE
    if not agents:
        yield "the operator has not created the calico-node DaemonSet yet"
    if setting.get("DATASTORE_TYPE") == "etcdv3" or setting.get("ETCD_ENDPOINTS"):
        yield "its datastore is etcd: pools and policies are not in the Kubernetes API"
    if setting.get("CALICO_NETWORKING_BACKEND") == "none":
        yield "CALICO_NETWORKING_BACKEND=none: it enforces policies and another CNI carries the traffic"
    kind = dig(installation, "spec", "cni", "type", default="Calico")
    if kind != "Calico":
        yield f"Installation default has cni.type {kind}: it enforces policies and another CNI carries the traffic"


SOURCES = (Source(CniName.CALICO, 40, recognise, residue, leftovers),)
