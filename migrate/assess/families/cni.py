"""CNI: what runs beside, before or instead of the CNI that is moved off, and what its way of carrying packets means."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.projectcalico import of_calico
from migrate.assess.sources import IDLE, POLICY_ONLY
from migrate.assess.wording import few
from migrate.model.facts import Cni, CniName, Finding, Severity
from migrate.model.objects import dig

NOTES = Code(
    "CNI-001",
    Severity.NOTE,
    "worth knowing about blue's CNI",
    "Settings that change behaviour, and traces of CNIs that ran here once. Custom resource definitions, annotations and "
    "node conditions outlive a CNI: they prove history, not presence.",
    "None by itself; they explain what you may see.",
    "Read them once; leftovers are not replayed.",
)
SEVERAL = Code(
    "CNI-002",
    Severity.WARNING,
    "more than one CNI runs on blue",
    "Several DaemonSets of CNIs want pods. The first configuration in /etc/cni/net.d, by file name, is the one that the "
    "container runtime uses; that is not seen through the API.",
    "The facts, and with them the plan, may rest on the wrong one.",
    "Look at /etc/cni/net.d on a few nodes and say which CNI it is in blue.cni.",
)
NOT_READY = Code(
    "CNI-003",
    Severity.WARNING,
    "blue's CNI is not ready on every node",
    "Ready pods of the CNI's DaemonSets are compared with the wanted ones.",
    "Probes of blue, which green is compared with, fail for reasons that have nothing to do with the move.",
    "Mend those nodes, or drain them, before the comparison.",
)
GREEN_OTHER = Code(
    "CNI-004",
    Severity.BLOCKER,
    "green runs another CNI than Calico",
    "The way leads to a green cluster with Calico, which is installed on a cluster that has no CNI yet. A CNI that still "
    "runs there would go on owning the pods' network.",
    "Two CNIs would fight over the nodes' configuration; pods would get addresses from whichever file sorts first.",
    "Build green without a CNI, or with Calico.",
)
ENCRYPTION = Code(
    "CNI-005",
    Severity.WARNING,
    "blue encrypts the pods' traffic",
    "Weave Net with a password and Flannel with a WireGuard backend encrypt between nodes. Calico does with WireGuard: "
    "FelixConfiguration.wireguardEnabled, kernel 5.6 or later on every node, 60 bytes less MTU.",
    "Without it the traffic between green's nodes is in clear; on a node without the kernel module it is silently so.",
    "Set wireguardEnabled: true in green's FelixConfiguration and check the nodes' projectcalico.org/WireguardPublicKey.",
)
SMALLER = Code(
    "CNI-006",
    Severity.WARNING,
    "pods on green can send smaller packets than on blue",
    "The encapsulation planned for green takes more from every packet than blue's does, on links of the same MTU.",
    "Where something drops ICMP 'fragmentation needed', connections open and then hang at the first large packet.",
    "Choose a pool encapsulation with less overhead, raise the links' MTU, or probe with large packets before the cutover.",
)
CODES = (NOTES, SEVERAL, NOT_READY, GREEN_OTHER, ENCRYPTION, SMALLER)

LINK = 1500
OVERHEAD = {"IPIP": 20, "VXLAN": 50, "None": 0}
"""Bytes that Calico's encapsulations take, IPv4; CrossSubnet takes them as well (felix, int_dataplane.go)."""

BLUE_OVERHEAD = {"vxlan": 50, "host-gw": 0, "ipip": 20, "udp": 28, "wireguard": 80, "awsvpc": 0}
"""Bytes that Flannel's backends and Weave Net's modes take where no MTU is stated."""

WIREGUARD = 60


def find(situation: Situation) -> Iterator[Finding]:
    """Look at the CNIs of both clusters."""
    blue = situation.blue.cni
    if blue.notes:
        yield NOTES.found("; ".join(blue.notes))
    active = [c for c in situation.blue.cnis if _carries(c)]
    if len(active) > 1:
        yield SEVERAL.found(
            "; ".join(
                f"{c.name}: {', '.join(c.evidence[:1])}, {c.ready} of {c.desired} ready" for c in active
            )
        )
    if blue.desired and blue.ready < blue.desired:
        yield NOT_READY.found(f"{blue.name}: {blue.ready} of {blue.desired} pods ready")
    if situation.green is not None:
        others = [c for c in situation.green.cnis if _carries(c) and c.name is not CniName.CALICO]
        if others:
            yield GREEN_OTHER.found("; ".join(f"{c.name}: {few(c.evidence, 2)}" for c in others))
    if blue.encrypted and not _green_encrypts(situation):
        yield ENCRYPTION.found(
            f"{blue.name}: {few(e for e in blue.evidence if 'Secret' in e or 'backend' in e) or 'encrypted'}"
        )
    yield from _packets(situation)


def _carries(cni: Cni) -> bool:
    """Whether a CNI runs and carries traffic itself."""
    beside = cni.encapsulation == POLICY_ONLY or cni.name in {CniName.MULTUS, CniName.UNKNOWN}
    return not beside and IDLE not in cni.notes


def _green_encrypts(situation: Situation) -> bool:
    inventory = situation.green_inventory
    return inventory is not None and any(
        dig(felix, "spec", "wireguardEnabled", default=False)
        for felix in of_calico(inventory, "FelixConfiguration")
    )


def _packets(situation: Situation) -> Iterator[Finding]:
    blue = situation.blue.cni
    kind = blue.encapsulation.partition(",")[0]
    theirs = blue.mtu or (LINK - BLUE_OVERHEAD[kind] if kind in BLUE_OVERHEAD else None)
    takes = {p.name: OVERHEAD.get(p.encapsulation.removesuffix("CrossSubnet"), 0) for p in situation.pools}
    if _green_encrypts(situation):
        takes = {name: bytes_ + WIREGUARD for name, bytes_ in takes.items()}
    small = {name: LINK - bytes_ for name, bytes_ in takes.items() if theirs and LINK - bytes_ < theirs}
    if small and theirs and theirs <= LINK:
        said = few(f"pool {name} {mtu}" for name, mtu in small.items())
        yield SMALLER.found(
            f"blue ({blue.encapsulation}) has an MTU of {theirs} on links of {LINK}; green: {said}"
        )
