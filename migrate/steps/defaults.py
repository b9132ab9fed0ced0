"""Read of green what blue's RBAC defaults are held against."""

from __future__ import annotations

from migrate.doors.cluster import Cluster
from migrate.doors.reading import read_inventory
from migrate.model.inventory import Inventory
from migrate.replay import bootstrap_rbac


def rbac_defaults(green: Cluster, blue: Inventory) -> Inventory:
    """Green's own objects by the names of blue's defaults; what may not be listed is left out, and not compared."""
    kinds, spaces = bootstrap_rbac.KINDS, bootstrap_rbac.NAMESPACES
    return bootstrap_rbac.alike(blue, read_inventory(green, only=kinds, needed=False, namespaces=spaces))
