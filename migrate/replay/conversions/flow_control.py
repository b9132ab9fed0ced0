"""PriorityLevelConfigurations: the shares of a limited level got another name in v1beta3.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#flowcontrol-resources-v129.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.objects import Object
from migrate.replay.conversions.conversion import Conversion
from migrate.replay.edits import changed, without

_GROUP = "flowcontrol.apiserver.k8s.io"
_OLD, _NEW = "assuredConcurrencyShares", "nominalConcurrencyShares"


def _shares(level: Object) -> Object:
    return changed(level, ("spec", "limited"), _renamed)


def _renamed(limited: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**without(limited, _OLD), _NEW: limited[_OLD]} if limited and _OLD in limited else limited


CONVERSIONS = tuple(
    Conversion((_GROUP, "PriorityLevelConfiguration"), version, "v1", _shares)
    for version in ("v1beta1", "v1beta2")
)
