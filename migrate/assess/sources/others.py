"""CNIs that no route leads from: recognised, so that they are named and refused instead of guessed at.

Names of DaemonSets and images are those of the projects' published manifests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.assess.belongings import belongings
from migrate.assess.sources import IDLE, POLICY_ONLY, Source
from migrate.assess.wording import count
from migrate.assess.workloads import containers, daemonsets, image_of, nodes_where, rollout, runs, title
from migrate.model.facts import Cni, CniName
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig, labels_of, name_of
from migrate.replay.arguments import flag


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells one CNI: names of DaemonSets, the end of its image's path, groups of CRDs, a node's mark.

    A DaemonSet needs its name or its image, not both: mirrors change the one, forks the other. `node` is a label of
    managed clusters whose CNI has no DaemonSet of its own.
    """

    name: CniName
    order: int
    names: frozenset[str]
    image: str
    groups: tuple[str, ...] = ()
    node: str = ""
    condition: str = ""
    enforces: bool | None = True


MARKS = (
    Marks(
        CniName.GKE,
        50,
        frozenset({"netd", "anetd"}),
        r"/netd(-amd64)?$",
        (),
        "cloud.google.com/gke-nodepool",
        "",
        None,
    ),
    Marks(
        CniName.AWS_VPC,
        51,
        frozenset({"aws-node"}),
        r"(?:^|[/-])amazon-k8s-cni$",
        ("crd.k8s.amazonaws.com", "vpcresources.k8s.aws"),
        enforces=None,
    ),
    Marks(
        CniName.AZURE,
        52,
        frozenset({"azure-cns", "azure-cni-manager"}),
        r"(?:^|/)azure-(?:cns|cni|ipam)$",
        ("acn.azure.com",),
        "kubernetes.azure.com/cluster",
        enforces=None,
    ),
    Marks(
        CniName.OVN_KUBERNETES,
        53,
        frozenset({"ovnkube-node", "ovnkube"}),
        r"(?:^|/)ovn-kube(?:rnetes)?(?:-\w+)?$",
        ("k8s.ovn.org",),
    ),
    Marks(CniName.NSX_T, 54, frozenset({"nsx-node-agent"}), r"(?:^|/)nsx-ncp(?:-\w+)?$", ("nsx.vmware.com",)),
    Marks(
        CniName.CILIUM,
        55,
        frozenset({"cilium"}),
        r"(?:^|[/-])cilium[/-]cilium$",
        ("cilium.io",),
        "",
        "CiliumIsUp",
    ),
    Marks(
        CniName.ANTREA,
        56,
        frozenset({"antrea-agent"}),
        r"(?:^|/)antrea-(?:agent-)?(?:ubuntu|ubi)$",
        ("crd.antrea.io",),
    ),
    Marks(CniName.KUBE_ROUTER, 57, frozenset({"kube-router"}), r"(?:^|[/-])kube-router$"),
    Marks(
        CniName.CONTIV, 58, frozenset({"contiv-netplugin"}), r"(?:^|/)(?:contiv/netplugin|contiv-netplugin)$"
    ),
    Marks(CniName.KINDNET, 59, frozenset({"kindnet"}), r"(?:^|[/-])kindnetd$", enforces=None),
    Marks(
        CniName.MULTUS,
        90,
        frozenset({"kube-multus-ds", "kube-multus-ds-amd64", "multus"}),
        r"(?:^|/)multus(?:-cni)?$",
        ("k8s.cni.cncf.io",),
        enforces=False,
    ),
)


def _found(inventory: Inventory, marks: Marks) -> list[Object]:
    image = re.compile(marks.image)
    return [d for d in daemonsets(inventory) if name_of(d) in marks.names or runs(d, image)]


def _recognise(inventory: Inventory, marks: Marks) -> Cni | None:
    found = _found(inventory, marks)
    labelled = [n for n in inventory.of("Node") if marks.node and marks.node in labels_of(n)]
    if not found and not labelled:
        return None
    pods = rollout(found)
    agents = [agent for d in found if (agent := _agent(d, marks))]
    evidence = [title(d) for d in found] + [f"image {agent.get('image', '')}" for agent in agents]
    if labelled:
        evidence.append(f"{count(len(labelled), 'node')} with label {marks.node}")
    up = nodes_where(inventory, marks.condition) if marks.condition else 0
    if up:
        evidence.append(f"{count(up, 'node')} with condition {marks.condition}")
    firewall = marks.name is CniName.KUBE_ROUTER and bool(found) and _firewall_only(found)
    notes = [IDLE] if pods.idle else []
    if firewall:
        notes.append("--run-router=false: it enforces policies and another CNI carries the traffic")
    if marks.name is CniName.MULTUS:
        notes.append(
            "Multus calls another CNI for the pods' first interface; further interfaces are not moved"
        )
    return Cni(
        name=marks.name,
        version=image_of(agents[0]).version if agents else "",
        encapsulation=POLICY_ONLY if firewall else "",
        enforces_policy=marks.enforces,
        ready=pods.ready,
        desired=pods.desired,
        evidence=tuple(evidence),
        notes=tuple(notes),
    )


def _agent(daemonset: Object, marks: Marks) -> Mapping[str, Any]:
    """The container that is the CNI's by its image, else the first one; empty where there is none."""
    return runs(daemonset, re.compile(marks.image)) or next(iter(containers(daemonset)), {})


def _firewall_only(found: Sequence[Object]) -> bool:
    return all(any(flag(c, "run-router") == "false" for c in containers(d)) for d in found)


def _leftovers(inventory: Inventory, marks: Marks) -> tuple[str, ...]:
    crds = [
        crd
        for crd in inventory.of("CustomResourceDefinition", "apiextensions.k8s.io")
        if any(_in_group(str(dig(crd, "spec", "group", default="")), group) for group in marks.groups)
    ]
    if not crds:
        return ()
    return (
        f"{count(len(crds), 'CRD')} of {marks.name} ({name_of(crds[0])}), but no DaemonSet of it: leftovers",
    )


def _in_group(group: str, family: str) -> bool:
    return group == family or group.endswith(f".{family}")


def _source(marks: Marks) -> Source:
    def recognise(inventory: Inventory) -> Cni | None:
        return _recognise(inventory, marks)

    def residue(inventory: Inventory) -> frozenset[Ref]:
        return belongings(inventory, _found(inventory, marks))

    def leftovers(inventory: Inventory) -> tuple[str, ...]:
        return _leftovers(inventory, marks)

    return Source(marks.name, marks.order, recognise, residue, leftovers)


SOURCES: tuple[Source, ...] = tuple(_source(marks) for marks in MARKS)


def recognise(inventory: Inventory) -> Cni | None:
    """Recognise the first of the other CNIs; `detect` asks for each of them."""
    return next((cni for s in SOURCES if (cni := s.recognise(inventory)) is not None), None)


def residue(inventory: Inventory) -> frozenset[Ref]:
    """Name what belongs to the other CNIs that run."""
    return frozenset(ref for source in SOURCES for ref in source.residue(inventory))
