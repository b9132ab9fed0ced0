"""Who owns which field of an object: what a manager's write makes of managedFields, and when an apply conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.doors.cluster import Write
from migrate.errors import Conflict
from migrate.model.objects import group_of, kind_of
from migrate.simulation.fields import (
    Fields,
    changed,
    difference,
    entry,
    fields_of,
    intersection,
    merged,
    noted,
    paths,
    pruned,
    surviving,
    union,
)
from migrate.simulation.listkeys import Node, keys_of
from migrate.simulation.shapes import without

Json = dict[str, Any]

Applied = tuple[Fields, Fields]
"""Of a server-side apply: the fields that it sets, and those that it takes from others by force."""


class Ownership:
    """The bookkeeping of one field manager; a plain update and an apply of the same manager are two owners."""

    def __init__(self, manager: str) -> None:
        self._manager = manager

    def first(self, body: Json, operation: str, now: str) -> list[Json]:
        """The managedFields of a new object."""
        mine = entry(self._manager, operation, body, fields_of(body, group_of(body), kind_of(body)), "")
        return noted([], mine, {}, now, replace=True)

    def applied(self, live: Json, body: Json, wanted: Fields, write: Write) -> tuple[Json, Fields]:
        """The live object with an apply merged in, and the fields taken from others; a Conflict unless forced.

        What this manager applied before and applies no longer goes, unless somebody else owns it, too.
        """
        node = _node(live)
        after = merged(live, body, node)
        lost = self._taken(live, after, wanted, write)
        entries = live["metadata"].get("managedFields") or []
        mine = next((item for item in entries if self._is_mine(item, "Apply", write.subresource)), None)
        dropped = difference((mine or {}).get("fieldsV1") or {}, wanted)
        for other in entries:
            if other is not mine:
                dropped = difference(dropped, other.get("fieldsV1") or {})
        return (pruned(after, dropped, node) if dropped else after), lost

    def _taken(self, live: Json, after: Json, wanted: Fields, write: Write) -> Fields:
        differing = intersection(changed(live, after, _node(live)), wanted)
        lost: Fields = {}
        told: list[str] = []
        for other in live["metadata"].get("managedFields") or []:
            if self._is_mine(other, "Apply", write.subresource):
                continue
            both = intersection(other.get("fieldsV1") or {}, differing)
            found = sorted(paths(both)) if both else []
            if found:
                lost = union(lost, both)
                told.append(
                    f'conflict with "{other.get("manager")}" using {other.get("apiVersion")}: {", ".join(found)}'
                )
        if told and not write.force:
            count = sum(1 for _ in paths(lost))
            words = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: {'; '.join(told)}"
            raise Conflict(words, status=409, reason="Conflict")
        return lost

    def noted(
        self, live: Json, after: Json, given: Any, write: Write, applied: Applied | None, now: str
    ) -> bool:
        """Note in `after` who owns what now; False where nothing has changed at all, ownership included.

        `given` are the managedFields that the write itself brings, if any.
        """
        old, new = _comparable(live), _comparable(after)
        before = live["metadata"].get("managedFields") or []
        entries = before if write.subresource else _brought(given, before)
        if applied is None and old == new:
            after["metadata"] = {**after["metadata"], "managedFields": entries}
            return bool(entries != before)
        node = _node(live)
        moved = changed(old, new, node)
        if applied is None:
            mine = entry(self._manager, "Update", after, surviving(moved, new, node), write.subresource)
            result = noted(entries, mine, moved, now, replace=False)
        else:
            wanted, lost = applied
            mine = entry(self._manager, "Apply", after, wanted, write.subresource)
            result = noted(entries, mine, union(lost, difference(moved, wanted)), now, replace=True)
            if old == new and _untimed(result) == _untimed(entries):
                return False
        after["metadata"] = {**after["metadata"], "managedFields": result}
        return True

    def _is_mine(self, item: Mapping[str, Any], operation: str, subresource: str) -> bool:
        found = (item.get("manager"), item.get("operation"), item.get("subresource", ""))
        return found == (self._manager, operation, subresource)


def _brought(given: Any, before: list[Json]) -> list[Json]:
    """The entries that a write begins from: its own where it has some that can be read, else those that stand."""
    readable = bool(given) and all(item.get("manager") and item.get("fieldsV1") for item in given)
    return given if readable else before


def _node(obj: Json) -> Node:
    return keys_of(group_of(obj), kind_of(obj))


def _comparable(obj: Json) -> Json:
    return {**obj, "metadata": without(obj["metadata"], "managedFields", "resourceVersion", "generation")}


def _untimed(entries: list[Json]) -> list[Json]:
    return sorted((without(item, "time") for item in entries), key=lambda e: (e["manager"], e["operation"]))
