"""An object of blue beside what green will get: a unified diff of YAML in which no Secret's value stands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from difflib import unified_diff
from typing import Any

import yaml

from migrate.model.objects import Object, annotations_of, group_of, kind_of

MASK = "(masked)"
"""What stands for a Secret's value; it says nothing of it, not even its length."""

_SHORTEST = 4
"""Shorter values are too common to be looked for in annotations."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOISE = ("status",)
_BOOKKEEPING = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink")


def contrast(blue: Object, target: Object | None, *, label: str) -> Iterator[str]:
    """The lines of a unified diff from blue's object to green's; empty where nothing differs.

    `status` and what the API server keeps for itself are left out on both sides. Without a target everything goes.
    """
    secrets = _values(blue)
    left = _lines(_bare(blue), secrets)
    right = _lines(_bare(target), secrets) if target is not None else []
    found = unified_diff(left, right, f"blue {label}", f"green {label}", lineterm="", n=3)
    return (line.rstrip("\n") for line in found)


def masked(obj: Object, secrets: Iterable[str] = ()) -> Object:
    """An object without a Secret's values; annotations that repeat one, as kubectl's last-applied does, go with them."""
    if kind_of(obj) != "Secret" or group_of(obj):
        return obj
    known = {*secrets, *_values(obj)}
    result: dict[str, Any] = dict(obj)
    for part in ("data", "stringData"):
        if isinstance(obj.get(part), Mapping):
            result[part] = dict.fromkeys(obj[part], MASK)
    notes = annotations_of(obj)
    if notes:
        kept = {key: MASK if _tells(key, note, known) else note for key, note in notes.items()}
        result["metadata"] = {**obj["metadata"], "annotations": kept}
    return result


def _tells(key: str, note: str, known: set[str]) -> bool:
    return key == _LAST_APPLIED or any(value in note for value in known)


def _values(obj: Object) -> set[str]:
    """Every value of a Secret, as it is written and decoded."""
    if kind_of(obj) != "Secret" or group_of(obj):
        return set()
    written = [str(v) for part in ("data", "stringData") for v in (obj.get(part) or {}).values()]
    return {text for value in written for text in (value, _decoded(value)) if len(text) >= _SHORTEST}


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _bare(obj: Object) -> Object:
    metadata = {k: v for k, v in (obj.get("metadata") or {}).items() if k not in _BOOKKEEPING}
    kept = {k: v for k, v in obj.items() if k not in _NOISE}
    return {**kept, "metadata": metadata}


def _lines(obj: Object, secrets: set[str]) -> list[str]:
    plain = yaml.dump(masked(obj, secrets), Dumper=_Plain, sort_keys=True, allow_unicode=True, width=10**6)
    return plain.splitlines(keepends=True)


class _Plain(yaml.SafeDumper):
    """Writes what is shared twice out twice: an anchor would be a difference where there is none."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an anchor."""
        _ = data
        return True
