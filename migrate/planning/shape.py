"""Hold a document against the model: every key that is unknown, missing or of a wrong type, in an operator's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from migrate.model.migration import DURATION, FACTOR, PERCENT, SHA256, Migration
from migrate.planning.marks import Document, KeyPath, Problem, dotted
from migrate.planning.schema import example_at, homes_of, keys_at, nodes_at, words_at

_STUB = {"metadata": {"name": "unnamed"}, "blue": {}}
"""Stands in for required parts that are wrong, so that the rest can be checked all the same."""

_PATTERNS = {
    DURATION: ("is no duration", "write for example 90s, 5m, 1h30m or 7d"),
    PERCENT: ("is no percentage", "write for example 0.1%"),
    FACTOR: ("is no factor", "write for example 1.5x"),
    SHA256: ("is no SHA-256", "write the 64 digits that `sha256sum` prints"),
}


@dataclass(frozen=True)
class Draft:
    """What could be read of a document: a Migration without the parts that were wrong.

    `wrong` lists the paths of those parts. Indexes of the migration's lists are those of what was left; `origin`
    turns them back into the document's.
    """

    document: Document
    migration: Migration
    wrong: frozenset[KeyPath]
    removed: frozenset[KeyPath]

    def origin(self, path: KeyPath) -> KeyPath:
        """The document's path for a path of the migration."""
        return _origin(self.document, self.removed, path)

    def has(self, path: KeyPath) -> bool:
        """Whether a path of the migration was written, rather than filled in by default."""
        return self.document.has(self.origin(path))

    def sound(self, path: KeyPath) -> bool:
        """Whether nothing at, above or below a path was wrong."""
        path = self.origin(path)
        return not any(path[: len(other)] == other[: len(path)] for other in self.wrong)


def read(document: Document, known: list[Problem]) -> tuple[Draft, list[Problem]]:
    """Read a document as a Migration as far as it goes; `known` problems are not told again."""
    removed = frozenset(p.path for p in known if p.path and document.at(p.path) is None)
    wrong = set(removed)
    problems: list[Problem] | None = None
    while True:
        value = _without(document.value, (), removed)
        try:
            migration = _validated({**_STUB, **value} if problems is not None else value)
        except ValidationError as error:
            found = [_Error(document, removed, value, details) for details in error.errors(include_url=False)]
            found = [one for one in found if one.counts] or found
            if problems is None:
                problems = [problem for one in found for problem in one.problems()]
                wrong.update(one.path for one in found)
            less = removed | {one.drops for one in found}
            # Each round must leave something out, or there would be no end.
            removed = less if less > removed else removed | {one.path[:1] for one in found}
        else:
            return Draft(document, migration, frozenset(wrong), removed), problems or []


def _validated(value: Any) -> Migration:
    # JSON mode is strict about types and still takes an array for a tuple.
    return Migration.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


def _without(value: Any, path: KeyPath, removed: frozenset[KeyPath]) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, (*path, k), removed) for k, v in value.items() if (*path, k) not in removed}
    if isinstance(value, list):
        return [_without(v, (*path, i), removed) for i, v in enumerate(value) if (*path, i) not in removed]
    return value


def _origin(document: Document, removed: frozenset[KeyPath], path: KeyPath) -> KeyPath:
    found: KeyPath = ()
    for key in path:
        items = document.at(found)
        if isinstance(key, int) and isinstance(items, list):
            kept = [index for index in range(len(items)) if (*found, index) not in removed]
            found = (*found, kept[key] if key < len(kept) else key)
        else:
            found = (*found, key)
    return found


class _Error:
    """One of pydantic's errors, with its path in the document and its words."""

    def __init__(
        self, document: Document, removed: frozenset[KeyPath], value: Any, details: ErrorDetails
    ) -> None:
        self._document = document
        self._type = details["type"]
        path: KeyPath = ()
        self._tag, self._union = "", path
        for key in details["loc"]:
            below = value[key] if _has(value, key) else None
            if (
                below is None
                and not _has(value, key)
                and not (self._type == "missing" and key == details["loc"][-1])
            ):
                # pydantic names the branch of a union among the keys
                self._tag, self._union = str(key), _origin(document, removed, path)
                continue
            path, value = (*path, key), below
        self.path = _origin(document, removed, path)
        self._value = value

    @property
    def counts(self) -> bool:
        """Whether the error speaks of the branch of a union that was meant: a word, or a list or mapping."""
        if not self._tag:
            return True
        union = self._document.at(self._union)
        return self._tag.startswith("literal") != isinstance(union, (dict, list))

    @property
    def drops(self) -> KeyPath:
        """What to leave out so that the rest can be read."""
        if self._type == "missing" and len(self.path) > 1:
            return self.path[:-1]
        return self.path

    def problems(self) -> Iterator[Problem]:
        """The error in words."""
        text, hint = self._say()
        line = self._document.line(self.path[:-1]) if self._type == "missing" else 0
        yield Problem(self.path, text, hint, line)

    def _say(self) -> tuple[str, str]:
        match self._type:
            case "missing":
                return "is missing", f"write {_entry(self.path)}"
            case "extra_forbidden":
                return "unknown", _unknown(self.path)
            case "literal_error":
                return self._no_such_word()
            case "string_pattern_mismatch":
                return self._no_match()
            case "greater_than_equal" | "less_than_equal":
                return f"{self._shown} is out of range", self._bounds()
            case "too_short" | "string_too_short":
                return "is empty", f"write {_entry(self.path)}"
            case _:
                return self._wrong_type()

    @property
    def _shown(self) -> str:
        return shown(self._value, self._document.text(self.path))

    def _bounds(self) -> str:
        bounds: Mapping[str, Any] = {}
        for node in nodes_at(self.path):
            bounds = {**bounds, **node}
        low, high = bounds.get("minimum"), bounds.get("maximum")
        return f"write {low} to {high}" if high is not None else f"write {low} or more"

    def _no_such_word(self) -> tuple[str, str]:
        words = [word for word in words_at(self.path) if word not in keys_at(self.path)]
        if not isinstance(self._value, str):
            return f"{self._shown} is {noun(self._value)}, not one of the words", f"write {_choice(words)}"
        near = _nearest(self._value, words)
        if near:
            return f"{self._value} is not known here", f"did you mean {near}?"
        return f"{self._value or 'an empty text'} is not known here", f"write {_choice(words)}"

    def _no_match(self) -> tuple[str, str]:
        pattern = next((node["pattern"] for node in nodes_at(self.path) if "pattern" in node), "")
        text, hint = _PATTERNS.get(pattern, ("does not have the right form", ""))
        if not hint:
            form = " (lower-case letters, digits and dashes)" if pattern.startswith("^[a-z0-9](") else ""
            hint = f"write for example {example_at(self.path)}{form}"
        return f'"{self._value}" {text}', hint

    def _wrong_type(self) -> tuple[str, str]:
        if self._value is None:
            return "is empty", f"write {_entry(self.path)}, or leave the key out"
        if self._type == "string_type":
            return self._no_text()
        wanted = {
            "int_type": "whole number",
            "bool_type": "true or false",
            "tuple_type": "list",
            "model_type": "mapping",
            "model_attributes_type": "mapping",
        }.get(self._type, "value of the right type")
        if wanted == "list" and not isinstance(self._value, (dict, list)):
            return (
                f"{self._shown} is {noun(self._value)}, not a list",
                f"write {_flow([self._value])}",
            )
        if (
            isinstance(self._value, str)
            and wanted in {"whole number", "true or false"}
            and _unquoted(self._value)
        ):
            return f'"{self._value}" is text because of its quotes', f"write {self._value}"
        article = "" if wanted.startswith("true") else "a "
        return f"{self._shown} is {noun(self._value)}, not {article}{wanted}", f"write {_entry(self.path)}"

    def _no_text(self) -> tuple[str, str]:
        written = self._document.text(self.path)
        pattern = next((node["pattern"] for node in nodes_at(self.path) if "pattern" in node), "")
        if ":" in written and isinstance(self._value, int):
            return (
                f"{written} is read by YAML as the number {self._value}, to base 60",
                f"write {_entry(self.path)}",
            )
        if isinstance(self._value, bool) and pattern:
            return f"{written} is {noun(self._value)}, not text", f"write {_entry(self.path)}"
        if isinstance(self._value, (int, float)) and not isinstance(self._value, bool):
            if pattern == DURATION:
                return (
                    f"{written} has no unit",
                    f"write for example {written}s, {written}m, {written}h or {written}d",
                )
            if pattern in {PERCENT, FACTOR}:
                unit = "%" if pattern == PERCENT else "x"
                return f"{written} has no unit", f"write {written}{unit}"
            if pattern:
                return f"{written} is a number, not text", f"write for example {example_at(self.path)}"
        if isinstance(self._value, (dict, list)):
            return f"{self._shown} stands where text is wanted", f"write {_entry(self.path)}"
        return f"{written} is {noun(self._value)}, not text", f'write "{written}" in quotes'


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def _unquoted(text: str) -> bool:
    return re.fullmatch(r"[0-9]+|true|false", text) is not None


def shown(value: Any, written: str) -> str:
    """A value as an error repeats it: a scalar as it was written, a container by what it is."""
    if isinstance(value, (dict, list)):
        return "this"
    return written or json.dumps(value)


def noun(value: Any) -> str:
    """What a value is, for a person."""
    match value:
        case bool():
            return "true or false to YAML"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"


def _entry(path: KeyPath) -> str:
    """A line that a person could write at a path."""
    example = example_at(path)
    if example is None:
        return "a whole number" if any(node.get("type") == "integer" for node in nodes_at(path)) else "text"
    text = example if isinstance(example, str) and example else _flow(example)
    return f"- {text}" if isinstance(path[-1], int) else f"{path[-1]}: {text}"


def _flow(value: Any) -> str:
    """A value in YAML's flow form, unquoted where that is plain."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str) and re.fullmatch(r"[\w~./][\w ~./:@%-]*", value):
        # Plain where YAML reads it back as it is; with a colon and a blank it would not.
        return value if yaml.safe_load(f"[{value}]") == [value] else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def _choice(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _unknown(path: KeyPath) -> str:
    """What to do about a key that is not known where it stands."""
    key, keys = str(path[-1]), keys_at(path[:-1])
    near = _nearest(key, keys)
    if near:
        return f"did you mean {near}?"
    homes = homes_of(key)
    if len(homes) == 1:
        return f"it belongs under {dotted(homes[0][:-1])}"
    return f"the keys here are {', '.join(keys)}"


def _nearest(word: str, words: Any) -> str:
    """The one of the words that was probably meant; case, dashes and underscores count for nothing."""
    plain = {re.sub(r"[-_ ]", "", known).lower(): known for known in words}
    near = get_close_matches(re.sub(r"[-_ ]", "", word).lower(), plain, n=1, cutoff=0.75)
    return plain[near[0]] if near else ""
