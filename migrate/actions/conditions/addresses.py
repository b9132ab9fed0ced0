"""Addresses outside: given on green, freed on blue; whoever gives them, a cloud or an announcer, writes them into the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from migrate.actions.conditions.workloads import rollout
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig
from migrate.model.verdict import Verdict, inconclusive, passed
from migrate.replay import kinds
from migrate.replay.outsiders import outside_turn
from migrate.replay.turns import Turn

CLEANUP = "service.kubernetes.io/load-balancer-cleanup"
"""The finalizer that a cloud's controller takes away once its load balancer is gone; source: Kubernetes, Service."""

CLEANUPS = frozenset(
    {
        CLEANUP,
        "service.k8s.aws/resources",
        *(
            f"gke.networking.io/l4-{which}"
            for which in ("ilb-v1", "ilb-v2", "netlb-v1", "netlb-v2", "netlb-v3")
        ),
    }
)
"""With those of controllers beside it, which they take away last.

The status says nothing by then: the API server empties it with the update that makes the Service another type (Kubernetes
1.29, changelog). Sources: AWS Load Balancer Controller, controllers/service; ingress-gce, pkg/utils/common/finalizer.go.
"""

WAYS = (kinds.SERVICE, kinds.INGRESS, kinds.GATEWAY)
ANNOUNCERS = (kinds.DEPLOYMENT, kinds.DAEMON_SET, kinds.STATEFUL_SET)
SIGNS = frozenset({*WAYS, *ANNOUNCERS, ("", "Node")})

NO_CLOUD = frozenset({"", "kind", "kwok"})
"""Schemes of a node's providerID behind which nobody gives addresses."""

GRACE = timedelta(seconds=10)
"""So long an address may be on its way before it is asked who would give it."""

STALE = timedelta(seconds=60)
"""So long somebody who is there would have taken an address out of a status."""

GIVE = (
    "See who gives addresses on green and what it says: kubectl describe the object named here, and look at the pool, the "
    "quota or the controller of its class."
)
FREE = "See who gave the address on blue and what it says: kubectl describe the Service named here."


def addresses(obj: Object | None) -> tuple[str, ...]:
    """The addresses that a Service, an Ingress or a Gateway has by its status."""
    given = (*(dig(obj, "status", "loadBalancer", "ingress") or ()), *(dig(obj, "status", "addresses") or ()))
    found = (str(one.get("ip") or one.get("hostname") or one.get("value") or "") for one in given)
    return tuple(filter(None, found))


def given(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` has an address on green; where nobody there gives any, none is waited for, and that is told."""
    found = list(_read(doors, Side.GREEN, params))
    since = params.get("since")
    lacking = [ref for ref, obj in found if not addresses(obj)]
    if lacking and since is not None and doors.clock.now() - since > GRACE:
        green = read_inventory(doors.cluster(Side.GREEN), only=SIGNS, needed=False)
        if not gives_addresses(green):
            return [_given(ref, obj) for ref, obj in found if ref not in lacking] + [
                _alone(ref) for ref in lacking
            ]
    return [_given(ref, obj) for ref, obj in found]


def gives_addresses(green: Inventory) -> bool:
    """Whether somebody gives addresses outside: something has one already, an announcer runs, or there is a cloud."""
    return any(_signs(green))


def _signs(green: Inventory) -> Iterator[bool]:
    for group, kind in WAYS:
        yield from (bool(addresses(obj)) for obj in green.of(kind, group))
    for node in green.of("Node"):
        yield str(dig(node, "spec", "providerID") or "").partition(":")[0] not in NO_CLOUD
    for group, kind in ANNOUNCERS:
        yield from (_announces(obj) and rollout(obj)[0] > 0 for obj in green.of(kind, group))


def _announces(workload: Object) -> bool:
    return outside_turn(dig(workload, "spec", "template", default={})) == Turn.WAYS_IN


def _alone(ref: Ref) -> Verdict:
    said = f"{ref} has no address: nobody on green gives any, as far as can be seen"
    return passed(f"{ref} has an address", said)


def freed(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` has let go of its address on `side`; a status that nobody looks after does not count for long."""
    since = params.get("since")
    stale = since is not None and doors.clock.now() - since > STALE
    return [_freed(ref, obj, stale=stale) for ref, obj in _read(doors, Side(params["side"]), params)]


def _read(doors: Doors, side: Side, params: Mapping[str, Any]) -> Iterator[tuple[Ref, Object | None]]:
    refs = [Ref.of_json(ref) for ref in params["refs"]]
    only = {(ref.group, ref.kind) for ref in refs}
    spaces = sorted({ref.namespace for ref in refs})
    inventory: Inventory = read_inventory(doors.cluster(side), only=only, namespaces=spaces)
    return ((ref, inventory.find(ref)) for ref in refs)


def _given(ref: Ref, obj: Object | None) -> Verdict:
    check, found = f"{ref} has an address", addresses(obj)
    if found:
        return passed(check, f"{ref} has {', '.join(found)}")
    return inconclusive(check, f"{ref} has no address on green, but had one on blue", GIVE)


def _freed(ref: Ref, obj: Object | None, *, stale: bool) -> Verdict:
    check, found = f"{ref} is free", addresses(obj)
    if CLEANUPS.intersection(dig(obj, "metadata", "finalizers") or ()):
        return inconclusive(check, f"{ref}: its load balancer is still being taken away", FREE)
    if not found:
        return passed(check, f"{ref} has no address any more")
    if stale:
        return passed(check, f"{ref} still names {', '.join(found)} in its status, which nobody looks after")
    return inconclusive(check, f"{ref} still has {', '.join(found)}", FREE)
