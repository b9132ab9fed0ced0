"""Weave Net: one address ring for the whole cluster, policies by weave-npc, encryption by a password.

The names, defaults and variables are those of weaveworks/weave v2.8.1 (prog/weave-kube, launch.sh, the add-on's
documentation); forks of it change only the images.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess.belongings import RBAC, belongings
from migrate.assess.sources import IDLE, Source
from migrate.assess.wording import count
from migrate.assess.workloads import (
    container_named,
    daemonsets,
    image_of,
    nodes_where,
    rollout,
    runs,
    secret_behind,
    settings,
    title,
)
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, annotations_of, name_of, namespace_of
from migrate.replay.arguments import flag, flag_in, words

DEFAULT_RANGE = "10.32.0.0/12"
DEFAULT_MTU = 1376
PEERS = "kube-peers.weave.works/peers"
_ROUTER = re.compile(r"(?:^|[/-])weave-kube$")
_NPC = re.compile(r"(?:^|[/-])weave-npc$")


def recognise(inventory: Inventory) -> Cni | None:
    """Recognise Weave Net by its DaemonSet; the pods' range is IPALLOC_RANGE alone, never the nodes' podCIDRs."""
    found = _daemonsets(inventory)
    if not found:
        return None
    main = found[0]
    router = runs(main, _ROUTER) or container_named(main, "weave") or {}
    setting = settings(inventory, main, router)
    pods = rollout(found)
    return Cni(
        name=CniName.WEAVE,
        version=image_of(router).version,
        pod_cidrs=(setting.get("IPALLOC_RANGE") or DEFAULT_RANGE,),
        encapsulation=_encapsulation(setting, router),
        mtu=_mtu(setting),
        encrypted="WEAVE_PASSWORD" in setting,
        enforces_policy=_npc(main) is not None and setting.get("EXPECT_NPC", "1") != "0",
        ready=pods.ready,
        desired=pods.desired,
        evidence=tuple(_evidence(inventory, found, router, setting)),
        notes=tuple(_notes(main, router, setting, idle=pods.idle)),
    )


def residue(inventory: Inventory) -> frozenset[Ref]:
    """Name what is Weave Net's own, the Secret of its password among it."""
    named = [
        Ref("", "ServiceAccount", "kube-system", "weave-net"),
        Ref("", "ConfigMap", "kube-system", "weave-net"),
        Ref(RBAC, "ClusterRole", "", "weave-net"),
        Ref(RBAC, "ClusterRoleBinding", "", "weave-net"),
        Ref(RBAC, "Role", "kube-system", "weave-net"),
        Ref(RBAC, "RoleBinding", "kube-system", "weave-net"),
    ]
    return belongings(inventory, _daemonsets(inventory), named=named)


def leftovers(inventory: Inventory) -> tuple[str, ...]:
    """Say what Weave Net left behind where its DaemonSet is gone."""
    found = []
    state = _state(inventory)
    if state is not None:
        found.append(
            f"{title(state)} lists Weave Net's peers, but no DaemonSet of Weave Net is there: a leftover"
        )
    up = nodes_where(inventory, "WeaveIsUp")
    if up:
        found.append(
            f"condition WeaveIsUp on {count(up, 'node')}, but no DaemonSet of Weave Net is there: a leftover"
        )
    return tuple(found)


def _daemonsets(inventory: Inventory) -> list[Object]:
    return [
        d
        for d in daemonsets(inventory)
        if runs(d, _ROUTER) or (name_of(d) == "weave-net" and container_named(d, "weave"))
    ]


def _npc(daemonset: Object) -> Mapping[str, Any] | None:
    return runs(daemonset, _NPC) or container_named(daemonset, "weave-npc")


def _state(inventory: Inventory) -> Object | None:
    return next((c for c in inventory.of("ConfigMap") if PEERS in annotations_of(c)), None)


def _arguments(setting: Mapping[str, str], router: Mapping[str, Any]) -> list[str]:
    return [*words(router), *setting.get("EXTRA_ARGS", "").split()]


def _encapsulation(setting: Mapping[str, str], router: Mapping[str, Any]) -> str:
    """Fast datapath (VXLAN, in ESP when encrypted) unless it is turned off; with awsvpc, the cloud routes."""
    if flag_in(_arguments(setting, router), "awsvpc") is not None:
        return "awsvpc"
    return "sleeve" if setting.get("WEAVE_NO_FASTDP") else "fastdp"


def _mtu(setting: Mapping[str, str]) -> int:
    text = setting.get("WEAVE_MTU", "")
    return int(text) if text.isdigit() and int(text) else DEFAULT_MTU


def _evidence(
    inventory: Inventory, found: list[Object], router: Mapping[str, Any], setting: Mapping[str, str]
) -> Iterator[str]:
    yield from (title(d) for d in found)
    yield f"image {router.get('image', '')}"
    stated = setting.get("IPALLOC_RANGE")
    yield f"IPALLOC_RANGE={stated}" if stated else f"IPALLOC_RANGE is unset: {DEFAULT_RANGE} by default"
    secret = secret_behind(router, "WEAVE_PASSWORD")
    if secret:
        yield f"WEAVE_PASSWORD is read from Secret {namespace_of(found[0])}/{secret}"
    state = _state(inventory)
    if state is not None:
        yield f"{title(state)} lists {count(_peers(state), 'peer')}"
    up = nodes_where(inventory, "WeaveIsUp")
    if up:
        yield f"{count(up, 'node')} with condition WeaveIsUp"


def _peers(state: Object) -> int:
    try:
        return len(json.loads(annotations_of(state)[PEERS])["Peers"])
    except (ValueError, KeyError, TypeError):
        return 0


def _notes(
    daemonset: Object, router: Mapping[str, Any], setting: Mapping[str, str], *, idle: bool
) -> Iterator[str]:
    if idle:
        yield IDLE
    npc = _npc(daemonset)
    if npc is None:
        yield "no weave-npc container: NetworkPolicies are not enforced"
    elif setting.get("EXPECT_NPC") == "0":
        yield "EXPECT_NPC=0: NetworkPolicies are not enforced, although weave-npc runs"
    elif flag(npc, "allow-mcast") != "false":
        yield "weave-npc lets all multicast pass (its default)"
    if setting.get("NO_MASQ_LOCAL") == "0":
        yield "NO_MASQ_LOCAL=0: pods see node addresses instead of clients' even with externalTrafficPolicy: Local"
    if setting.get("WEAVE_EXPOSE_IP"):
        yield f"WEAVE_EXPOSE_IP={setting['WEAVE_EXPOSE_IP']}: hosts reach pods by an address of the pod range"
    trusted = flag_in(_arguments(setting, router), "trusted-subnets")
    if trusted:
        yield f"--trusted-subnets={trusted}: traffic between those nodes is not encrypted"


SOURCES = (Source(CniName.WEAVE, 20, recognise, residue, leftovers),)
