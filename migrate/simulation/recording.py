"""Reading a recorded cluster from files: untrusted text in, the JSON values of objects out, each with its place.

A recording is YAML or JSON documents, Lists included: one file, or a directory of them side by side. A snapshot of
ours is such a directory too, with a table of contents. What is read here is bounded and plain; whether it is a
cluster is for `recorded` to say.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from migrate.calico.documents import ManifestError, values

CONTENTS = "contents.json"
"""The table of contents of a snapshot of ours (actions.snapshot)."""

SUFFIXES = frozenset({".yaml", ".yml", ".json", ".jsonl"})

MAX_FILE = 1 << 30
"""Bytes of one file; 50,000 objects of a real cluster are a fifth of that."""

MAX_DEPTH = 100
"""A CustomResourceDefinition with the schema of a pod nests some 40 deep."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What may be one object, and where it was read; `resource` is what the file's name promises, in a snapshot."""

    where: str
    value: Any
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What cannot be read at all: where, what was read, and what to write."""

    where: str
    told: str
    write: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.told}; {self.write}"


Read = Iterator[Piece | Flaw]


def of_path(path: Path) -> Read:
    """Every object of a file, or of a directory; flaws stand between them in the order in which they are met."""
    if path.is_dir():
        yield from _directory(path)
        return
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        yield Flaw(str(path), f"cannot be read: {error.strerror or error}", "name a file of recorded objects")
        return
    yield from _data(data, str(path), lines=path.suffix == ".jsonl")


def left_out(path: Path) -> Iterator[str]:
    """What is not read of a snapshot, in words: its table says what was left out, and encrypted Secrets stay closed.

    To be asked of a path that was read without a flaw; nothing is left out of other recordings.
    """
    if not (path / CONTENTS).is_file():
        return
    for name, entry in sorted(_json((path / CONTENTS).read_text(encoding="utf-8-sig")).items()):
        if "unread" in entry:
            yield f"{name} could not be read when the snapshot was taken"
        elif "leftOut" in entry:
            yield f"{entry.get('objects')} {name} were left out of the snapshot"
        elif name == "secrets" and entry.get("objects"):
            with (path / "secrets.jsonl").open("rb") as file:
                if file.read(1) != b"{":
                    yield f"{entry['objects']} secrets are encrypted, and are left out: a recording needs no values"


def of_text(text: str, source: str, *, lines: bool = False) -> Read:
    """Every object of a text; `lines` says that each line is a document of its own."""
    if lines:
        yield from _lines(text, source)
        return
    if text.lstrip()[:1] in {"{", "["}:
        try:
            value = _json(text)
        except ValueError:
            pass  # it may be YAML in flow style, whose words say more
        except RecursionError:
            yield _too_deep(source)
            return
        else:
            yield from _items(Piece(source, value))
            return
    yield from _yaml(text, source)


def _data(data: bytes, source: str, *, lines: bool, resource: str = "") -> Read:
    if len(data) > MAX_FILE:
        yield Flaw(source, "is larger than 1 GiB", "record it in several files of one directory")
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        told = f"is not UTF-8 (byte 0x{data[error.start]:02x} in line {line})"
        yield Flaw(source, told, "save it as UTF-8")
        return
    for found in of_text(text, source, lines=lines):
        yield Piece(found.where, found.value, resource) if isinstance(found, Piece) else found


def _lines(text: str, source: str) -> Read:
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{source}: line {number}"
        if not line.strip():
            continue
        try:
            value = _json(line)
        except RecursionError:
            yield _too_deep(where)
        except ValueError as error:
            yield Flaw(where, f"is no JSON ({_first(error)})", "write one object a line")
        else:
            yield from _items(Piece(where, value))


def _yaml(text: str, source: str) -> Read:
    flaw = _bomb(text, source)
    if flaw is not None:
        yield flaw
        return
    try:
        for number, line, value in values(text, source):
            if value is not None:
                yield from _items(Piece(f"{source}: document {number} (line {line})", value))
    except ManifestError as error:
        # the words already have the place
        where, _, told = str(error).rpartition(": no YAML: ")
        reason = f"is no YAML: {told}" if where else "has a key twice in one mapping"
        yield Flaw(where or str(error).rpartition(": ")[0], reason.partition("\n")[0], "mend it there")


def _bomb(text: str, source: str) -> Flaw | None:
    """What would break or fill the reader: nesting without end, and merged mappings, which multiply.

    The parser's events come flat; libyaml's composer recurses in C, and deep nesting would end the process.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return _too_deep(_at(source, event))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                return Flaw(_at(source, event), "merges a mapping into another (<<)", "write its keys out")
    except yaml.YAMLError:
        return None  # whoever reads the values says where it ends
    return None


def _at(source: str, event: yaml.Event) -> str:
    return f"{source}: line {event.start_mark.line + 1}" if event.start_mark else source


def _items(piece: Piece) -> Read:
    """The items of a List, or the value itself; the items of a typed list may leave out what all have in common."""
    value = piece.value
    if not isinstance(value, dict) or not _is_list(value):
        yield piece
        return
    kind, version = str(value.get("kind")), value.get("apiVersion")
    implied = {} if kind == "List" else {"apiVersion": version, "kind": kind.removesuffix("List")}
    for number, item in enumerate(value["items"] or (), 1):
        where = f"{piece.where}, item {number}"
        if isinstance(item, dict) and _is_list(item):
            yield Flaw(where, "is a list in a list", "write the inner list's items in its place")
        else:
            yield Piece(where, {**implied, **item} if isinstance(item, dict) else item, piece.resource)


def _is_list(value: Mapping[str, Any]) -> bool:
    """Whether a document is a list of objects; a custom kind may be called an AllowList, but it has a name."""
    metadata = value.get("metadata")
    named = isinstance(metadata, dict) and metadata.get("name")
    listed = isinstance(value.get("items"), list) or ("items" in value and value["items"] is None)
    return str(value.get("kind", "")).endswith("List") and listed and not named


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        message = "a key stands twice in one mapping"
        raise ValueError(message)
    return found


def _no_number(word: str) -> Any:
    message = f"{word} is no number"
    raise ValueError(message)


def _too_deep(where: str) -> Flaw:
    return Flaw(where, f"nests deeper than {MAX_DEPTH} levels", "no object of a cluster does: write it flat")


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _directory(place: Path) -> Read:
    """The files of a directory by name; what is neither a recording nor listed is told, never passed over."""
    names = sorted(path.name for path in place.iterdir())
    if not names:
        yield Flaw(str(place), "is empty", "name a directory with recorded objects in it")
    listed: Mapping[str, str] | None = None
    if CONTENTS in names:
        found = _contents(place / CONTENTS)
        if isinstance(found, Flaw):
            yield found
            return
        listed = found
        names.remove(CONTENTS)
    for name in names:
        data = _bytes(place / name)
        if isinstance(data, Flaw):
            yield data
        elif listed is None:
            yield from _data(data, str(place / name), lines=name.endswith(".jsonl"))
        else:
            yield from _listed(place / name, data, listed)
    for name in sorted(set(listed or ()) - {name.removesuffix(".jsonl") for name in names}):
        told = f"{name}.jsonl is not there any more, though {CONTENTS} lists it"
        yield Flaw(str(place), told, "put it back, or take it out of the table")


def _contents(path: Path) -> Mapping[str, str] | Flaw:
    """What a snapshot's table lists: each resource's file, by its name, with its sum."""
    data = _bytes(path)
    if isinstance(data, Flaw):
        return data
    try:
        table = _json(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Flaw(
            str(path), f"is no table of contents ({_first(error)})", "put the snapshot's own one back"
        )
    if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
        return Flaw(str(path), "is no table of contents", "put the snapshot's own one back")
    return {
        name: str(entry["sha256"])
        for name, entry in table.items()
        if "sha256" in entry and entry.get("objects") != 0
    }


def _listed(path: Path, data: bytes, listed: Mapping[str, str]) -> Read:
    """One file of a snapshot: it is in the table, and nobody has edited it; encrypted Secrets stay where they are."""
    resource = path.name.removesuffix(".jsonl")
    if resource not in listed or path.suffix != ".jsonl":
        yield Flaw(str(path), f"is not in {CONTENTS}", "take it away: it is no part of the snapshot")
    elif hashlib.sha256(data).hexdigest() != listed[resource]:
        hint = f"put it back; or, if that was meant, copy the .jsonl files to a directory without {CONTENTS}"
        yield Flaw(str(path), "was edited since the snapshot was taken", hint)
    elif resource == "secrets" and not data.startswith(b"{"):
        return  # values are never taken over from a recording, so nothing but names is lost
    else:
        yield from _data(data, str(path), lines=True, resource=resource)


def _bytes(path: Path) -> bytes | Flaw:
    """A file of a directory that somebody else may have filled: no link, no pipe, no device."""
    if path.suffix not in SUFFIXES:
        wanted = ", ".join(sorted(SUFFIXES))
        return Flaw(str(path), "is none of the files that are read here", f"take it away; read are {wanted}")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        told = "is a link" if path.is_symlink() else f"cannot be read: {error.strerror or error}"
        return Flaw(str(path), told, "put the file itself there")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return Flaw(str(path), "is no file", "put the recorded objects there as a file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_FILE + 1)
