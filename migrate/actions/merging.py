"""JSON merge patches (RFC 7396): what a patch would change, and the patch that takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def stands(obj: Any, patch: Any) -> bool:
    """Whether an object already is as a merge patch wants it; null wants the key to be absent."""
    if not isinstance(patch, Mapping):
        return bool(obj == patch)
    if not isinstance(obj, Mapping):
        return False
    return all(
        (key not in obj) if value is None else key in obj and stands(obj[key], value)
        for key, value in patch.items()
    )


def reverse(obj: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that puts back what `patch` changes on `obj`; a key that was absent is removed by null."""
    back: dict[str, Any] = {}
    for key, value in patch.items():
        if not isinstance(obj, Mapping) or key not in obj:
            back[key] = None
        elif isinstance(value, Mapping) and isinstance(obj[key], Mapping):
            back[key] = reverse(obj[key], value)
        else:
            back[key] = obj[key]
    return back
