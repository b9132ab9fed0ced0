"""The JSON Schema of the migration file, and what error messages look up in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from migrate.model import migration as model
from migrate.planning.keys import KEYS
from migrate.planning.marks import KeyPath

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Node = Mapping[str, Any]
"""One schema within the schema."""


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file: camelCase keys, each with a description and examples."""
    made = model.Migration.model_json_schema(by_alias=True)
    definitions = made["$defs"]
    for name, definition in (*definitions.items(), ("Migration", made)):
        _describe(name, definition)
    return {"$schema": DIALECT, "title": "cnimigrate migration file", **made}


def _describe(name: str, definition: dict[str, Any]) -> None:
    """Fill in the sentences and examples of one class; pydantic's made-up titles are left out."""
    definition.pop("title", None)
    fields: type[BaseModel] = getattr(model, name)
    for attribute, info in fields.model_fields.items():
        node = definition["properties"][info.alias]
        sentence, *examples = KEYS.get(name, {}).get(attribute, (info.description or "",))
        node.pop("title", None)
        if not examples and node.get("default") is not None:
            examples = [node["default"]]
        # A $ref may have siblings since draft 2019-09, so a shared part still has a sentence for this key.
        node |= {"description": sentence, "examples": examples} if examples else {"description": sentence}


@cache
def _made() -> Node:
    return schema()


def nodes_at(path: KeyPath) -> tuple[Node, ...]:
    """The schemas that may hold at a path, unions taken apart; empty for a path that the file does not know."""
    found: tuple[Node, ...] = (_made(),)
    for key in path:
        found = tuple(below for node in found for below in _below(node, key))
    return tuple(part for node in found for part in _parts(node))


def _below(node: Node, key: str | int) -> Iterator[Node]:
    for part in _parts(node):
        if isinstance(key, int):
            if "items" in part:
                yield part["items"]
        elif key in part.get("properties", {}):
            yield part["properties"][key]


def _parts(node: Node) -> Iterator[Node]:
    """A schema without references and unions; what stands beside them stays with each part."""
    beside = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
    if "$ref" in node:
        yield from _parts({**_made()["$defs"][node["$ref"].rpartition("/")[2]], **beside})
    elif "anyOf" in node:
        for choice in node["anyOf"]:
            yield from _parts({**choice, **beside})
    else:
        yield node


def keys_at(path: KeyPath) -> tuple[str, ...]:
    """The keys that may stand below a path."""
    return tuple(key for node in nodes_at(path) for key in node.get("properties", ()))


def example_at(path: KeyPath) -> Any:
    """An example for a path; None where there is none."""
    return next((node["examples"][0] for node in nodes_at(path) if node.get("examples")), None)


def words_at(path: KeyPath) -> tuple[str, ...]:
    """The fixed words that may stand at a path; empty where it is no matter of fixed words."""
    return tuple(
        word
        for node in nodes_at(path)
        for word in node.get("enum", [node["const"]] if "const" in node else [])
    )


def homes_of(key: str) -> tuple[KeyPath, ...]:
    """Every path, lists left out, at which a key of this name may stand: for a key that was put elsewhere."""
    return tuple(path for path in _paths(()) if path[-1] == key)


@cache
def _paths(path: KeyPath) -> tuple[KeyPath, ...]:
    below = tuple((*path, key) for key in keys_at(path))
    return below + tuple(deeper for one in below for deeper in _paths(one))
