"""CustomResourceDefinitions that must be served before anything of their kind is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import is_established, name_of
from migrate.model.verdict import Verdict, inconclusive, passed

GROUP = "apiextensions.k8s.io"


def established(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `names` is Established on `side`."""
    cluster = doors.cluster(Side(params["side"]))
    inventory = read_inventory(cluster, only=[(GROUP, "CustomResourceDefinition")])
    standing = {
        name_of(crd) for crd in inventory.of("CustomResourceDefinition", GROUP) if is_established(crd)
    }
    missing = sorted(set(params["names"]) - standing)
    check = f"{params['what']}"
    if missing:
        return [inconclusive(check, f"{len(missing)} not yet Established: {', '.join(missing[:3])}")]
    return [passed(check, f"{len(params['names'])} CustomResourceDefinitions Established")]
