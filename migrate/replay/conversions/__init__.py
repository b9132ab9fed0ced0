"""Objects in versions that newer servers gave up, said in those that took their place.

Lives here: one module for each change of fields, as values in and values out. Never here: which version is wanted
(`replay.versions`), or a conversion of a custom resource: only its own webhook knows how.
"""

from __future__ import annotations

from collections.abc import Mapping

from migrate.model.objects import Object, Resource, group_of, kind_of
from migrate.replay.conversions import (
    autoscaling,
    definition,
    disruption,
    flow_control,
    ingress,
    renamed,
    webhooks,
)
from migrate.replay.conversions.conversion import Conversion

__all__ = ["CONVERSIONS", "Conversion", "of_object", "of_resource"]

CONVERSIONS: tuple[Conversion, ...] = (
    *renamed.CONVERSIONS,
    *ingress.CONVERSIONS,
    *disruption.CONVERSIONS,
    *flow_control.CONVERSIONS,
    *autoscaling.CONVERSIONS,
    *webhooks.CONVERSIONS,
    *definition.CONVERSIONS,
)

_KNOWN: Mapping[tuple[str, str, str], Conversion] = {(*c.kind, c.version): c for c in CONVERSIONS}


def of_resource(resource: Resource) -> Conversion | None:
    """The conversion of objects that are read by a resource in its version, where one is known."""
    return _KNOWN.get((resource.group, resource.kind, resource.version))


def of_object(obj: Object) -> Conversion | None:
    """The conversion of an object, where one is known."""
    return _KNOWN.get((group_of(obj), kind_of(obj), str(obj.get("apiVersion", "")).rpartition("/")[2]))
