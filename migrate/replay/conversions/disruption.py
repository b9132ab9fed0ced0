"""PodDisruptionBudgets: an empty selector chose no pod in v1beta1, and chooses every pod of the namespace in v1.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#poddisruptionbudget-v125, and the selectors by
which API servers that serve both versions keep the meaning (pkg/apis/policy/helper.go of Kubernetes 1.24).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.objects import Object, dig
from migrate.replay.conversions.conversion import Conversion
from migrate.replay.edits import changed

_LABEL = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match"
"""A label that no pod has. By its absence v1beta1 chooses every pod; by its presence v1 chooses none."""

_NO_POD = {"matchExpressions": [{"key": _LABEL, "operator": "Exists"}]}


def _budget(obj: Object) -> Object:
    return changed(obj, ("spec", "selector"), _selector)


def _selector(selector: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if selector is None:
        return None
    if _empty(selector):
        return _NO_POD
    expressions = [e for e in selector.get("matchExpressions") or () if e.get("key") != _LABEL]
    others = {key: value for key, value in selector.items() if key != "matchExpressions"}
    return {**others, "matchExpressions": expressions} if expressions else others


def _note(obj: Object) -> str:
    selector = dig(obj, "spec", "selector")
    if selector is None or not _empty(selector):
        return ""
    return "its empty selector chose no pod, and is written so that it chooses none"


def _empty(selector: Mapping[str, Any]) -> bool:
    return not any(selector.values())


CONVERSIONS = (Conversion(("policy", "PodDisruptionBudget"), "v1beta1", "v1", _budget, _note),)
