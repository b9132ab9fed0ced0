"""The garbage collector: what has owners, and none of them is there, goes; or before its owner, where so asked.

Source: Kubernetes, pkg/controller/garbagecollector/garbagecollector.go, attemptToDeleteItem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.doors.cluster import FOREGROUND
from migrate.errors import NotFound
from migrate.model.objects import Object, Resource, group_of, kind_of, metadata_of, ref_of
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
        solid = [owner for owner in owners if ctx.view.has_uid(owner.get("uid", ""))]
        if metadata.get("deletionTimestamp"):
            return
        try:
            if solid:
                # who still has an owner stays, without the names of those that went
                ctx.patch(what, obj, {"metadata": {"ownerReferences": solid}})
            else:
                ctx.delete(what, obj)
        except NotFound:
            return

    def _known(self, owner: Mapping[str, Any], ctx: Context) -> bool:
        """Whether the owner's kind is served: of one that is not, the real collector cannot tell that it is absent."""
        return (group_of(owner), kind_of(owner)) in _kinds(ctx)


class Foreground:
    """Lets an object that is deleted in the foreground go once what blocks it is gone; keys are `Kind.group/name`."""

    name = "foreground"
    watches = None  # anything may be deleted so, or owned by what is

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """What is to go after what it owns, and the owners of what went."""
        if not event.deleted:
            if f'"{FOREGROUND}"' not in event.text:
                return ()
            ref = ref_of(event.obj)
            return (Key(event.namespace, f"{ref.kind}.{ref.group}/{ref.name}"),)
        if not event.owned:
            return ()
        kinds = _kinds(ctx)
        return [
            Key(event.namespace if kinds[kind].namespaced else "", f"{kind[1]}.{kind[0]}/{owner['name']}")
            for owner in metadata_of(event.obj).get("ownerReferences") or ()
            if (kind := (group_of(owner), kind_of(owner))) in kinds
        ]

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Delete what blocks the owner, in the foreground as well; where nothing does, let the owner go."""
        word, _, name = key.name.partition("/")
        kind, _, group = word.partition(".")
        what = _kinds(ctx).get((group, kind))
        owner = ctx.view.get(what, name, key.namespace) if what is not None else None
        finalizers = metadata_of(owner or {}).get("finalizers") or ()
        if what is None or owner is None or FOREGROUND not in finalizers:
            return
        blocking = [found for found in ctx.view.owned(metadata_of(owner)["uid"]) if _blocks(found[1], owner)]
        for resource, obj in blocking:
            if not metadata_of(obj).get("deletionTimestamp"):
                try:
                    ctx.delete(resource, obj, foreground=bool(ctx.view.owned(metadata_of(obj)["uid"])))
                except NotFound:
                    continue
        if not blocking:
            rest = [item for item in finalizers if item != FOREGROUND]
            ctx.patch(what, owner, {"metadata": {"finalizers": rest or None}})


def _blocks(obj: Object, owner: Object) -> bool:
    uid = metadata_of(owner)["uid"]
    owners = metadata_of(obj).get("ownerReferences") or ()
    return any(o.get("uid") == uid and o.get("blockOwnerDeletion") for o in owners)


def _kinds(ctx: Context) -> Mapping[tuple[str, str], Resource]:
    kinds: Mapping[tuple[str, str], Resource] | None = ctx.scratch.get("kinds")
    if kinds is None:
        kinds = ctx.scratch["kinds"] = {(r.group, r.kind): r for r in ctx.cluster.resources()}
    return kinds
