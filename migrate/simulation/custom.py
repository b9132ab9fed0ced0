"""Custom resources against their CRD's schema: unknown fields dropped, defaults filled in, values checked.

A structural subset of OpenAPI v3: types, required, enum, pattern, bounds and lengths; no CEL rules.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.model.objects import dig
from migrate.simulation.shapes import copied

Json = dict[str, Any]

_KEPT = {"apiVersion", "kind", "metadata"}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def conformed(crd: Mapping[str, Any], version: str, body: Json) -> tuple[list[str], list[str]]:
    """Prune and default an object in place by its version's schema; the problems left, and the paths of what went."""
    dropped: list[str] = []
    for item in dig(crd, "spec", "versions", default=()):
        if item.get("name") == version:
            schema = dig(item, "schema", "openAPIV3Schema")
            if schema:
                _shape(body, schema, "", dropped)
                return list(_problems(body, schema, "")), dropped
    return [], dropped


def _shape(value: Any, schema: Mapping[str, Any], where: str, dropped: list[str]) -> None:
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, Mapping):
            for position, item in enumerate(value):
                _shape(item, items, f"{where}[{position}]", dropped)
        return
    if not isinstance(value, dict):
        return
    properties = schema.get("properties")
    extra = schema.get("additionalProperties")
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource")
    for key in list(value):
        if not where and key in _KEPT:
            continue
        here = f"{where}.{key}".lstrip(".")
        if properties is not None and key in properties:
            _shape(value[key], properties[key], here, dropped)
        elif isinstance(extra, Mapping):
            _shape(value[key], extra, here, dropped)
        elif not free and extra is None and not schema.get("x-kubernetes-int-or-string"):
            del value[key]
            dropped.append(here)
    for key, sub in (properties or {}).items():
        if key not in value and "default" in sub and not (not where and key in _KEPT):
            value[key] = copied(sub["default"])
            _shape(value[key], sub, f"{where}.{key}".lstrip("."), dropped)


def _problems(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if value is None and schema.get("nullable"):
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str):
            yield f"{where}: Invalid value: must be of type integer or string"
        return
    wanted = schema.get("type")
    if wanted in _TYPES:
        right = isinstance(value, _TYPES[wanted]) and not (
            wanted in {"integer", "number"} and isinstance(value, bool)
        )
        if wanted == "integer" and isinstance(value, float) and value.is_integer():
            right = True
        if not right:
            yield f'{where or "<nil>"}: Invalid value: "{_name_of_type(value)}": {where} in body must be of type {wanted}: "{_name_of_type(value)}"'
            return
    yield from _bounds(value, schema, where)
    if isinstance(value, dict):
        yield from _members(value, schema, where)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _problems(item, schema["items"], f"{where}[{index}]")


def _members(value: Json, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    for key in schema.get("required") or ():
        if key not in value:
            yield f"{where}.{key}: Required value".lstrip(".")
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for key, item in value.items():
        if not where and key in _KEPT:
            continue
        below = properties.get(key) or (extra if isinstance(extra, Mapping) else None)
        if below:
            yield from _problems(item, below, f"{where}.{key}".lstrip("."))


def _bounds(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        told = ", ".join(f'"{item}"' for item in schema["enum"])
        yield f'{where}: Unsupported value: "{value}": supported values: {told}'
    if isinstance(value, str):
        if "pattern" in schema and not _fits(schema["pattern"], value):
            yield f"{where}: Invalid value: \"{value}\": {where} in body should match '{schema['pattern']}'"
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{where}: Too long: may not be more than {schema['maxLength']} bytes"
        if len(value) < schema.get("minLength", 0):
            yield f'{where}: Invalid value: "{value}": should be at least {schema["minLength"]} chars long'
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"{where}: Invalid value: {value}: should be greater than or equal to {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{where}: Invalid value: {value}: should be less than or equal to {schema['maximum']}"
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            yield f"{where}: Too many: {len(value)}: must have at most {schema['maxItems']} items"
        if len(value) < schema.get("minItems", 0):
            yield f"{where}: Invalid value: {len(value)}: should have at least {schema['minItems']} items"


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # RE2 knows forms that Python does not; what cannot be judged is let through
        return True


def _name_of_type(value: Any) -> str:
    if value is None:
        return "null"
    for name, types in (
        ("boolean", bool),
        ("integer", int),
        ("number", float),
        ("string", str),
        ("array", list),
    ):
        if isinstance(value, types):
            return name
    return "object"
