"""HorizontalPodAutoscalers that must scale: their target found, their metrics read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, dig
from migrate.model.verdict import Verdict, inconclusive, passed

AT_REST = "ScalingDisabled"
"""Why an autoscaler whose target has 0 replicas is not active; source: Kubernetes, horizontal pod autoscaling."""

MEND = (
    "See why on green: kubectl describe the autoscaler named here; is a metrics API served there as on blue?"
)


def scaling(autoscaler: Object | None) -> tuple[str, str, str]:
    """State, reason and message of what it says of its own activity; empty where it says nothing."""
    told = {c.get("type"): c for c in dig(autoscaler, "status", "conditions") or ()}
    able = told.get("AbleToScale", {})
    found = able if able.get("status") == "False" else told.get("ScalingActive", {})
    return str(found.get("status", "")), str(found.get("reason", "")), str(found.get("message", ""))


def active(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` finds its target on green and reads its metrics."""
    refs = [Ref.of_json(ref) for ref in params["refs"]]
    only = {(ref.group, ref.kind) for ref in refs}
    inventory = read_inventory(
        doors.cluster(Side.GREEN), only=only, namespaces=sorted({r.namespace for r in refs})
    )
    return [_active(ref, inventory.find(ref)) for ref in refs]


def _active(ref: Ref, obj: Object | None) -> Verdict:
    check = f"{ref} scales"
    state, reason, message = scaling(obj)
    if state == "True":
        return passed(check, f"{ref} is active")
    said = f"{reason}: {message}" if reason else "its controller has said nothing yet"
    return inconclusive(check, f"{ref} does not scale on green: {said}", MEND)
