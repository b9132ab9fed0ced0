"""The status of custom resources, which goes along only where the operator's own rule says so.

Status is what a controller has observed, and green's observes anew. Some keep in it what they cannot find again: the
identity of what they made outside the cluster, a position, a password's version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from migrate.model.decision import Decision
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.objects import Object, dig, metadata_of
from migrate.replay.blue import Blue
from migrate.replay.decisions import WRITTEN

FIRST = 1
"""The generation of an object that was just created: API conventions, metadata.generation."""


def with_status(decision: Decision, obj: Object, blue: Blue) -> Decision:
    """The decision with blue's status to be written behind the object, or with why that cannot be."""
    why = _obstacle(decision, obj, blue)
    if not why:
        note, status = "its status is written as well", carried(obj)
    else:
        note, status = f"its status is not carried over: {why}", None
    return replace(decision, status=status, evidence="; ".join(filter(None, (decision.evidence, note))))


def carried(obj: Object) -> Object:
    """Blue's status in green's terms: what was observed of the generation that moves was observed of green's first.

    An older observation is left out: its number could be one that green's object has later.
    """
    generation = metadata_of(obj).get("generation")
    status: Object = _observed(obj["status"], generation)
    if isinstance(status.get("conditions"), list):
        conditions = [_observed(c, generation) if isinstance(c, dict) else c for c in status["conditions"]]
        return {**status, "conditions": conditions}
    return status


def _observed(value: Mapping[str, Any], generation: Any) -> dict[str, Any]:
    kept = {key: item for key, item in value.items() if key != "observedGeneration"}
    current = "observedGeneration" in value and value["observedGeneration"] == generation
    return {**kept, "observedGeneration": FIRST} if current else kept


def _obstacle(decision: Decision, obj: Object, blue: Blue) -> str:
    ref = decision.ref
    if decision.target is None or decision.form not in WRITTEN:
        return f"the object is {decision.form}"
    if not isinstance(obj.get("status"), dict) or not obj["status"]:
        return "it has none"
    if ref.group in BUILT_IN_GROUPS:
        return "green's own controllers write that of a built-in kind"
    version = str(decision.target.get("apiVersion", "")).rpartition("/")[2]
    definition = blue.definitions.get((ref.group, ref.kind))
    if definition is None:
        return "its definition was not found on blue"
    versions = dig(definition, "spec", "versions", default=()) or ()
    apart = any(v.get("name") == version and dig(v, "subresources", "status") is not None for v in versions)
    return "" if apart else f"its definition has no status apart in {version}"
