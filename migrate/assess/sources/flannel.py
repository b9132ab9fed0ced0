"""Flannel of every era, as a DaemonSet or embedded in k3s.

Names, namespaces and images per era are those of Documentation/kube-flannel.yml at flannel-io/flannel's tags: kube-system
until 0.18, one DaemonSet per architecture in 0.11 and 0.12, a namespace of its own from 0.19. k3s: pkg/agent/flannel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess.belongings import RBAC, belongings
from migrate.assess.projectcalico import NODE as CALICO_NODE
from migrate.assess.ranges import listed
from migrate.assess.sources import EMBEDDED, IDLE, Source
from migrate.assess.wording import count, few
from migrate.assess.workloads import container_named, daemonsets, image_of, pod_spec, rollout, runs, title
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, annotations_of, dig, name_of, namespace_of
from migrate.replay.arguments import flag

PREFIX = "flannel.alpha.coreos.com/"
IMAGE = re.compile(r"(?:^|[/-])flannel(?:-(?:amd64|arm64|arm|ppc64le|s390x|mips64le|riscv64))?$")
_POLICY = re.compile(r"(?:^|[/-])kube-network-polic(?:y|ies)$")
_K3S = re.compile(r"\+(?:k3s|rke2)")
_ARCHITECTURE = re.compile(r"-(?:amd64|arm64|arm|ppc64le|s390x)$")
_TRANSLATED = frozenset({"vxlan", "host-gw", "wireguard", "ipip", "udp"})
"""Backends that have a counterpart in Calico; ipsec, tailscale and the clouds' own have none."""


def recognise(inventory: Inventory) -> Cni | None:
    """Recognise Flannel by its DaemonSets, or by what k3s writes on nodes; a Canal DaemonSet is not one of them."""
    found = flannel_daemonsets(inventory)
    return _of_daemonsets(inventory, found) if found else _embedded(inventory)


def residue(inventory: Inventory) -> frozenset[Ref]:
    """Name what is Flannel's own; its namespace goes as a whole where nobody else lives in it."""
    named = [
        Ref(RBAC, "ClusterRole", "", "flannel"),
        Ref(RBAC, "ClusterRoleBinding", "", "flannel"),
        Ref("policy", "PodSecurityPolicy", "", "psp.flannel.unprivileged"),
        Ref("extensions", "PodSecurityPolicy", "", "psp.flannel.unprivileged"),
        *(Ref("", "ConfigMap", n, "kube-flannel-cfg") for n in ("kube-system", "kube-flannel")),
        *(Ref("", "ServiceAccount", n, "flannel") for n in ("kube-system", "kube-flannel")),
    ]
    found = flannel_daemonsets(inventory)
    namespaces = {namespace_of(d) for d in found} | {"kube-flannel"}
    return belongings(inventory, found, named=named, namespaces=namespaces - {"kube-system", "default", ""})


def leftovers(inventory: Inventory) -> tuple[str, ...]:
    """Say what Flannel left behind where none of its DaemonSets is there."""
    marked = _marked(inventory)
    if not marked:
        return ()
    names = few(name_of(n) for n in marked)
    return (
        f"{PREFIX} annotations on {count(len(marked), 'node')} ({names}), but no DaemonSet of Flannel is there: a leftover",
    )


def flannel_daemonsets(inventory: Inventory) -> list[Object]:
    """DaemonSets that run flanneld and not Calico's node agent beside it (that would be Canal), Windows' last."""
    found = (d for d in daemonsets(inventory) if flanneld(d) and not runs(d, CALICO_NODE))
    return sorted(found, key=lambda d: (_windows(d), name_of(d)))


def flanneld(daemonset: Object) -> Mapping[str, Any] | None:
    """The container that runs flanneld; None where there is none."""
    return runs(daemonset, IMAGE) or container_named(daemonset, "kube-flannel")


def net_conf(inventory: Inventory, daemonset: Object) -> tuple[Object | None, Mapping[str, Any]]:
    """The ConfigMap that a flanneld reads and its net-conf.json; an empty mapping where there is none, or no JSON."""
    for volume in pod_spec(daemonset).get("volumes") or ():
        found = inventory.named(
            "ConfigMap", dig(volume, "configMap", "name", default=""), namespace_of(daemonset)
        )
        text = dig(found, "data", "net-conf.json")
        if text:
            try:
                value = json.loads(text)
            except ValueError:
                return found, {}
            return found, value if isinstance(value, Mapping) else {}
    return None, {}


def net_conf_ranges(conf: Mapping[str, Any]) -> tuple[str, ...]:
    """The pod ranges that a net-conf.json states, IPv4 first."""
    return tuple(listed(conf.get("Network")) + listed(conf.get("IPv6Network")))


def backend_of(conf: Mapping[str, Any]) -> str:
    """The backend's type, with DirectRouting said; udp is flannel's default where none is stated."""
    kind = str(dig(conf, "Backend", "Type", default="udp"))
    return f"{kind}, direct routing" if dig(conf, "Backend", "DirectRouting", default=False) else kind


def mtu_of(conf: Mapping[str, Any]) -> int | None:
    """The MTU that the backend states; None where flannel takes the interface's less the overhead."""
    stated = dig(conf, "Backend", "MTU")
    return stated if isinstance(stated, int) and stated > 0 else None


def _of_daemonsets(inventory: Inventory, found: list[Object]) -> Cni:
    main = max(found, key=lambda d: int(dig(d, "status", "desiredNumberScheduled", default=0) or 0))
    container = flanneld(main) or {}
    state, conf = net_conf(inventory, main)
    enforcer = next((d for d in found if runs(d, _POLICY)), None)
    pods = rollout(found)
    backend = backend_of(conf) if conf else ""
    return Cni(
        name=CniName.FLANNEL,
        version=_ARCHITECTURE.sub("", image_of(container).version),
        pod_cidrs=net_conf_ranges(conf),
        encapsulation=backend,
        mtu=mtu_of(conf),
        encrypted=backend.partition(",")[0] in {"wireguard", "ipsec"},
        enforces_policy=enforcer is not None,
        ready=pods.ready,
        desired=pods.desired,
        evidence=tuple(_evidence(inventory, found, container, state, conf)),
        notes=tuple(_notes(container, conf, enforcer, idle=pods.idle)),
    )


def _evidence(
    inventory: Inventory,
    found: list[Object],
    container: Mapping[str, Any],
    state: Object | None,
    conf: Mapping[str, Any],
) -> Iterator[str]:
    yield from (title(d) for d in found)
    yield f"image {container.get('image', '')}"
    if state is not None:
        yield f"{title(state)} net-conf.json: Network {conf.get('Network', 'not stated')}, backend {backend_of(conf)}"
    marked = _marked(inventory)
    if marked:
        yield f"{count(len(marked), 'node')} with {PREFIX} annotations"


def _notes(
    container: Mapping[str, Any], conf: Mapping[str, Any], enforcer: Object | None, *, idle: bool
) -> Iterator[str]:
    if idle:
        yield IDLE
    if flag(container, "kube-subnet-mgr") is None:
        yield "no --kube-subnet-mgr: flanneld keeps its configuration in etcd, which the API does not show"
    elif not conf:
        yield "net-conf.json was not found or is no JSON: range and backend are not known"
    if enforcer is None:
        yield "no policy container: Flannel enforces no NetworkPolicy"
    else:
        yield f"NetworkPolicies are enforced by kube-network-policies in {title(enforcer)}"
    backend = str(dig(conf, "Backend", "Type", default=""))
    if backend == "wireguard" and dig(conf, "Backend", "PSK"):
        yield "WireGuard with a pre-shared key: Calico's has no counterpart to it"
    if backend and backend not in _TRANSLATED:
        yield f"the backend {backend} has no counterpart in Calico"


def _embedded(inventory: Inventory) -> Cni | None:
    """Flannel inside k3s: annotated nodes of a k3s kubelet whose network nobody else says to run."""
    nodes = [
        n
        for n in _marked(inventory)
        if _K3S.search(str(dig(n, "status", "nodeInfo", "kubeletVersion", default="")))
        and not _run_by_other(n)
    ]
    if not nodes:
        return None
    kubelet = str(dig(nodes[0], "status", "nodeInfo", "kubeletVersion", default=""))
    backend = annotations_of(nodes[0]).get(f"{PREFIX}backend-type", "")
    ready = sum(
        any(
            c.get("type") == "Ready" and c.get("status") == "True"
            for c in dig(n, "status", "conditions") or ()
        )
        for n in nodes
    )
    return Cni(
        name=CniName.FLANNEL,
        version=kubelet.removeprefix("v"),
        encapsulation=backend,
        encrypted="wireguard" in backend or backend in {"ipsec", "tailscale"},
        enforces_policy=None,
        ready=ready,
        desired=len(nodes),
        evidence=(
            f"{count(len(nodes), 'node')} of k3s ({kubelet}) with {PREFIX} annotations",
            f"annotation {PREFIX}backend-type={backend}",
        ),
        notes=(
            EMBEDDED,
            "k3s enforces NetworkPolicies by itself unless it runs with --disable-network-policy",
        ),
    )


def _run_by_other(node: Object) -> bool:
    reasons = {
        c.get("reason")
        for c in dig(node, "status", "conditions") or ()
        if c.get("type") == "NetworkUnavailable"
    }
    return bool(reasons - {"FlannelIsUp", None})


def _marked(inventory: Inventory) -> list[Object]:
    return [n for n in inventory.of("Node") if any(key.startswith(PREFIX) for key in annotations_of(n))]


def _windows(daemonset: Object) -> bool:
    selector = pod_spec(daemonset).get("nodeSelector") or {}
    return "windows" in {selector.get("kubernetes.io/os"), selector.get("beta.kubernetes.io/os")}


SOURCES = (Source(CniName.FLANNEL, 30, recognise, residue, leftovers),)
