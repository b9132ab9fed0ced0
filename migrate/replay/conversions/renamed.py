"""Kinds whose newer version has the same fields with the same meaning.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/, which names no change for them, or (flow
control's v1beta3) one that is about unset fields only, and an object that a server gives has them set.
"""

from __future__ import annotations

from migrate.replay import kinds
from migrate.replay.conversions.conversion import Conversion

_FLOW = "flowcontrol.apiserver.k8s.io"

CONVERSIONS = (
    Conversion(kinds.CRON_JOB, "v1beta1", "v1"),
    Conversion(kinds.AUTOSCALER, "v2beta2", "v2"),
    Conversion(("networking.k8s.io", "IngressClass"), "v1beta1", "v1"),
    Conversion(("node.k8s.io", "RuntimeClass"), "v1beta1", "v1"),
    *(Conversion((_FLOW, "FlowSchema"), version, "v1") for version in ("v1beta1", "v1beta2", "v1beta3")),
    Conversion((_FLOW, "PriorityLevelConfiguration"), "v1beta3", "v1"),
)
