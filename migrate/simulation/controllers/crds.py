"""CustomResourceDefinitions turn Established."""

from __future__ import annotations

from collections.abc import Iterable

from migrate.simulation.controllers.context import Context, conditions_with, watching
from migrate.simulation.controllers.view import Event, Key, Kinds


class Definitions:
    """Accepts every name; two CRDs never claim the same one, as the name is made of it."""

    name = "crds"
    watches = watching(Kinds.crds)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """CRDs."""
        del ctx
        return () if event.deleted else (event.key,)

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Tell the status by which clients know that the resource is served."""
        crd = ctx.view.get(Kinds.crds, key.name)
        if crd is None or crd["metadata"].get("deletionTimestamp"):
            return
        versions = crd["spec"]["versions"]
        stored = (crd.get("status") or {}).get("storedVersions") or [
            v["name"] for v in versions if v.get("storage")
        ]
        told = conditions_with(
            crd,
            ctx.stamp,
            ("NamesAccepted", True, "NoConflicts", "no conflicts found"),
            ("Established", True, "InitialNamesAccepted", "the initial names have been accepted"),
        )
        ctx.status(Kinds.crds, crd, {"acceptedNames": crd["spec"]["names"], "conditions": told, "storedVersions": stored})  # fmt: skip
