"""Claims whose data is handed over between a writer's off and its twin's on: which, what hinders it, who uses them.

A volume that is attached on both sides is destroyed. So what green takes over itself stands there, with its claim, only
once every pod of blue that uses the claim has gone, and nothing of blue's has the volume attached any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.decision import Decision
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, controller_of, dig, labels_of, metadata_of, name_of, ref_of
from migrate.replay import kinds
from migrate.replay.blue import Blue
from migrate.replay.brought import away, brought, for_one, of_a_node
from migrate.replay.decisions import Decisions
from migrate.replay.operator import operator_rule
from migrate.replay.pods import claims_of, of_template
from migrate.replay.replications import replication_of
from migrate.replay.storage import data_of

REATTACH = "reattach"
"""The volume itself moves; any other word leaves it on blue."""

COPY = "copy"
"""A mover copies the data into a volume of green's own."""

_HANDED_OVER = frozenset({REATTACH, COPY})


@dataclass(frozen=True, slots=True)
class Handover:
    """One claim, the file's word on it, blue's volume behind it, and the objects of the ledger that mount it."""

    claim: Ref
    how: str
    volume: Ref
    users: tuple[Ref, ...]

    def __str__(self) -> str:
        """The claim, what becomes of its data, and the volume."""
        return f"{self.claim}: {self.how} of {self.volume}"

    def as_json(self) -> dict[str, Any]:
        """The handover as JSON, for the journal."""
        return {
            "claim": self.claim.as_json(),
            "how": self.how,
            "volume": self.volume.as_json(),
            "users": [user.as_json() for user in self.users],
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Handover:
        """Read back what `as_json` wrote."""
        users = tuple(Ref.of_json(user) for user in value["users"])
        return cls(Ref.of_json(value["claim"]), value["how"], Ref.of_json(value["volume"]), users)


def handovers(blue: Inventory, decisions: Decisions, migration: Migration) -> tuple[Handover, ...]:
    """What is handed over, by the decisions on blue; sorted by claim."""
    found: dict[Ref, str] = {}
    for decision in decisions:
        data = data_of(migration, decision.ref) if decision.ref[:2] == kinds.CLAIM else None
        if data is not None and decision.target is not None and data.as_ in _HANDED_OVER:
            found[decision.ref] = data.as_
    using = _users(decisions, found)
    for parent, claim in _below(blue, decisions, found):
        using[claim].add(parent)
    return tuple(
        Handover(claim, how, _volume_of(blue.find(claim) or {}), tuple(sorted(using[claim])))
        for claim, how in sorted(found.items())
    )


def reattaches(migration: Migration, claim: Ref) -> bool:
    """Whether the file says that green takes over the volume of a claim."""
    data = data_of(migration, claim)
    return data is not None and data.as_ == REATTACH


def taken_over(obj: Object, inventory: Inventory, migration: Migration) -> bool:
    """Whether green is to take over a claim's volume itself; `obj` is the claim or the volume.

    A claim that stays behind, by a rule of the operator's or because it lives with its pod or with a replication of VolSync's,
    leaves its volume there.
    """
    ref = ref_of(obj) if ref_of(obj)[:2] == kinds.CLAIM else claim_of(obj)
    if ref is None or not reattaches(migration, ref):
        return False
    claim = inventory.find(ref)
    stays = claim is not None and (
        _left(migration, claim) or (controller_of(claim) or {}).get("kind") == "Pod" or replication_of(claim)
    )
    return not stays


def obstacle(obj: Object, inventory: Inventory, migration: Migration) -> str:
    """What keeps green from taking over a claim's volume; `obj` is the claim or the volume. Empty where nothing does."""
    claim, volume = _pair(obj, inventory)
    if claim is None or volume is None:
        return (
            "it is not bound to a PersistentVolume that was read" if volume is None else "its claim is gone"
        )
    if dig(claim, "spec", "volumeName") != name_of(volume) or claim_of(volume) != ref_of(claim):
        return f"PersistentVolume {name_of(volume)} is bound to another claim"
    if metadata_of(claim).get("deletionTimestamp"):
        return f"{ref_of(claim)} is being deleted"
    if metadata_of(volume).get("deletionTimestamp"):
        return f"PersistentVolume {name_of(volume)} is being deleted"
    if _left(migration, volume):
        return f"a rule of the file leaves PersistentVolume {name_of(volume)} on blue"
    if kind := of_a_node(volume):
        return f"PersistentVolume {name_of(volume)} is a directory of one of blue's nodes ({kind})"
    return away(volume, inventory)


def claim_of(volume: Object) -> Ref | None:
    """The claim that a volume is reserved for, or bound to."""
    claim = dig(volume, "spec", "claimRef")
    if not claim:
        return None
    return Ref(*kinds.CLAIM, str(claim.get("namespace", "")), str(claim.get("name", "")))


def volumes_to_keep(inventory: Inventory, migration: Migration) -> Iterator[Object]:
    """Blue's volumes that green will take over, or has as well: their data must outlive blue's claims.

    Needs blue's volumes, claims, nodes and namespaces only, so that it can be asked before there is a green.
    """
    blue = Blue(inventory, migration)
    for volume in inventory.of("PersistentVolume"):
        claim = claim_of(volume)
        moving = (
            claim is not None and blue.moved(claim.namespace) and taken_over(volume, inventory, migration)
        )
        hindered = obstacle(volume, inventory, migration) if moving else ""
        if not moving and brought(migration, volume):
            moving, hindered = True, away(volume, inventory) or for_one(volume, inventory)
        if moving and not hindered:
            yield volume


def mounted(ref: Ref, obj: Object) -> Iterator[Ref]:
    """The claims that a workload's pods name."""
    pod = kinds.pod_of((ref.group, ref.kind), obj)
    return (Ref(*kinds.CLAIM, ref.namespace, name) for name in claims_of(pod))


def made_for(ref: Ref, obj: Object, claim: Ref) -> bool:
    """Whether a claim is one that a StatefulSet makes from its templates: template, set, ordinal."""
    templates = dig(obj, "spec", "volumeClaimTemplates", default=()) or ()
    return ref.namespace == claim.namespace and any(of_template(claim.name, t, ref.name) for t in templates)


def _users(decisions: Decisions, claims: Collection[Ref]) -> dict[Ref, set[Ref]]:
    found: dict[Ref, set[Ref]] = defaultdict(set)
    for decision in (*decisions.held, *decisions.deferred) if claims else ():
        for claim in _uses(decision, claims):
            found[claim].add(decision.ref)
    return found


def _below(blue: Inventory, decisions: Decisions, claims: Collection[Ref]) -> Iterator[tuple[Ref, Ref]]:
    """Each custom resource with the claims that what it controls mounts: it is the one that the ledger knows."""
    for parent, offspring in decisions.offspring.items():
        for child in offspring.children:
            obj = blue.find(child.ref) or {}
            mounts = {*mounted(child.ref, obj)} & {*claims}
            made = {claim for claim in claims if made_for(child.ref, obj, claim)}
            yield from ((parent, claim) for claim in mounts | made)


def _uses(decision: Decision, claims: Collection[Ref]) -> Iterator[Ref]:
    target = decision.target or {}
    yield from mounted(decision.ref, target)
    if (decision.ref.group, decision.ref.kind) == kinds.STATEFUL_SET:
        yield from (claim for claim in claims if made_for(decision.ref, target, claim))


def _volume_of(claim: Object) -> Ref:
    return Ref(*kinds.PERSISTENT_VOLUME, "", str(dig(claim, "spec", "volumeName", default="")))


def _pair(obj: Object, inventory: Inventory) -> tuple[Object | None, Object | None]:
    ref = ref_of(obj)
    if (ref.group, ref.kind) == kinds.PERSISTENT_VOLUME:
        claim = claim_of(obj)
        return inventory.find(claim) if claim is not None else None, obj
    name = dig(obj, "spec", "volumeName")
    return obj, inventory.named("PersistentVolume", str(name)) if name else None


def _left(migration: Migration, obj: Object) -> bool:
    said = operator_rule(migration, ref_of(obj), labels_of(obj))
    return said is not None and said[1].skip
