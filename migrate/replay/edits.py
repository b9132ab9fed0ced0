"""Edits of JSON that leave the original alone: what is not touched is shared, not copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrate.model.objects import Object

OF_MANY_HANDS = frozenset({"annotations", "labels", "nodeSelector"})
"""Maps of words into which everybody writes keys of his own; no server serves them empty."""


def without(value: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The mapping without some keys."""
    return {key: item for key, item in value.items() if key not in keys}


def changed(obj: Object, path: tuple[str, ...], change: Callable[[Any], Any]) -> Object:
    """The object with `change` applied where the path leads; unchanged where the path leads nowhere."""
    key, rest = path[0], path[1:]
    if key not in obj:
        return obj
    value = obj[key]
    if rest:
        return {**obj, key: changed(value, rest, change)} if isinstance(value, Mapping) else obj
    return {**obj, key: change(value)}


def removed(obj: Object, *path: str) -> Object:
    """The object without the key at a path; an emptied parent stays, because an empty map can mean something."""
    *parents, key = path
    if not parents:
        return without(obj, key)
    return changed(
        obj, tuple(parents), lambda item: without(item, key) if isinstance(item, Mapping) else item
    )


def replaced(obj: Object, path: tuple[str, ...], value: Any) -> Object:
    """The object with a value set at a path; parents that are missing are made."""
    key, rest = path[0], path[1:]
    if not rest:
        return {**obj, key: value}
    child = obj.get(key)
    return {**obj, key: replaced(child if isinstance(child, Mapping) else {}, rest, value)}


def reduced(obj: Object, path: tuple[str, ...], rest: Any) -> Object:
    """The object with what we leave of the value at a path; without the key where nothing is left.

    For labels, annotations and lists that no server serves empty: what is sent empty would differ from what it serves.
    """
    return replaced(obj, path, rest) if rest else removed(obj, *path)


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): null removes a key, lists are replaced whole."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def put_back(target: Any, back: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the way back of a merge patch; a map of many hands that it empties goes, as on a server."""
    result = merged(target, back)
    for key, value in back.items():
        if isinstance(value, Mapping):
            result[key] = put_back(result[key], value)
            if key in OF_MANY_HANDS and not result[key]:
                del result[key]
    return dict(result)


def given_up(
    before: Mapping[str, Any], now: Mapping[str, Any], found: Any, prior: Mapping[str, Any]
) -> dict[str, Any]:
    """The merge patch that takes from `found` what a patch `before` said and one `now` says no more.

    What had a `prior` value gets it again, the rest goes; what is not as it was patched is somebody else's by now.
    """
    back: dict[str, Any] = {}
    for key, value in before.items():
        there = found.get(key) if isinstance(found, Mapping) else None
        was = prior.get(key)
        if isinstance(value, Mapping):
            inner = given_up(value, now.get(key) or {}, there or {}, was if isinstance(was, Mapping) else {})
            if inner:
                back[key] = inner
        elif key not in now and value is not None and there == value != was:
            back[key] = was
    return back


def composed(older: Any, newer: Any) -> Any:
    """One way back of two patches: what the older one found counts, nulls as well; the rest is the newer one's."""
    if not (isinstance(older, Mapping) and isinstance(newer, Mapping)):
        return older
    both = {key: composed(older[key], newer[key]) for key in older if key in newer}
    return {**newer, **older, **both}


def leaves(patch: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths that a merge patch changes."""
    for key, value in patch.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, where)
        else:
            yield where


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A value wrapped into mappings along a path."""
    for key in reversed(path):
        value = {key: value}
    result: dict[str, Any] = value
    return result
