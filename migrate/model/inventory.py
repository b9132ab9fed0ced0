"""All objects of one cluster as read at one time: what deciders look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from migrate.model.objects import Object, Ref, Resource, name_of, namespace_of, ref_of

EVERY_KIND = "*"
"""Stands for the kinds of a group that could not be discovered, as in "*.widgets.example.com"."""


@dataclass(frozen=True)
class Inventory:
    """Every listed object of a cluster, by resource; `unreadable` names resources that could not be listed, and why.

    A group that could not even be discovered is named there as `*.group`. `converted` says of which objects another
    version was made than the one they were read in.
    Holds Secrets' values in memory where they were read: never journal, print or hash (without key) its objects.
    """

    resources: tuple[Resource, ...]
    objects: Mapping[Resource, Sequence[Object]]
    version: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    converted: Mapping[Ref, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[Resource, Object]]:
        """Every object with its resource, in the resources' order."""
        for resource in self.resources:
            for obj in self.objects.get(resource, ()):
                yield resource, obj

    def __len__(self) -> int:
        """How many objects there are."""
        return sum(len(objects) for objects in self.objects.values())

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str], Sequence[Object]]:
        found: dict[tuple[str, str], list[Object]] = defaultdict(list)
        for resource, objects in self.objects.items():
            found[resource.group, resource.kind].extend(objects)
        return found

    @cached_property
    def _by_ref(self) -> Mapping[Ref, Object]:
        return {ref_of(obj): obj for _, obj in self}

    @cached_property
    def _resource_by_kind(self) -> Mapping[tuple[str, str], Resource]:
        return {(r.group, r.kind): r for r in reversed(self.resources)}

    def of(self, kind: str, group: str = "") -> Sequence[Object]:
        """Every object of a kind; the group is empty for the core group, else "apps", "networking.k8s.io" and so on."""
        return self._by_kind.get((group, kind), ())

    def find(self, ref: Ref) -> Object | None:
        """The object of that reference, if it was there."""
        return self._by_ref.get(ref)

    def named(self, kind: str, name: str, namespace: str = "", group: str = "") -> Object | None:
        """The object of that kind, name and namespace, if it was there."""
        return self.find(Ref(group, kind, namespace, name))

    def resource(self, kind: str, group: str = "") -> Resource | None:
        """The resource that serves a kind, if the cluster serves it."""
        return self._resource_by_kind.get((group, kind))

    def in_namespace(self, kind: str, namespace: str, group: str = "") -> Sequence[Object]:
        """Every object of a kind in one namespace, by name."""
        return sorted((o for o in self.of(kind, group) if namespace_of(o) == namespace), key=name_of)


def inventory_of(pairs: Iterable[tuple[Resource, Object]], *, version: str = "") -> Inventory:
    """Build an inventory from objects with their resources; for recorded clusters and tests."""
    objects: dict[Resource, list[Object]] = defaultdict(list)
    for resource, obj in pairs:
        objects[resource].append(obj)
    return Inventory(tuple(objects), objects, version)
