"""HorizontalPodAutoscalers of v2beta1: a metric names itself and its target in mappings of their own.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#horizontalpodautoscaler-v125, and the
conversions of Kubernetes 1.24 (pkg/apis/autoscaling/v2beta1), which API servers that serve both versions go by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migrate.model.objects import Object, annotations_of
from migrate.replay import kinds
from migrate.replay.conversions.conversion import Conversion
from migrate.replay.edits import changed

_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
"""Where a server that knows behavior keeps it in versions without a field for it."""

_Source = Mapping[str, Any]


def _scaler(obj: Object) -> Object:
    return changed(obj, ("spec", "metrics"), lambda metrics: [_metric(m) for m in metrics or ()])


def _metric(metric: _Source) -> dict[str, Any]:
    return {key: _SOURCES[key](value) if key in _SOURCES else value for key, value in metric.items()}


def _resource(source: _Source) -> dict[str, Any]:
    """Of a resource the name stays where it is."""
    kept = {key: source[key] for key in ("name", "container") if key in source}
    target = _target(
        source,
        ("Utilization", "averageUtilization", "targetAverageUtilization"),
        ("AverageValue", "averageValue", "targetAverageValue"),
    )
    return {**kept, "target": target}


def _pods(source: _Source) -> dict[str, Any]:
    target = _target(source, ("AverageValue", "averageValue", "targetAverageValue"))
    return {"metric": _identifier(source, "selector"), "target": target}


def _object(source: _Source) -> dict[str, Any]:
    target = _target(
        source, ("AverageValue", "averageValue", "averageValue"), ("Value", "value", "targetValue")
    )
    return {
        "describedObject": source.get("target"),
        "metric": _identifier(source, "selector"),
        "target": target,
    }


def _external(source: _Source) -> dict[str, Any]:
    target = _target(
        source, ("Value", "value", "targetValue"), ("AverageValue", "averageValue", "targetAverageValue")
    )
    return {"metric": _identifier(source, "metricSelector"), "target": target}


def _identifier(source: _Source, selector: str) -> dict[str, Any]:
    chosen = {"selector": source[selector]} if source.get(selector) is not None else {}
    return {"name": source.get("metricName", ""), **chosen}


def _target(source: _Source, *ways: Sequence[str]) -> dict[str, Any]:
    """The target by the first of its ways (type, key, older key) that the source says."""
    for type_, key, older in ways:
        if source.get(older) is not None:
            return {"type": type_, key: source[older]}
    return {"type": ways[-1][0]}


_SOURCES: Mapping[str, Callable[[_Source], dict[str, Any]]] = {
    "resource": _resource,
    "containerResource": _resource,
    "pods": _pods,
    "object": _object,
    "external": _external,
}


def _note(obj: Object) -> str:
    lost = _BEHAVIOR in annotations_of(obj)
    return "its behavior is in an annotation that v2 does not read; say it there again" if lost else ""


CONVERSIONS = (Conversion(kinds.AUTOSCALER, "v2beta1", "v2", _scaler, _note),)
