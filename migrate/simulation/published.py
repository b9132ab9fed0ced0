"""The types that Kubernetes publishes for its kinds, and where an object is not of them (pure).

What stands below `metadata` is typed for every kind, the rest for built-in ones. Nothing is said of unknown fields:
another version of Kubernetes has them. A null is taken where a server may serve one: for a list or a map that Go
left nil, and for what is left out. Values are never quoted: a password may be among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from migrate.model.objects import Object, group_of, kind_of

_METADATA = "ObjectMeta"

_TELLING = frozenset({"name", "type", "status"})
"""Required fields by which items of a list are told apart, and what a condition says: asked for everywhere."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field's type word, as the table writes it, and whether the server insists on it."""

    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Wrong:
    """A value that is of another type: its path, what it is, and what is to be written."""

    path: str
    told: str
    write: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.told}; write {self.write}"


def wrong(obj: Object) -> Iterator[Wrong]:
    """Find what is not of the kind's published type; an object of a kind without one has typed metadata only."""
    group, kind = group_of(obj), kind_of(obj)
    version = str(obj["apiVersion"]).rpartition("/")[2]
    name = _types_of_kinds().get((group, kind, version))
    if name is not None:
        yield from _below("", obj, name, insist=True)
        return
    yield from _of("metadata", obj.get("metadata"), _METADATA, insist=True)
    # an old version's fields are the newer one's as far as they have the same names, but it asked for others
    newer = _any_version(group, kind)
    if newer is not None:
        yield from _below("", obj, newer, insist=False)


def decoded(obj: Object) -> dict[str, Any]:
    """An object as a server gives it back: Go has decoded it, and what was null has become nothing."""
    name = _any_version(group_of(obj), kind_of(obj))
    if name is not None:
        found: dict[str, Any] = _decoded(obj, name)
        return found
    return {**obj, "metadata": _decoded(obj.get("metadata") or {}, _METADATA)}


def _decoded(value: Any, word: str) -> Any:
    if word.startswith("["):
        return [_decoded(item, word[1:-1]) for item in value]
    if word.startswith("{"):
        return {key: _decoded(item, word[1:-1]) for key, item in value.items()}
    fields = _fields(word)
    if not fields:
        return value
    return {
        key: _decoded(item, fields[key].type) if key in fields else item
        for key, item in value.items()
        if item is not None or key not in fields
    }


def words(value: Any) -> str:
    """What a value is, in a person's words and without the value."""
    match value:
        case None:
            return "is nothing"
        case bool():
            return "is true or false"
        case int() | float():
            return "is a number"
        case str():
            return "is a text"
        case list():
            return "is a list"
        case _:
            return "is a mapping"


def _below(path: str, value: Mapping[str, Any], name: str, *, insist: bool) -> Iterator[Wrong]:
    """The fields of one value of a named type, as they stand there; then what is not there."""
    fields = _fields(name)
    for key, found in value.items():
        field = fields.get(key)
        if field is not None and found is not None:
            # what a controller reports may lack what this version's controllers would have said
            here = f"{path}.{key}" if path else key
            yield from _of(here, found, field.type, insist=insist and here != "status")
    for key in _insisted_on(name):
        if value.get(key) is not None or not (insist or key in _TELLING):
            continue
        kind = fields[key].type
        if key not in value or not kind.startswith(
            ("[", "{")
        ):  # Go writes lists and maps that are nil as null
            yield Wrong(f"{path}.{key}" if path else key, "is missing", _wanted(kind))


def _of(path: str, value: Any, word: str, *, insist: bool) -> Iterator[Wrong]:
    """One value that is there, of the type that a word of the table names."""
    holds = _SCALARS.get(word)
    if holds is not None:
        if not holds(value):
            yield Wrong(path, words(value), _wanted(word))
    elif word.startswith("["):
        if not isinstance(value, list):
            yield Wrong(path, words(value), _wanted(word))
            return
        for index, item in enumerate(value):
            yield from _of(f"{path}[{index}]", item, word[1:-1], insist=insist)
    elif not isinstance(value, dict):
        yield Wrong(path, words(value), _wanted(word))
    elif word.startswith("{"):
        for key, item in value.items():
            yield from _of(f"{path}.{key}", item, word[1:-1], insist=insist)
    else:
        yield from _below(path, value, word, insist=insist)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_SCALARS: Mapping[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _integer,
    "number": _number,
    "port": lambda value: isinstance(value, str) or _integer(value),
    "quantity": lambda value: isinstance(value, str) or _number(value),
    "text": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str),
}

_WANTED = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "port": "a whole number or a text",
    "quantity": "a quantity such as 500m or 8Gi",
    "text": "a text, in quotes where it could be read as something else",
    "time": "a time such as 2026-01-05T09:00:00Z",
}


def _wanted(word: str) -> str:
    if word.startswith("["):
        return "a list"
    return _WANTED.get(word, "a mapping of keys to values")


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    text = files("migrate.simulation").joinpath("data/types.yaml").read_text(encoding="utf-8")
    table: dict[str, dict[str, str]] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return table


@cache
def _types_of_kinds() -> Mapping[tuple[str, str, str], str]:
    """The type of each built-in kind, by group, kind and version."""
    found: dict[tuple[str, str, str], str] = {}
    for spoken, name in _table()["kinds"].items():
        group, version, kind = spoken.split()
        found["" if group == "core" else group, kind, version] = name
    return found


@cache
def _insisted_on(name: str) -> tuple[str, ...]:
    """The fields that a type must have: its required ones, and a kind's spec where that has some."""
    fields = _fields(name)
    whole = name in _types_of_kinds().values()
    return tuple(
        key
        for key, field in fields.items()
        if field.required
        or (whole and key == "spec" and any(f.required for f in _fields(field.type).values()))
    )


@cache
def _any_version(group: str, kind: str) -> str | None:
    """The type of a built-in kind in whichever version there is one of."""
    return next((n for (g, k, _), n in _types_of_kinds().items() if (g, k) == (group, kind)), None)


@cache
def _fields(name: str) -> Mapping[str, _Field]:
    """The fields of a type; none for a scalar's word."""
    found: dict[str, _Field] = {}
    for written in _table()["types"].get(name, "").split():
        key, _, word = written.partition("=")
        if word:
            found[key.removesuffix("*")] = _Field(word, key.endswith("*"))
    return found
