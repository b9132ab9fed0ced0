"""CustomResourceDefinitions that must be served before anything of their kind is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import Object, dig, is_established, name_of
from migrate.model.verdict import Verdict, inconclusive, passed

GROUP = "apiextensions.k8s.io"


def established(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `names` is Established on `side`, and discovery shows its kind: the condition comes a moment earlier."""
    cluster = doors.cluster(Side(params["side"]))
    inventory = read_inventory(cluster, only=[(GROUP, "CustomResourceDefinition")])
    standing = {
        name_of(crd): crd for crd in inventory.of("CustomResourceDefinition", GROUP) if is_established(crd)
    }
    check = f"{params['what']}"
    missing = sorted(set(params["names"]) - set(standing))
    if missing:
        return [inconclusive(check, f"{len(missing)} not yet Established: {', '.join(missing[:3])}")]
    discovered = {
        resource.name for resource in cluster.resources()
    }  # by plural and group, as definitions are named
    hidden = sorted(name for name in params["names"] if _served(standing[name]) and name not in discovered)
    if hidden:
        return [inconclusive(check, f"{len(hidden)} not yet in discovery: {', '.join(hidden[:3])}")]
    return [passed(check, f"{len(params['names'])} CustomResourceDefinitions Established and discovered")]


def _served(definition: Object) -> bool:
    return any(version.get("served") for version in dig(definition, "spec", "versions") or ())
