"""Read YAML into plain JSON values that still know the line each came from.

The semantics are SafeLoader's (YAML 1.1) with three differences: a time stays the text it was, duplicate keys are
refused, and what JSON cannot hold (binary, sets, keys that are no text) is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys and list indexes from the root."""

MAX_VALUES = 20_000
"""More values than this are no migration file but a few anchors that multiply."""

MAX_DEPTH = 50
"""Deeper than this nothing of the file can be."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_SCALARS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null"))


class _UnreadableError(Exception):
    """Stop reading: what comes is no migration file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


class _Loader(yaml.SafeLoader):
    """SafeLoader without times (a window's start is shown as it was written) and with a bound on depth."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node; the scanner reads no further than it must, so that depth costs no time."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _UnreadableError(_too_deep(self.line + 1))
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TAG + "timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what was read and what is wrong with it, and what to write.

    `line` counts from 1, and 0 means that the path's own line is meant; `about` names further paths that the
    sentence speaks of, so that it is left out where one of them has a problem of its own.
    """

    path: KeyPath
    text: str
    hint: str = ""
    line: int = 0
    about: tuple[KeyPath, ...] = ()


@dataclass(frozen=True)
class Document:
    """A YAML document as a JSON value, with the line of every key and the text of every scalar as written."""

    value: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    texts: Mapping[KeyPath, str] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """The line of a path, or of the nearest parent that was written."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def has(self, path: KeyPath) -> bool:
        """Whether a path was written."""
        return path in self.lines

    def text(self, path: KeyPath) -> str:
        """A scalar as it was written, quotes left out; empty for what is no scalar."""
        return self.texts.get(path, "")

    def at(self, path: KeyPath) -> Any:
        """The value at a path; None where nothing was written."""
        value = self.value
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def dotted(path: KeyPath) -> str:
    """Write a path as people do: `green.calico.pools[0].cidr`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def compose(text: str) -> tuple[Document, list[Problem]]:
    """Read one YAML document; with a syntax error the document is empty and the error is the one problem."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None), [
                Problem((), "is empty", "copy one from plans/, or let `cnimigrate init` draft it", 1)
            ]
        reader = _Reader(loader)
        value = reader.read(node, ())
    except yaml.YAMLError as error:
        return Document(None), [_syntax(error, text)]
    except _UnreadableError as error:
        return Document(None), [error.problem]
    return Document(value, reader.lines, reader.texts), reader.problems


def _too_deep(line: int) -> Problem:
    return Problem((), f"is nested more than {MAX_DEPTH} deep", "begin with apiVersion: cnimigrate/v1", line)


class _Reader:
    """Turns nodes into JSON values, and remembers their lines."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._open: list[yaml.Node] = []
        self._known: dict[int, dict[str, tuple[int, yaml.Node]]] = {}
        self.lines: dict[KeyPath, int] = {}
        self.texts: dict[KeyPath, str] = {}
        self.problems: list[Problem] = []

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        """The JSON value of a node; what cannot be read becomes a problem and the value None."""
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if node in self._open:
            return self._refuse(path, "refers to itself", "write the value out", line)
        if len(self.lines) > MAX_VALUES:
            told = f"anchors and aliases make more than {MAX_VALUES} values of it"
            raise _UnreadableError(Problem((), told, "write them out", line))
        if len(path) > MAX_DEPTH:
            raise _UnreadableError(_too_deep(line))  # by aliases: what is written was composed
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path, line)
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
                return {key: self.read(value, (*path, key)) for key, value in self._pairs(node, path)}
            if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
                return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.pop()
        return self._refuse(
            path, f"has the YAML tag {node.tag.replace(_TAG, '!!')}", "leave the tag out", line
        )

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, line: int) -> Any:
        self.texts[path] = node.value
        if node.tag not in _SCALARS:
            shown = node.tag.replace(_TAG, "!!")
            return self._refuse(path, f"has the YAML tag {shown}", "leave the tag out", line)
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in node.value):
            return self._refuse(path, "holds a character that no name or path can have", "remove it", line)
        try:
            return self._loader.construct_object(node)
        except ValueError:
            # `0x_` looks like a number to YAML 1.1; only making it one shows that it is none.
            return self._refuse(path, f"{node.value} is no number", "put text in quotes", line)

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        """The keys of a mapping with their values, merge keys resolved; the first of two alike keys counts."""
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(path, "has a key that is no text", "write key: value", line)
            elif key_node.tag == _MERGE:
                if not all(isinstance(source, yaml.MappingNode) for source in _sources(value_node)):
                    self._refuse(path, "<< stands before what is no mapping", "write << : *anchor", line)
            elif key_node.tag != _TAG + "str":
                # `on:` and `1:` are a bool and a number in YAML 1.1; no key of the file looks like one.
                self._refuse(
                    (*path, key), "the key is no text", f'if it is meant, write "{key}": in quotes', line
                )
            elif key in seen:
                told = f"is written twice, first at line {seen[key]}"
                self._refuse((*path, key), told, "leave one of them out", line)
            else:
                seen[key] = line
        for key, (line, value_node) in self._entries(node).items():
            self.lines[*path, key] = line
            yield key, value_node

    def _entries(self, node: yaml.MappingNode) -> dict[str, tuple[int, yaml.Node]]:
        """The lines and values of a mapping by key: its own before merged ones, of several the first."""
        if id(node) in self._known:
            return self._known[id(node)]
        found = self._known[id(node)] = {}  # known while it is worked out, so that it may merge itself
        merged: dict[str, tuple[int, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for source in _sources(value_node):
                    if isinstance(source, yaml.MappingNode):
                        merged = self._entries(source) | merged
            elif key_node.tag == _TAG + "str":
                found.setdefault(key_node.value, (key_node.start_mark.line + 1, value_node))
        for key, entry in merged.items():
            found.setdefault(key, entry)
        return found

    def _refuse(self, path: KeyPath, text: str, hint: str, line: int) -> None:
        self.problems.append(Problem(path, text, hint, line))


def _sources(node: yaml.Node) -> list[yaml.Node]:
    """What a merge key merges: one mapping, or a list of them."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


_ADVICE = {
    "found character '\\t' that cannot start any token": "indent with spaces, not with tabs",
    "found undefined alias": "write the value out, or put it in quotes if it begins with *",
    "mapping values are not allowed here": "is the line above finished? Text with a colon needs quotes",
}


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    """Say where YAML ends to be YAML, and that a file that stops in the middle may still be being written."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, int(error.position)) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return Problem((), f"holds the character U+{code:04X}, which YAML does not allow", "remove it", line)
    # The scanner, the parser and the composer raise nothing else, and always with a mark.
    assert isinstance(error, yaml.MarkedYAMLError)
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    words = error.problem or error.context or "cannot be read"
    if mark and not text[mark.index :].strip(" \n\0"):
        last = text.rstrip().count("\n") + 1
        begun = error.context_mark.line + 1 if error.context_mark else last
        since = f", in what began at line {begun}" if begun < last else ""
        advice = "is it half-written? Finish it, or close the quote or bracket"
        return Problem((), f"is not YAML: the file ends in the middle of a value{since}", advice, last)
    if words == "but found another document":
        return Problem((), "a second document begins here", "write one migration a file", line)
    advice = next((say for start, say in _ADVICE.items() if words.startswith(start)), "")
    return Problem((), f"is not YAML: {words}", advice, line)
