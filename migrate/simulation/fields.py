"""Field ownership: managedFields, and the merge of server-side apply.

A set of fields is a tree in the wire's own words (`f:spec`, `k:{"name":"web"}`, `v:x`), a leaf being an empty dict.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from migrate.simulation.listkeys import DEFAULTS, SET, Node, keys_of
from migrate.simulation.shapes import copied, without

Fields = dict[str, Any]

_UNOWNED = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields",
            "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generateName")  # fmt: skip


def fields_of(obj: Mapping[str, Any], group: str, kind: str) -> Fields:
    """Every field that an object sets, without its type, its name and what only the server writes."""
    trimmed = without(obj, "apiVersion", "kind")
    if "metadata" in trimmed:
        trimmed["metadata"] = without(trimmed["metadata"] or {}, *_UNOWNED)
        if not trimmed["metadata"]:
            del trimmed["metadata"]
    return _fields(trimmed, keys_of(group, kind))


def _fields(value: Any, node: Node) -> Fields:
    if node.atomic:
        return {}
    if isinstance(value, dict):
        return {
            f"f:{key}": _fields(item, node.child(key)) if isinstance(item, dict | list) else {}
            for key, item in value.items()
        }
    if isinstance(value, list) and node.keys:
        item_node = node.child("*")
        return {item_key(item, node.keys): _item_fields(item, node, item_node) for item in value}
    return {}


def _item_fields(item: Any, node: Node, item_node: Node) -> Fields:
    """The fields of one item of a merged list; `.` stands for the item being there at all."""
    below = _fields(item, item_node)
    return below if node.keys == SET else {".": {}, **below}


def item_key(item: Any, keys: tuple[str, ...]) -> str:
    """The word for one item of a merged list: `v:` for a set's, `k:` with its keys otherwise."""
    if keys == SET or not isinstance(item, dict):
        return f"v:{_word(item)}"
    return f"k:{_word({key: item.get(key, DEFAULTS.get(key, '')) for key in keys})}"


def _word(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def union(one: Fields, other: Fields) -> Fields:
    """The fields in either set."""
    result = dict(one)
    for key, below in other.items():
        result[key] = union(result[key], below) if key in result else below
    return result


def difference(one: Fields, other: Fields) -> Fields:
    """The leaves of the first set that are not in the second; a leaf covers what the other has below it."""
    result: Fields = {}
    for key, below in one.items():
        if key not in other:
            result[key] = below
        elif below:
            rest = difference(below, other[key])
            if rest:
                result[key] = rest
    return result


def intersection(one: Fields, other: Fields) -> Fields:
    """The fields in both sets."""
    result: Fields = {}
    for key, below in one.items():
        if key in other:
            both = intersection(below, other[key])
            if (
                both or not below or not other[key]
            ):  # two branches without a common leaf have nothing in common
                result[key] = both
    return result


def changed(before: Any, after: Any, node: Node) -> Fields:
    """The fields whose value differs between two states, those that went included."""
    return {} if before == after else _changed(before, after, node)


def _changed(before: Any, after: Any, node: Node) -> Fields:
    if isinstance(before, dict) and isinstance(after, dict) and not node.atomic:
        return {
            f"f:{key}": _moved(before, after, key, node.child(key), _fields)
            for key in _differing(before, after)
        }
    if isinstance(before, list) and isinstance(after, list) and node.keys and not node.atomic:
        olds = {item_key(item, node.keys): item for item in before}
        news = {item_key(item, node.keys): item for item in after}
        below = node.child("*")
        return {
            word: _moved(olds, news, word, below, lambda item, under: _item_fields(item, node, under))
            for word in _differing(olds, news)
        }
    return {}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for word, value in before.items():
        # most of an object is the very same value after a write as before it
        if word not in after or (after[word] is not value and after[word] != value):
            yield word
    yield from (word for word in after if word not in before)


def _moved(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    word: str,
    node: Node,
    whole: Callable[[Any, Node], Fields],
) -> Fields:
    """What differs of one field or item: what stands below it in both states, all of it where it came or went."""
    if word in before and word in after:
        return _changed(before[word], after[word], node)
    return whole(before[word] if word in before else after[word], node)


def surviving(fields: Fields, value: Any, node: Node) -> Fields:
    """The fields of a set that a value still has."""
    if isinstance(value, dict):
        result: Fields = {}
        for word, below in fields.items():
            name = word.removeprefix("f:")
            if word == "." or name in value:
                left = surviving(below, value.get(name), node.child(name)) if below else below
                if (
                    left or not below
                ):  # a leaf instead of what was below it would own all that is to come there
                    result[word] = left
        return result
    if isinstance(value, list) and node.keys:
        items = {item_key(item, node.keys): item for item in value}
        child = node.child("*")
        return {
            word: surviving(below, items[word], child) if below else below
            for word, below in fields.items()
            if word in items
        }
    return fields


def paths(fields: Fields, prefix: str = "") -> Iterator[str]:
    """The leaves of a set as the server writes them in a conflict: `.spec.template.spec.containers[name="web"].image`."""
    for key, below in fields.items():
        if key == ".":
            yield prefix
            continue
        how, _, word = key.partition(":")
        if how == "f":
            here = f"{prefix}.{word}"
        elif how == "k":
            parts = ",".join(part.replace(":", "=", 1).replace('"', "", 2) for part in word[1:-1].split(","))
            here = f"{prefix}[{parts}]"
        else:
            here = f"{prefix}[={word}]"
        if below:
            yield from paths(below, here)
        else:
            yield here


def merged(live: Any, applied: Any, node: Node) -> Any:
    """The live value with an applied one merged in: maps by key, lists by their declared keys, the rest replaced."""
    if node.atomic:
        return copied(applied)
    if isinstance(live, dict) and isinstance(applied, dict):
        result = dict(live)
        for key, value in applied.items():
            result[key] = merged(live[key], value, node.child(key)) if key in live else copied(value)
        return result
    if isinstance(live, list) and isinstance(applied, list) and node.keys:
        news = {item_key(item, node.keys): item for item in applied}
        items = [
            merged(item, news.pop(word), node.child("*"))
            if (word := item_key(item, node.keys)) in news
            else item
            for item in live
        ]
        return [*items, *(copied(item) for item in news.values())]
    return copied(applied)


def pruned(value: Any, fields: Fields, node: Node) -> Any:
    """The value without the leaves of a set; a map or an item left empty by it goes, too."""
    if isinstance(value, dict):
        result = dict(value)
        for key, below in fields.items():
            name = key.removeprefix("f:")
            if name not in result:
                continue
            rest = pruned(result[name], below, node.child(name)) if below else None
            if rest is None or rest in ({}, []):
                del result[name]
            else:
                result[name] = rest
        return result
    if isinstance(value, list) and node.keys:
        kept = []
        for item in value:
            word = item_key(item, node.keys)
            if word not in fields:
                kept.append(item)
            elif fields[word] and "." not in fields[word]:
                kept.append(pruned(item, fields[word], node.child("*")))
        return kept
    return value


def entry(
    manager: str, operation: str, obj: Mapping[str, Any], fields: Fields, subresource: str
) -> dict[str, Any]:
    """One managedFields entry; the time is set by the caller."""
    made = {
        "manager": manager,
        "operation": operation,
        "apiVersion": obj["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if subresource:
        made["subresource"] = subresource
    return made


def noted(
    entries: list[dict[str, Any]], mine: dict[str, Any], moved: Fields, now: str, *, replace: bool
) -> list[dict[str, Any]]:
    """The entries after one manager's write: the moved fields leave the others, mine are added or replaced."""
    identity = (mine["manager"], mine["operation"], mine.get("subresource", ""))
    result: list[dict[str, Any]] = []
    found = False
    for old in entries:
        if (old.get("manager"), old.get("operation"), old.get("subresource", "")) == identity:
            found = True
            # what an update takes away is owned by nobody any more, its own manager included
            kept = {} if replace else difference(old.get("fieldsV1") or {}, moved)
            fields = union(kept, mine["fieldsV1"]) if kept and mine["fieldsV1"] else kept or mine["fieldsV1"]
            result.append({**mine, "fieldsV1": fields, "time": now})
            continue
        rest = difference(old.get("fieldsV1") or {}, moved) if moved else old.get("fieldsV1") or {}
        if rest:
            result.append({**old, "fieldsV1": rest})
    if not found and mine["fieldsV1"]:
        result.append({**mine, "time": now})
    return [item for item in result if item.get("fieldsV1")]
