"""What an earlier Calico has left behind, and addresses that two pods would share.

Deleting Calico's manifests leaves nodes with its annotations and with NetworkUnavailable=False/CalicoIsUp, and its
links, routes and rules; old pods go on, with their addresses. A Calico installed over them starts with an empty IPAM
and hands the same addresses out again, because which block a node gets follows from its name (seen on v3.32.1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_address

from migrate.calico.fields import network
from migrate.calico.ipam import Address, Attribute, block_of
from migrate.calico.pools import of_calico, spec_of
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, annotations_of, dig, metadata_of, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, passed

NODE_MARK = "projectcalico.org/"
_SHOWN = 5


def leftovers(inventory: Inventory) -> tuple[Verdict, ...]:
    """Whether nodes carry the marks of a Calico that is no longer there; nothing where Calico is installed."""
    if _installed(inventory):
        return ()
    check = "calico/leftovers"
    marked = sorted(name_of(node) for node in inventory.of("Node") if _is_marked(node))
    if not marked:
        return (passed(check, "no node carries marks of an earlier Calico"),)
    living = [_title(pod) for pod in inventory.of("Pod") if _address(pod) is not None]
    pods = f"; pods that still have addresses ({len(living)}): {_some(living)}" if living else ""
    return (
        failed(
            check,
            f"an earlier Calico has left its marks on {_some(marked)}{pods}",
            "make green's nodes anew, or reset them (kubeadm reset, remove Calico's files, reboot) with no pod left:"
            " a Calico installed over them gives addresses out twice",
        ),
    )


def addresses(inventory: Inventory) -> Verdict:
    """Whether every living pod's address is its own: known to IPAM under its name, and no other pod's."""
    check = "calico/addresses"
    pools = [
        n
        for n in (network(spec_of(pool).get("cidr")) for pool in of_calico(inventory, "IPPool"))
        if n is not None
    ]
    owners: dict[Address, list[str]] = defaultdict(list)
    for pod in inventory.of("Pod"):
        address = _address(pod)
        if address is not None and any(address in pool for pool in pools):
            owners[address].append(_title(pod))
    shared = [
        f"{address} of {' and '.join(names)}"
        for address, names in sorted_by_address(owners)
        if len(names) > 1
    ]
    known = _known(inventory)
    unknown, foreign = [], []
    for address, names in sorted_by_address(owners):
        holder = known.get(address)
        if holder is None:
            unknown.append(f"{address} of {names[0]}")
        elif len(names) == 1 and _holder_title(holder) not in {names[0], ""}:
            foreign.append(f"{address} of {names[0]}, given to {_holder_title(holder)}")
    wrong = [
        f"{len(found)} {what}: {_some(found)}"
        for what, found in (
            ("addresses that two pods have", shared),
            ("addresses that pods have and IPAM does not know", unknown),
            ("addresses that IPAM has given to another pod", foreign),
        )
        if found
    ]
    if wrong:
        remedy = (
            "delete those pods, the older ones first, so that they come back with addresses of this Calico"
        )
        return failed(check, "; ".join(wrong), remedy)
    if not owners:
        return passed(check, "no pod has an address of the pools yet, so that none can be given out twice")
    return passed(check, f"{len(owners)} addresses of pods are known to IPAM, each once")


def sorted_by_address(owners: dict[Address, list[str]]) -> list[tuple[Address, list[str]]]:
    """The owners in the order of their addresses, IPv4 first."""
    return sorted(owners.items(), key=lambda item: (item[0].version, int(item[0])))


def _installed(inventory: Inventory) -> bool:
    nodes = inventory.of("DaemonSet", "apps")
    return any(name_of(d) == "calico-node" for d in nodes) or bool(
        inventory.of("Installation", "operator.tigera.io")
    )


def _is_marked(node: Object) -> bool:
    by_annotation = any(key.startswith(NODE_MARK) for key in annotations_of(node))
    conditions = dig(node, "status", "conditions", default=None) or ()
    return by_annotation or any(c.get("reason") in {"CalicoIsUp", "CalicoIsDown"} for c in conditions)


def _known(inventory: Inventory) -> dict[Address, Attribute]:
    known: dict[Address, Attribute] = {}
    for obj in of_calico(inventory, "IPAMBlock"):
        try:
            block = block_of(obj)
        except ValueError:
            continue
        known |= {block.address(ordinal): holder for ordinal, holder in block.holders.items()}
    return known


def _holder_title(holder: Attribute) -> str:
    """The pod that IPAM names; empty where it names none (a tunnel is named by its type)."""
    if "pod" not in holder.secondary:
        return holder.secondary.get("type", "")
    return f"{holder.secondary.get('namespace', '')}/{holder.secondary['pod']}"


def _address(pod: Object) -> Address | None:
    """The address of a living pod; None for a finished one and for one in its node's network."""
    if dig(pod, "spec", "hostNetwork") or dig(pod, "status", "phase") in {"Succeeded", "Failed"}:
        return None
    if metadata_of(pod).get("deletionTimestamp"):
        return None
    text = dig(pod, "status", "podIP")
    if not text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def _title(pod: Object) -> str:
    return f"{namespace_of(pod)}/{name_of(pod)}"


def _some(items: Iterable[str]) -> str:
    listed = sorted(items)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
