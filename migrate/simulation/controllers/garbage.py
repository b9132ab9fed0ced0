"""The garbage collector: what has owners, and none of them is there, goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.errors import NotFound
from migrate.model.objects import Object, Resource, metadata_of
from migrate.simulation.controllers.context import Context
from migrate.simulation.controllers.view import Event, Key


class Garbage:
    """Looks at the objects whose owner went, and at new ones that name an owner; keys are the uids of owners.

    So an object that is created with the uid of an owner from another cluster is taken away again, as in a real one.
    """

    name = "garbage"
    watches = None  # anything may be an owner

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """The uid of what went, and the uids that a written object names."""
        del ctx
        if event.deleted:
            return (Key("", str(metadata_of(event.obj).get("uid", ""))),)
        if not event.owned:
            return ()
        return [
            Key("", owner.get("uid", "")) for owner in metadata_of(event.obj).get("ownerReferences") or ()
        ]

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Take away what the missing owner leaves behind."""
        if ctx.view.has_uid(key.name):
            return
        for what, obj in ctx.view.owned(key.name):
            self._collect(what, obj, ctx)

    def _collect(self, what: Resource, obj: Object, ctx: Context) -> None:
        metadata = metadata_of(obj)
        owners = metadata.get("ownerReferences") or ()
        if not all(self._known(owner, ctx) for owner in owners):
            return
        if metadata.get("deletionTimestamp") or any(
            ctx.view.has_uid(owner.get("uid", "")) for owner in owners
        ):
            return
        try:
            ctx.delete(what, obj)
        except NotFound:
            return

    def _known(self, owner: Mapping[str, Any], ctx: Context) -> bool:
        """Whether the owner's kind is served: of one that is not, the real collector cannot tell that it is absent."""
        kinds: set[tuple[str, str]] | None = ctx.scratch.get("kinds")
        if kinds is None:
            kinds = ctx.scratch["kinds"] = {(r.group, r.kind) for r in ctx.cluster.resources()}
        return (str(owner.get("apiVersion", "")).rpartition("/")[0], str(owner.get("kind"))) in kinds
