"""JSON merge patches (RFC 7396): what a patch would change, and the patch that takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.replay.edits import OF_MANY_HANDS


def stands(obj: Any, patch: Any) -> bool:
    """Whether an object already is as a merge patch wants it; null wants the key to be absent.

    A missing mapping is like an empty one: the API server leaves out a map whose last key went.
    """
    if not isinstance(patch, Mapping):
        return bool(obj == patch)
    if not isinstance(obj, Mapping):
        return False
    return all(_key_stands(obj, key, value) for key, value in patch.items())


def _key_stands(obj: Mapping[str, Any], key: str, value: Any) -> bool:
    if value is None:
        return key not in obj
    if key not in obj:
        return isinstance(value, Mapping) and bool(value) and stands({}, value)
    return stands(obj[key], value)


def reverse(obj: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that puts back what `patch` changes on `obj`; a key that was absent is removed by null.

    A map of many hands goes key by key even where there was none: what others have put in since is theirs.
    """
    back: dict[str, Any] = {}
    for key, value in patch.items():
        if not isinstance(obj, Mapping) or key not in obj:
            shared = key in OF_MANY_HANDS and isinstance(value, Mapping)
            back[key] = reverse({}, value) if shared else None
        elif isinstance(value, Mapping) and isinstance(obj[key], Mapping):
            back[key] = reverse(obj[key], value)
        else:
            back[key] = obj[key]
    return back
