"""Claims that are being deleted while something still uses them: who ends the last user ends the claim.

The API server keeps such a claim Bound until no pod uses it, and a deletion cannot be taken back. A volume whose policy
is Delete goes with it, and what wakes on blue again finds no claim, or a new and empty one.
Source: Kubernetes, Persistent Volumes, Storage Object in Use Protection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, controller_of, dig, labels_of, metadata_of, ref_of
from migrate.replay.handover import made_for, mounted
from migrate.replay.kinds import CLAIM
from migrate.replay.operator import operator_rule, plain
from migrate.replay.storage import data_word

WAY_OUT = (
    "See that the data outlives the claim first: set its volume's persistentVolumeReclaimPolicy to Retain, end its users "
    "on blue, take spec.claimRef off the volume once the claim is gone, and make the claim anew with spec.volumeName; or "
    "say that nobody needs the data: as: empty under workloads.volumes"
)


def doomed(claim: Object, migration: Migration) -> str | None:
    """Why a claim's data would go with the claim's last user; None where it would not, or nobody needs it.

    That is the file's word `empty`, or a rule that leaves the claim behind by its very name. One that lives and dies
    with its pod is as its pod is.
    """
    since, volume = metadata_of(claim).get("deletionTimestamp"), dig(claim, "spec", "volumeName")
    if not (since and volume) or (controller_of(claim) or {}).get("kind") == "Pod":
        return None
    ref = ref_of(claim)
    said = operator_rule(migration, ref, labels_of(claim))
    given_up = said is not None and said[1].skip and plain(said[1])
    if given_up or data_word(migration, ref) == "empty":
        return None
    return f"deleted on blue at {since}, and kept by those who use it alone, with PersistentVolume {volume}"


def at_stake(users: Collection[Ref], blue: Inventory, migration: Migration) -> Iterator[tuple[Ref, Ref, str]]:
    """Who of `users` has a claim that would go with it: the user, the claim and why; needs blue's claims and users."""
    claims = {ref_of(c): why for c in blue.of(CLAIM[1]) if (why := doomed(c, migration)) is not None}
    for user in sorted(users) if claims else ():
        obj = blue.find(user) or {}
        named = set(mounted(user, obj))
        yield from (
            (user, claim, why)
            for claim, why in sorted(claims.items())
            if claim in named or made_for(user, obj, claim)
        )
