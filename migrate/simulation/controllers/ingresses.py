"""Ingresses get the address at which their controller listens, as ingress controllers publish it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from migrate.model.backends import class_of
from migrate.model.marks import PARKED_CLASS
from migrate.model.objects import dig
from migrate.simulation.controllers.context import Context, watching
from migrate.simulation.controllers.view import Event, Key, Kinds

LATER = timedelta(seconds=60)


class Ingresses:
    """One controller that serves every class but the one that nobody serves; it listens on a node's address."""

    name = "ingresses"
    watches = watching(Kinds.ingresses)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Ingresses."""
        del ctx
        return () if event.deleted else (event.key,)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Publish the address; one that was given stays, as a controller leaves what it does not serve."""
        ingress = ctx.view.get(Kinds.ingresses, key.name, key.namespace)
        if ingress is None or class_of(ingress) == PARKED_CLASS:
            return
        if dig(ingress, "status", "loadBalancer", "ingress"):
            return
        nodes = (node for node in ctx.view.list(Kinds.nodes))
        told = (a for node in nodes for a in dig(node, "status", "addresses") or ())
        address = next((a["address"] for a in told if a.get("type") == "InternalIP"), None)
        if address is None:
            ctx.view.later(self.name, key, ctx.now + LATER)
            return
        ctx.status(Kinds.ingresses, ingress, {"loadBalancer": {"ingress": [{"ip": address}]}})
