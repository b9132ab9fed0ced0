"""The objects of the world's file, by name, by owner and by what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from migrate.simulation.shapes import without
from migrate.simulation.worldfile import WorldFile, dump

RECENT = 256
"""Objects that a transaction keeps of what it has read; some 4 kB each."""

RECENT_ALONE = 4096
"""The same of a file that nobody else opens, where they are kept from transaction to transaction."""


class Key(NamedTuple):
    """What names one object in the file; `namespace` is empty for cluster-scoped ones."""

    side: str
    group: str
    plural: str
    namespace: str
    name: str


class Change(NamedTuple):
    """One object as it was last written, or as it was when it went (`deleted`)."""

    group: str
    plural: str
    namespace: str
    name: str
    rv: int
    deleted: bool
    body: str


def whole(body: str, fields: str) -> dict[str, Any]:
    """An object with its managedFields, which are stored apart: they are half of it, and hardly anybody asks for them."""
    obj: dict[str, Any] = orjson.loads(body)
    if fields:
        obj["metadata"]["managedFields"] = orjson.loads(fields)
    return obj


class Store(WorldFile):
    """The world's file with its objects."""

    def __init__(self, path: Path, *, fresh: bool, alone: bool = False) -> None:
        # Of the transaction under way, or of the latest where the file is ours alone: what a write reads again and again, a pod's namespace, its account, itself.
        self._recent: dict[Key, tuple[str, str] | None] = {}
        self._most = RECENT_ALONE if alone else RECENT
        super().__init__(path, fresh=fresh, alone=alone)

    def forget(self) -> None:
        """Forget what was kept of the transaction, objects too."""
        super().forget()
        self._recent.clear()

    def body(self, key: Key) -> str | None:
        """The JSON text of one object without its managedFields, or None."""
        texts = self._texts(key)
        return texts[0] if texts else None

    def get(self, key: Key) -> dict[str, Any] | None:
        """One object with its managedFields, or None."""
        texts = self._texts(key)
        return whole(*texts) if texts else None

    def _texts(self, key: Key) -> tuple[str, str] | None:
        """One object's body and managedFields, or None."""
        with self._lock:
            kept = self._depth or self._alone
            if kept and key in self._recent:
                return self._recent[key]
            sql = "SELECT body, fields FROM objects WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND name = ?"
            texts: tuple[str, str] | None = self._db.execute(sql, key).fetchone()
            if kept:
                if len(self._recent) >= self._most:
                    self._recent.clear()
                self._recent[key] = texts
            return texts

    def put(self, key: Key, obj: dict[str, Any], *, before: Mapping[str, Any] | None = None) -> None:
        """Write one object under its own uid and resourceVersion, and who owns it; `before` is what it was."""
        metadata = obj["metadata"]
        fields = metadata.get("managedFields")
        # an empty list is none, as a server leaves out what is empty
        body = {**obj, "metadata": without(metadata, "managedFields")} if fields is not None else obj
        texts = int(metadata["resourceVersion"]), dump(body), dump(fields) if fields else ""
        self._recent.pop(key, None)
        if before is not None:  # the index of uids is left alone
            found = self.rows(
                "UPDATE objects SET rv = ?, body = ?, fields = ?"
                " WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND name = ? RETURNING id",
                *texts, *key,
            )  # fmt: skip
        else:
            found = self.rows(
                "INSERT INTO objects (side, grp, plural, ns, name, uid, rv, body, fields)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (side, grp, plural, ns, name) DO UPDATE"
                " SET uid = excluded.uid, rv = excluded.rv, body = excluded.body, fields = excluded.fields"
                " RETURNING id",
                *key, metadata["uid"], *texts,
            )  # fmt: skip
        owners = metadata.get("ownerReferences") or []
        owned = (before["metadata"].get("ownerReferences") or []) if before is not None else []
        if owners == owned:
            return
        if owned:
            self.run("DELETE FROM owners WHERE object = ?", found[0][0])
        if owners:
            rows = [(key.side, owner.get("uid", ""), found[0][0]) for owner in owners]
            self.run_many("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", rows)

    def remove(self, key: Key, rv: int) -> None:
        """Take one object away, leaving the trace by which controllers learn of it."""
        self._recent.pop(key, None)
        found = self.rows(
            "DELETE FROM objects WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND name = ?"
            " RETURNING id, uid, body",
            *key,
        )
        for ident, uid, body in found:
            self.run("DELETE FROM owners WHERE object = ?", ident)
            self.run(
                "INSERT INTO gone VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                key.side, rv, key.group, key.plural, key.namespace, key.name, uid, body,
            )  # fmt: skip

    def page(
        self, side: str, group: str, plural: str, namespace: str, after: tuple[str, str], limit: int
    ) -> list[str]:
        """Up to `limit` bodies of a resource in the order of namespace and name, after a pair of them."""
        return [row[0] for row in self._page("body", side, group, plural, namespace, after, limit)]

    def whole_page(
        self, side: str, group: str, plural: str, namespace: str, after: tuple[str, str], limit: int
    ) -> list[dict[str, Any]]:
        """The same page as objects with their managedFields."""
        return [
            whole(*row) for row in self._page("body, fields", side, group, plural, namespace, after, limit)
        ]

    def _page(
        self,
        columns: str,
        side: str,
        group: str,
        plural: str,
        namespace: str,
        after: tuple[str, str],
        limit: int,
    ) -> list[tuple[Any, ...]]:
        where = "side = ? AND grp = ? AND plural = ?" + (" AND ns = ?" if namespace else "")
        values = [side, group, plural, *([namespace] if namespace else [])]
        sql = f"SELECT {columns} FROM objects WHERE {where} AND (ns, name) > (?, ?) ORDER BY ns, name LIMIT ?"  # noqa: S608
        return self.rows(sql, *values, *after, limit)

    def containing(self, side: str, group: str, plural: str, namespace: str, text: str) -> list[str]:
        """The bodies of a resource in a namespace that have a text in them, by name."""
        sql = (
            "SELECT body FROM objects WHERE side = ? AND grp = ? AND plural = ? AND ns = ? AND instr(body, ?)"
            " ORDER BY name"
        )
        return [row[0] for row in self.rows(sql, side, group, plural, namespace, text)]

    def owned(self, side: str, uid: str) -> list[tuple[str, str, str]]:
        """Group, plural and body of every object that names `uid` among its owners."""
        return [
            (row[0], row[1], row[2])
            for row in self.rows(
                "SELECT o.grp, o.plural, o.body FROM owners w JOIN objects o ON o.id = w.object"
                " WHERE w.side = ? AND w.owner = ? ORDER BY o.grp, o.plural, o.ns, o.name",
                side,
                uid,
            )
        ]

    def has_uid(self, side: str, uid: str) -> bool:
        """Whether an object of that uid is there."""
        return bool(self.rows("SELECT 1 FROM objects WHERE side = ? AND uid = ? LIMIT 1", side, uid))

    def revision(self) -> int:
        """The last resourceVersion that was given out."""
        return self.number("revision")

    def changes(self, side: str, since: int) -> list[Change]:
        """What was written or went on a side after a resourceVersion, in that order."""
        sql = (
            "SELECT grp, plural, ns, name, rv, 0, body FROM objects WHERE side = ? AND rv > ?"
            " UNION ALL SELECT grp, plural, ns, name, rv, 1, body FROM gone WHERE side = ? AND rv > ? ORDER BY 5"
        )
        return [
            Change(r[0], r[1], r[2], r[3], r[4], bool(r[5]), r[6])
            for r in self.rows(sql, side, since, side, since)
        ]
