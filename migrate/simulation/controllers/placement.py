"""Which nodes a pod may run on (pure).

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ and …/taint-and-toleration/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.objects import Object, dig, labels_of, name_of
from migrate.simulation.selectors import expression_matches


def fits_node(spec: Mapping[str, Any], node: Object) -> bool:
    """Whether a pod's nodeName, nodeSelector and required node affinity allow a node."""
    if spec.get("nodeName") and spec["nodeName"] != name_of(node):
        return False
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = dig(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term_matches(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term_matches(term: Mapping[str, Any], node: Object) -> bool:
    fields = {"metadata.name": name_of(node)}
    if not term.get("matchExpressions") and not term.get("matchFields"):
        return False
    return all(
        expression_matches(item, labels_of(node)) for item in term.get("matchExpressions") or ()
    ) and all(expression_matches(item, fields) for item in term.get("matchFields") or ())


def tolerated(spec: Mapping[str, Any], node: Object) -> bool:
    """Whether a pod tolerates every taint of a node that keeps pods off."""
    tolerations = spec.get("tolerations") or ()
    taints = dig(node, "spec", "taints", default=None) or ()
    return all(
        any(_tolerates(toleration, taint) for toleration in tolerations)
        for taint in taints
        if taint.get("effect") in {"NoSchedule", "NoExecute"}
    )


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint.get("key"):
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (
        taint.get("value") or ""
    )
