"""Calico's stand-in from one look to the next: where only pods have changed, only those are looked at.

A look at everything reads every pod, node and handle. A week of CronJobs in a world of ten thousand pods would need
thousands of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from migrate.calico import created
from migrate.calico.addressing import Kept, follow
from migrate.calico.ipam import Block, Ledger, Range
from migrate.doors.cluster import Cluster
from migrate.model.objects import Object, metadata_of, name_of, namespace_of
from migrate.simulation.calico import Pass

Changed = Mapping[str, tuple[Object, bool]]
"""Pods that changed, by uid: each as it was last seen, and whether it is gone."""


class Following:
    """Plays Calico on one cluster and remembers what it saw; nobody else may write Calico's IPAM objects there.

    Call it with `changed` None after anything but pods has changed, and after any failure.
    """

    def __init__(self) -> None:
        self._kept: Kept | None = None

    def __call__(self, cluster: Cluster, *, now: Callable[[], datetime], changed: Changed | None) -> bool:
        """Bring the cluster one step on; True where something was written. Raises a DoorError."""
        kept, self._kept = self._kept, None  # what a failure leaves half done is looked at whole
        if changed is None or kept is None or kept.starved:
            look = Pass(cluster, cluster.resources(), now, give_addresses=True)
            wrote = look.run()
            self._kept = look.kept
            return wrote
        look = Pass(cluster, kept.resources, now, give_addresses=True)
        self._kept = _follow(look, kept, changed)
        return look.wrote


def _follow(look: Pass, kept: Kept, changed: Changed) -> Kept:
    """Take in the pods that changed, and write what follows."""
    before = dict(kept.ledger.blocks)
    gone = [pod for pod, deleted in changed.values() if deleted]
    read = [_now(look, pod) for pod, deleted in changed.values() if not deleted]
    pods = [pod for pod in read if pod is not None]
    settled = follow(kept.ledger, replace(kept.seen, pods=pods, at=look.now()), gone)
    after = settled.ledger.blocks
    blocks = {cidr for cidr in before.keys() | after.keys() if before.get(cidr) is not after.get(cidr)}
    _write_blocks(look, before, after, blocks)
    _write_handles(look, settled.ledger, _moved(before, after, blocks))
    look.mark_pods(settled)
    return replace(kept, starved=bool(settled.events))


def _now(look: Pass, pod: Object) -> Object | None:
    """A pod as it is now; None where it went, or another one has its name, of which there is word of its own."""
    found = look.get("Pod", "", name_of(pod), namespace_of(pod))
    same = found is not None and metadata_of(found).get("uid") == metadata_of(pod).get("uid")
    return found if same else None


def _write_blocks(
    look: Pass, before: Mapping[Range, Block], after: Mapping[Range, Block], changed: Iterable[Range]
) -> None:
    """Write the changed blocks, and the affinities of those that are new or gone."""
    for cidr in sorted(changed, key=str):
        name, block = created.cidr_name(cidr), after.get(cidr)
        look.settle_one("IPAMBlock", name, created.block_object(look.dialect, block) if block else None)
        node = (block or before[cidr]).node
        if node and (cidr not in before or block is None):
            affinity = created.affinity(look.dialect, node, cidr)
            look.settle_one("BlockAffinity", name_of(affinity), affinity if block else None)


def _write_handles(look: Pass, ledger: Ledger, handles: Iterable[str]) -> None:
    for handle in sorted(handles):
        made = created.handle_object(look.dialect, handle, ledger.counts(handle))
        look.settle_one("IPAMHandle", name_of(made), made if ledger.holds(handle) else None)


def _moved(before: Mapping[Range, Block], after: Mapping[Range, Block], changed: Iterable[Range]) -> set[str]:
    """The handles that hold another address than before, or none, or their first."""
    found: set[str] = set()
    for cidr in changed:
        old, new = (_holders(blocks.get(cidr)) for blocks in (before, after))
        found |= {handle for _, handle in old ^ new}
    return found


def _holders(block: Block | None) -> set[tuple[int, str]]:
    return {(o, holder.handle) for o, holder in block.holders.items()} if block is not None else set()
