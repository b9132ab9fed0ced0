"""What each side's API server serves: the built-in table, what an inventory said, and established CRDs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from migrate.errors import NotFound
from migrate.model.objects import Resource, stored_version
from migrate.simulation.store import Store

ALL_VERBS = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})

DEFAULT_VERSION = "v1.35.4"
_EVER = 1_000


@dataclass(frozen=True, slots=True)
class Served:
    """One resource in one version as a server serves it; `rank` orders discovery, lower is preferred."""

    resource: Resource
    subresources: frozenset[str]
    rank: int

    @property
    def has_status(self) -> bool:
        """Whether status is written through a subresource only."""
        return "status" in self.subresources


@dataclass(frozen=True, slots=True)
class _Row:
    served: Served
    since: int
    until: int

    def at(self, minor: int) -> bool:
        """Whether a server of version 1.`minor` serves it."""
        return self.since <= minor < self.until


@cache
def _table() -> tuple[_Row, ...]:
    text = files("migrate.simulation").joinpath("data/resources.yaml").read_text(encoding="utf-8")
    rows: list[_Row] = []
    for rank, line in enumerate(yaml.safe_load(text)):
        group, version, plural, kind, scope, verbs, subresources, *minors = line.split()
        resource = Resource(
            "" if group == "core" else group,
            version,
            plural,
            kind,
            scope == "namespaced",
            ALL_VERBS if verbs == "all" else frozenset(verbs.split(",")),
        )
        subs = frozenset(subresources.split(",")) - {"-"}
        since, _, until = (minors[0] if minors else "-").partition("-")
        served = Served(resource, subs, rank)
        rows.append(_Row(served, int(since.removeprefix("1.") or 0), int(until.removeprefix("1.") or _EVER)))
    return tuple(rows)


def builtin(minor: int = 35) -> list[Served]:
    """Every built-in resource of a server of version 1.`minor`, preferred versions first."""
    return [row.served for row in _table() if row.at(minor)]


@cache
def resource(plural: str, group: str = "") -> Resource:
    """The built-in resource of that plural and group in its preferred version; KeyError where there is none."""
    for row in _table():
        found = row.served.resource
        if found.plural == plural and found.group == group:
            return found
    raise KeyError(plural)


def of_crd(crd: Mapping[str, Any]) -> list[Served]:
    """The resources that a CustomResourceDefinition makes served, the one to speak of it in first (see `stored_version`)."""
    spec = crd["spec"]
    names = spec["names"]
    found: list[Served] = []
    versions = spec.get("versions") or [{"name": spec.get("version", "v1"), "served": True, "storage": True}]
    stored = stored_version(crd)
    order = sorted(versions, key=lambda v: (v["name"] != stored, _priority(v["name"])))
    for rank, version in enumerate(order):
        if not version.get("served"):
            continue
        subs = frozenset(version.get("subresources") or spec.get("subresources") or ())
        served = Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            spec.get("scope") == "Namespaced",
            ALL_VERBS,
        )
        found.append(Served(served, subs, 1000 + rank))
    return found


def _priority(version: str) -> tuple[int, int, int, str]:
    """The order of versions in discovery: GA before beta before alpha, higher numbers first, others last.

    Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning
    """
    stage, major, minor = 3, 0, 0
    rest = version.removeprefix("v")
    if rest != version:
        for word, place in (("alpha", 2), ("beta", 1)):
            head, found, tail = rest.partition(word)
            if found and head.isdigit() and (tail or "0").isdigit():
                stage, major, minor = place, int(head), int(tail or 0)
        if rest.isdigit():
            stage, major = 0, int(rest)
    return stage, -major, -minor, version


class Registry:
    """The served resources of one side, read from the file and remembered until they change."""

    def __init__(self, store: Store, side: str) -> None:
        self._store = store
        self._side = side
        self._seen = -1
        self._found: dict[tuple[str, str, str], Served] = {}
        self._first: dict[tuple[str, str], Served] = {}
        self._all: Sequence[Resource] = ()

    def add(self, rows: Iterable[Served]) -> None:
        """Serve these resources, too."""
        values = [
            (
                self._side, s.resource.group, s.resource.plural, s.resource.version, s.resource.kind,
                int(s.resource.namespaced), ",".join(sorted(s.resource.verbs)), ",".join(sorted(s.subresources)),
                s.rank,
            )
            for s in rows
        ]  # fmt: skip
        with self._store.transaction():
            self._store.run_many("INSERT OR REPLACE INTO served VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            self._store.next_number("served")

    def drop(self, group: str, plural: str) -> None:
        """Serve a resource no longer, in any version."""
        with self._store.transaction():
            self._store.run(
                "DELETE FROM served WHERE side = ? AND grp = ? AND plural = ?", self._side, group, plural
            )
            self._store.next_number("served")

    def only(self, what: Resource) -> None:
        """Serve a resource in this version only."""
        served = self.of(what)
        with self._store.transaction():
            self.drop(what.group, what.plural)
            self.add([served])

    def all(self) -> Sequence[Resource]:
        """Every served resource in its preferred version, with the others that serve it."""
        self._refresh()
        return self._all

    def named(self, group: str, plural: str) -> Served | None:
        """A resource in its preferred version, if it is served."""
        self._refresh()
        return self._first.get((group, plural))

    def of(self, wanted: Resource) -> Served:
        """How a resource is served in the version asked for; NotFound in the server's words otherwise."""
        self._refresh()
        found = self._found.get((wanted.group, wanted.plural, wanted.version))
        if found is None:
            raise NotFound("the server could not find the requested resource", status=404, reason="NotFound")
        return found

    def _refresh(self) -> None:
        stamp = self._store.number("served")
        if stamp == self._seen:
            return
        self._seen = stamp
        self._found, self._first = {}, {}
        others: dict[tuple[str, str], list[str]] = defaultdict(list)
        sql = (
            "SELECT grp, plural, version, kind, namespaced, verbs, subresources, rank FROM served"
            " WHERE side = ? ORDER BY rank, grp, plural, version"
        )
        for group, plural, version, kind, namespaced, verbs, subs, rank in self._store.rows(sql, self._side):
            what = Resource(group, version, plural, kind, bool(namespaced), frozenset(verbs.split(",")))
            served = Served(what, frozenset(subs.split(",")) - {""}, rank)
            self._found[group, plural, version] = served
            if self._first.setdefault((group, plural), served) is not served:
                others[group, plural].append(version)
        self._all = [
            replace(served.resource, others=tuple(others[name])) for name, served in self._first.items()
        ]
