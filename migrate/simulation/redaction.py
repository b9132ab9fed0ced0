"""Secrets as they may enter a world: everything but their values (pure)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.model.objects import Object, group_of, kind_of, name_of, namespace_of

_SHORTEST = 4
"""Shorter values are too common to be looked for in annotations."""

_FORMS = {".dockerconfigjson": '{"auths":{}}', ".dockercfg": "{}"}
"""Keys whose values the API server checks: they must stay what they are."""


def redacted(obj: Object) -> Object:
    """The object as it is; a Secret with every value replaced by words that name it, in the same keys.

    Annotations of a Secret that hold one of its values, as last-applied does, go with it. The stand-in depends on
    the Secret's name and key alone: it says nothing of the value, and is the same at every seeding.
    """
    if kind_of(obj) != "Secret" or group_of(obj):
        return obj
    result: dict[str, Any] = dict(obj)
    values = [*(obj.get("data") or {}).values(), *(obj.get("stringData") or {}).values()]
    where = f"{namespace_of(obj)}/{name_of(obj)}"
    if obj.get("data"):
        result["data"] = {key: _encoded(_FORMS.get(key, f"simulated {where} {key}")) for key in obj["data"]}
    if obj.get("stringData"):
        result["stringData"] = {key: f"simulated {where} {key}" for key in obj["stringData"]}
    metadata = dict(obj["metadata"])
    annotations = metadata.get("annotations")
    if annotations:
        metadata["annotations"] = _harmless(annotations, list(_spellings(values)))
    return {**result, "metadata": metadata}


def _harmless(annotations: Mapping[str, str], secrets: list[str]) -> dict[str, str]:
    return {
        key: value
        for key, value in annotations.items()
        if key != "kubectl.kubernetes.io/last-applied-configuration"
        and not any(word in value for word in secrets)
    }


def _spellings(values: Iterable[Any]) -> Iterable[str]:
    """Each value as it is and decoded."""
    for value in values:
        text = str(value)
        if len(text) >= _SHORTEST:
            yield text
        try:
            plain = base64.b64decode(text, validate=True).decode()
        except ValueError:
            continue
        if len(plain) >= _SHORTEST:
            yield plain


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
