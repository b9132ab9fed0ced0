"""Ingresses: a backend names its Service in a mapping of its own, and every path says how it is compared.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#ingress-v122, and the defaults and conversions
of Kubernetes 1.21 (pkg/apis/networking/v1beta1), which an API server that serves both versions goes by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.objects import Object
from migrate.replay import kinds
from migrate.replay.conversions.conversion import Conversion
from migrate.replay.edits import changed, without


def _ingress(obj: Object) -> Object:
    return changed(obj, ("spec",), _spec)


def _spec(spec: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(spec or {})
    if "backend" in found:
        found["defaultBackend"] = _backend(found.pop("backend"))
    if found.get("rules"):
        found["rules"] = [changed(rule, ("http", "paths"), _paths) for rule in found["rules"]]
    return found


def _paths(paths: list[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    # where v1beta1 says nothing, the ingress controller decides; v1 wants that said
    return [
        {"pathType": "ImplementationSpecific", **path, "backend": _backend(path.get("backend"))}
        for path in paths or ()
    ]


def _backend(backend: Mapping[str, Any] | None) -> dict[str, Any]:
    found = without(backend or {}, "serviceName", "servicePort")
    name, port = (backend or {}).get("serviceName", ""), (backend or {}).get("servicePort", 0)
    if name or port:
        found["service"] = {"name": name, "port": {"name" if isinstance(port, str) else "number": port}}
    return found


CONVERSIONS = (Conversion(kinds.INGRESS, "v1beta1", "v1", _ingress),)
