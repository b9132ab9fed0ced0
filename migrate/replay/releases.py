"""Helm's releases: the records that Helm keeps in the cluster, and whether what they speak of stands on green.

A record is a Secret, or a ConfigMap, whose `release` is base64 of gzip of JSON, with the rendered manifest in it; source:
helm.sh/helm, pkg/storage/driver. It holds values that may be secret: of it nothing but kinds and names is ever kept.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import yaml

from migrate.model.decision import Decision, Form
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, dig, labels_of, namespace_of, ref_of
from migrate.replay.decisions import Decisions

MOST = 32 * 2**20
"""Bytes that a record may unpack to; Helm's own limit comes from the megabyte that a Secret may hold."""

_GZIP = 31  # zlib's word for a gzip header and the largest window
_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,317}")
"""What a name, a kind or an API version consists of; anything else is not shown to a terminal."""


class Part(NamedTuple):
    """One object of a release's manifest; the namespace is the release's unless the manifest says another."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is found by, in whatever group it is served today."""
        return self.kind, self.namespace, self.name

    def __str__(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Release:
    """The newest revision of a release; `unread` says why its parts are not known, if they are not."""

    namespace: str
    name: str
    revision: int
    status: str
    record: Ref
    parts: tuple[Part, ...] = ()
    unread: str = ""

    def __str__(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


class Fate(StrEnum):
    """Why an object of a release is not on green."""

    MISSING = "missing"
    FOLLOWS = "atCutover"
    LEFT = "leftByRule"
    LOST = "notOnBlue"  # somebody took it away from blue: no loss of the move


@dataclass(frozen=True, slots=True)
class Standing:
    """A release of blue as it stands on green; `revision` is None where green has no record of it."""

    release: Release
    revision: int | None
    status: str
    absent: Mapping[Part, Fate] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether Helm would list it on green as on blue, with everything there that shall be by now."""
        alike = self.revision == self.release.revision and self.status == self.release.status
        return alike and not self.of(Fate.MISSING)

    def of(self, fate: Fate) -> tuple[Part, ...]:
        """What is not on green for one reason."""
        return tuple(part for part, why in self.absent.items() if why is fate)

    def as_json(self) -> dict[str, Any]:
        """The standing as JSON: kinds and names, no values."""
        release = self.release
        return {
            "namespace": release.namespace,
            "name": release.name,
            "blue": {"revision": release.revision, "status": release.status},
            "green": None if self.revision is None else {"revision": self.revision, "status": self.status},
            "objects": len(release.parts),
            **{fate.value: list(map(str, self.of(fate))) for fate in Fate},
            "unread": release.unread,
        }


def records(inventory: Inventory) -> dict[tuple[str, str], tuple[int, Object]]:
    """The newest record of each release, with its revision, by namespace and name."""
    found: dict[tuple[str, str], tuple[int, Object]] = {}
    for obj in (*inventory.of("Secret"), *inventory.of("ConfigMap")):
        labels = labels_of(obj)
        # Helm 2 wrote OWNER and TILLER, in another encoding: its releases are no use to a Helm of today
        if labels.get("owner") != "helm" or not labels.get("version", "").isdecimal():
            continue
        key, revision = (namespace_of(obj), labels.get("name", "")), int(labels["version"])
        if key not in found or found[key][0] < revision:
            found[key] = revision, obj
    return dict(sorted(found.items()))


def release_of(revision: int, record: Object) -> Release:
    """Read a record; what cannot be read is said in `unread`, without a word of what it holds."""
    labels, space = labels_of(record), namespace_of(record)
    known = Release(space, labels.get("name", ""), revision, labels.get("status", ""), ref_of(record))
    try:
        return replace(known, parts=tuple(_parts(_manifest(record), space)))
    except _UnreadError as error:
        return replace(known, unread=str(error))


def standings(blue: Inventory, decisions: Decisions, green: Inventory) -> tuple[Standing, ...]:
    """Hold each release whose record moves against green."""
    there, of_green = _keys(green), records(green)
    on_blue = {(d.ref.kind, d.ref.namespace, d.ref.name): d for d in decisions}
    found = []
    for key, (revision, record) in records(blue).items():
        decision = decisions.of(ref_of(record))
        if decision is None or decision.form not in {Form.REPLAYED, Form.HELD}:
            continue
        release = release_of(revision, record)
        absent = {part: _fate(part, on_blue) for part in release.parts if not _stands(part, there)}
        green_revision, green_record = of_green.get(key, (None, {}))
        status = labels_of(green_record).get("status", "")
        found.append(Standing(release, green_revision, status, absent))
    return tuple(found)


def _keys(inventory: Inventory) -> frozenset[tuple[str, str, str]]:
    return frozenset((ref.kind, ref.namespace, ref.name) for ref in (ref_of(obj) for _, obj in inventory))


def _stands(part: Part, there: frozenset[tuple[str, str, str]]) -> bool:
    return part.key in there or (part.kind, "", part.name) in there


def _fate(part: Part, on_blue: Mapping[tuple[str, str, str], Decision]) -> Fate:
    decision = on_blue.get(part.key) or on_blue.get((part.kind, "", part.name))
    if decision is None:
        return Fate.LOST
    if decision.form is Form.DEFERRED:
        return Fate.FOLLOWS
    return Fate.LEFT if decision.form in {Form.SKIPPED, Form.UNDECIDED} else Fate.MISSING


class _UnreadError(Exception):
    """A record that is not as Helm writes it; its words tell nothing of what it holds."""


def _manifest(record: Object) -> str:
    packed = dig(record, "data", "release")
    if not isinstance(packed, str):
        message = "its record has no value here"
        raise _UnreadError(message)
    try:
        for _ in range(2 if record.get("kind") == "Secret" else 1):  # a Secret's value is encoded once more
            packed = base64.b64decode(packed, validate=True)
        unpacking = zlib.decompressobj(_GZIP)
        text = unpacking.decompress(packed, MOST)
        whole = json.loads(text) if unpacking.eof else None
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        message = f"its record could not be read ({type(error).__name__})"
        raise _UnreadError(message) from None  # an error of JSON's quotes what it read
    manifest = dig(whole, "manifest", default="")
    if whole is None or not isinstance(manifest, str):
        message = (
            f"its record is cut off, or above {MOST // 2**20} MiB" if whole is None else "it has no manifest"
        )
        raise _UnreadError(message)
    return manifest


def _parts(manifest: str, namespace: str) -> Iterator[Part]:
    """The objects of a manifest. It is composed, not constructed: what aliases and merges would blow up stays folded."""
    try:
        for document in yaml.compose_all(manifest, Loader=yaml.CSafeLoader):
            for node in _objects(document):
                yield _part(node, namespace)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = f"its manifest could not be read ({type(error).__name__})"
        raise _UnreadError(message) from None


def _objects(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """A document's object, or those of a list; a document of comments alone has none."""
    items = _child(node, "items")
    if _scalar(node, "kind").endswith("List") and isinstance(items, yaml.SequenceNode):
        yield from items.value
    elif isinstance(node, yaml.MappingNode):
        yield node


def _part(node: yaml.Node, namespace: str) -> Part:
    metadata = _child(node, "metadata")
    found = Part(
        _scalar(node, "apiVersion"),
        _scalar(node, "kind"),
        _scalar(metadata, "namespace") or namespace,
        _scalar(metadata, "name"),
    )
    if not all(_NAME.fullmatch(word) for word in found):
        message = "its manifest has an object without a proper name"
        raise _UnreadError(message)
    return found


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _scalar(node: yaml.Node | None, key: str) -> str:
    value = _child(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""
