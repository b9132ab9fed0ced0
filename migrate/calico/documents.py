"""Manifests as text: many YAML documents into objects, with the document and the line in every error.

YAML is read as the API's own clients read it where PyYAML's YAML 1.1 differs: a time or a base-60 number stays text.
Duplicate keys are refused, as one of the two values would be lost silently.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

import yaml

from migrate.errors import UsageError
from migrate.model.objects import Object, name_of

_TAG = "tag:yaml.org,2002:"
_BASE_60 = re.compile(r":")

# The C parser reads Calico's 3 MB of CRDs ten times faster; a PyYAML built without it has only the other.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ManifestError(UsageError):
    """Refuse a manifest; `source`, `document` (from 1) and `line` (from 1, 0 where unknown) say where."""

    def __init__(self, reason: str, *, source: str, document: int, line: int = 0) -> None:
        where = f"document {document}" + (f", line {line}" if line else "")
        super().__init__(f"{source}: {where}: {reason}", remedy=f"mend {source}, or name another manifest")
        self.source = source
        self.document = document
        self.line = line


class _DuplicateKeyError(Exception):
    def __init__(self, key: object, line: int) -> None:
        super().__init__(f"the key {key!r} is written twice")
        self.line = line


class _Loader(_Base):  # type: ignore[misc]  # its base is chosen at run time
    """SafeLoader without times and base-60 numbers, refusing duplicate keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TAG + "timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if key.tag == _TAG + "merge":
                continue
            value = key.value
            if value in seen:
                raise _DuplicateKeyError(value, key.start_mark.line + 1)
            seen.add(value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _number(loader: Any, node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if _BASE_60.search(text):
        return text
    method = (
        yaml.SafeLoader.construct_yaml_int
        if node.tag == _TAG + "int"
        else yaml.SafeLoader.construct_yaml_float
    )
    return method(loader, node)


_Loader.add_constructor(_TAG + "int", _number)
_Loader.add_constructor(_TAG + "float", _number)


def documents(text: str, *, source: str = "manifest") -> tuple[Object, ...]:
    """Read a manifest into its objects, in order; empty documents are passed over, a List gives its items.

    Raises ManifestError for what is no YAML, no mapping, or has no apiVersion, kind or name.
    """
    found: list[Object] = []
    for number, line, value in values(text, source):
        if value is None:
            continue
        found += _objects(value, source=source, document=number, line=line)
    return tuple(found)


def values(text: str, source: str) -> Iterator[tuple[int, int, Any]]:
    """Every document's value with its number and first line; raises ManifestError at the first that is no YAML."""
    loader = _Loader(text)
    number = 1
    try:
        while loader.check_node():
            node = loader.get_node()
            yield number, node.start_mark.line + 1, loader.construct_document(node)
            number += 1
    except _DuplicateKeyError as error:
        raise ManifestError(str(error), source=source, document=number, line=error.line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        reason = f"no YAML: {error.problem or error.context}"
        raise ManifestError(reason, source=source, document=number, line=line) from error
    except (yaml.YAMLError, ValueError, TypeError) as error:  # a list or a mapping is no key
        raise ManifestError(f"no YAML: {error}", source=source, document=number) from error
    finally:
        loader.dispose()


def _objects(value: Any, *, source: str, document: int, line: int) -> list[Object]:
    def refuse(reason: str) -> ManifestError:
        return ManifestError(reason, source=source, document=document, line=line)

    if not isinstance(value, Mapping):
        raise refuse(f"a mapping is needed, and here is {type(value).__name__}")
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str) or not api_version or not kind:
        raise refuse("apiVersion and kind are needed")
    if kind.endswith("List") and isinstance(value.get("items", []), list):
        # A typed list's items may leave both out, as on the wire.
        implied = {} if kind == "List" else {"apiVersion": api_version, "kind": kind.removesuffix("List")}
        items = value.get("items") or []
        return [
            obj
            for item in items
            for obj in _objects(
                implied | item if isinstance(item, dict) else item,
                source=source,
                document=document,
                line=line,
            )
        ]
    if not isinstance(value.get("metadata"), Mapping) or not name_of(value):
        raise refuse(f"{kind} has no metadata.name")
    return [value]
