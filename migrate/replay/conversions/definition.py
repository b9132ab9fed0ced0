"""CustomResourceDefinitions: what v1beta1 says once for all versions, v1 says with each.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#customresourcedefinition-v122. Fields that no
schema names are kept unless v1beta1 says otherwise; how v1 wants that said is the matter of `replay.definitions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.model.objects import Object
from migrate.replay import kinds
from migrate.replay.conversions.conversion import Conversion
from migrate.replay.edits import changed, without

_SHARED = {
    "validation": "schema",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
}
"""What v1beta1 says beside the versions, and what a version calls it."""

_WEBHOOK = {"webhookClientConfig": "clientConfig", "conversionReviewVersions": "conversionReviewVersions"}


def _definition(obj: Object) -> Object:
    return changed(obj, ("spec",), _spec)


def _spec(spec: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(spec or {})
    shared = {key: found[old] for old, key in _SHARED.items() if found.get(old) is not None}
    versions = found.get("versions") or [{"name": found.get("version", ""), "served": True, "storage": True}]
    kept = {"scope": "Namespaced", **without(found, "version", "preserveUnknownFields", *_SHARED)}
    if found.get("preserveUnknownFields") is not False:  # v1 has the other default, and does not serve it
        kept["preserveUnknownFields"] = True
    if kept.get("conversion"):
        kept["conversion"] = _conversion(kept["conversion"])
    return {**kept, "versions": [_version({**shared, **version}) for version in versions]}


def _version(version: dict[str, Any]) -> dict[str, Any]:
    columns = version.get("additionalPrinterColumns")
    return {**version, "additionalPrinterColumns": list(map(_column, columns))} if columns else version


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonPath" if key == "JSONPath" else key: value for key, value in column.items()}


def _conversion(conversion: Mapping[str, Any]) -> dict[str, Any]:
    webhook = {key: conversion[old] for old, key in _WEBHOOK.items() if conversion.get(old) is not None}
    kept = without(conversion, *_WEBHOOK)
    # a strategy of None may have review versions, which v1 takes only beside a webhook
    return {**kept, "webhook": webhook} if kept.get("strategy") == "Webhook" else kept


CONVERSIONS = (Conversion(kinds.DEFINITION, "v1beta1", "v1", _definition),)
