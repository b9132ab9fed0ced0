"""Canal: Flannel carries the traffic, Calico enforces policies; one DaemonSet with both, or one of each.

Names: projectcalico/calico v3.32.1 manifests/canal.yaml; Rancher's builds name it rke2-canal and change the images, so
it is told by its containers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess import projectcalico
from migrate.assess.belongings import belongings
from migrate.assess.sources import IDLE, Source
from migrate.assess.sources.calico import HELPERS, node_agents, policy_only
from migrate.assess.sources.flannel import (
    backend_of,
    flannel_daemonsets,
    flanneld,
    mtu_of,
    net_conf,
    net_conf_ranges,
)
from migrate.assess.wording import count
from migrate.assess.workloads import (
    container_named,
    daemonsets,
    deployments,
    image_of,
    rollout,
    runs,
    title,
)
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, name_of


def recognise(inventory: Inventory) -> Cni | None:
    """Recognise Canal; ask it before Flannel and Calico, which recognise its halves where those are apart."""
    both = _combined(inventory)
    found = both or _apart(inventory)
    if not found:
        return None
    carrier = found[0]
    container = _flanneld(carrier)
    state, conf = net_conf(inventory, carrier)
    pods = rollout(both or found[:1])
    backend = backend_of(conf) if conf else ""
    return Cni(
        name=CniName.CANAL,
        version=projectcalico.release(inventory) or image_of(_agent(found[-1])).version,
        pod_cidrs=net_conf_ranges(conf),
        encapsulation=backend,
        mtu=mtu_of(conf) or _veth_mtu(state),
        encrypted=backend.partition(",")[0] in {"wireguard", "ipsec"},
        enforces_policy=True,
        ready=pods.ready,
        desired=pods.desired,
        evidence=tuple(_evidence(found, container, state, conf)),
        notes=tuple(_notes(inventory, both, idle=pods.idle, conf=conf)),
    )


def residue(inventory: Inventory) -> frozenset[Ref]:
    """Name what is Canal's own: both halves, Calico's definitions and IPAM objects; policies are people's."""
    found = _combined(inventory) or _apart(inventory)
    if not found:
        return frozenset()
    helpers = [d for d in deployments(inventory) if name_of(d) in HELPERS]
    return belongings(inventory, [*found, *helpers], named=projectcalico.own(inventory))


def leftovers(inventory: Inventory) -> tuple[str, ...]:  # noqa: ARG001 - its traces are Flannel's and Calico's
    """Nothing of its own: what Canal leaves are Flannel's and Calico's traces."""
    return ()


def _combined(inventory: Inventory) -> list[Object]:
    return [d for d in daemonsets(inventory) if _agent(d) and _flanneld(d)]


def _apart(inventory: Inventory) -> list[Object]:
    """Flannel's DaemonSet followed by a Calico node agent that only enforces; empty unless both are there."""
    agents = [d for d in node_agents(inventory) if policy_only(inventory, d)]
    flannels = flannel_daemonsets(inventory)
    return [*flannels, *agents] if agents and flannels else []


def _agent(daemonset: Object) -> Mapping[str, Any]:
    return runs(daemonset, projectcalico.NODE) or container_named(daemonset, "calico-node") or {}


def _flanneld(daemonset: Object) -> Mapping[str, Any]:
    return flanneld(daemonset) or {}


def _veth_mtu(state: Object | None) -> int | None:
    text = str(((state or {}).get("data") or {}).get("veth_mtu", ""))
    return int(text) if text.isdigit() and int(text) else None


def _evidence(
    found: list[Object], container: Mapping[str, Any], state: Object | None, conf: Mapping[str, Any]
) -> Iterator[str]:
    yield from (title(d) for d in found)
    yield f"image {_agent(found[-1]).get('image', '')}"
    yield f"image {container.get('image', '')}"
    if state is not None:
        yield f"{title(state)} net-conf.json: Network {conf.get('Network', 'not stated')}, backend {backend_of(conf)}"


def _notes(inventory: Inventory, both: list[Object], *, idle: bool, conf: Mapping[str, Any]) -> Iterator[str]:
    if idle:
        yield IDLE
    if not both:
        yield "Flannel and Calico run in DaemonSets of their own, Calico for policies only: the same as Canal"
    if not conf:
        yield "net-conf.json was not found or is no JSON: range and backend are not known"
    written = projectcalico.policies(inventory)
    if written:
        yield f"{count(len(written), 'object')} of Calico's policy kinds are people's and move with them"


SOURCES = (Source(CniName.CANAL, 10, recognise, residue, leftovers),)
