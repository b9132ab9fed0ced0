"""The table of types that the simulation ships, made of a real API server's own OpenAPI document.

    python -m tests.simulation.openapi swagger.json > migrate/simulation/data/types.yaml

where swagger.json is what `kubectl get --raw /openapi/v2` prints.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migrate.simulation.served import builtin

HEAD = """\
# The types of the built-in kinds that can be listed, as Kubernetes v1.35 publishes them in its OpenAPI document.
# Each field is NAME=TYPE, NAME*=TYPE where it is required; [T] is a list of T, {T} a map of texts to T.
"""

_WORDS = {"Quantity": "quantity", "IntOrString": "port", "Time": "time", "MicroTime": "time"}
_SCALARS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


class _Table:
    """Types by their short names, gathered from the kinds downwards."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._fields: dict[str, dict[str, str]] = {}

    def add(self, full: str) -> None:
        """Take a type, and every type of its fields."""
        if full in self._fields:
            return
        fields = self._fields[full] = {}
        definition = self._definitions[full]
        required = definition.get("required", ())
        for name, schema in sorted(definition["properties"].items()):
            fields[name + "*" * (name in required)] = self._word(schema)

    def _word(self, schema: Mapping[str, Any]) -> str:
        if "$ref" in schema:
            full = schema["$ref"].rpartition("/")[2]
            short = full.rpartition(".")[2]
            if short in _WORDS or "properties" not in self._definitions[full]:
                return _WORDS.get(short, "any")
            self.add(full)
            return str(full)
        match schema.get("type"):
            case "array":
                return f"[{self._word(schema['items'])}]"
            case "object" if "additionalProperties" in schema:
                return f"{{{self._word(schema['additionalProperties'])}}}"
            case "string" if schema.get("format") == "date-time":
                return "time"
            case kind:
                return _SCALARS.get(str(kind), "any")

    def lines(self, kinds: Mapping[str, str]) -> list[str]:
        """The file's lines: the kinds with their types, then the types with their fields."""
        count = Counter(full.rpartition(".")[2] for full in self._fields)
        names = {
            full: full.rpartition(".")[2]
            if count[full.rpartition(".")[2]] == 1
            else ".".join(full.split(".")[-3:])
            for full in self._fields
        }

        def short(word: str) -> str:
            bare = word.strip("[]{}")
            return word.replace(bare, names.get(bare, bare))

        found = ["kinds:"]
        found += [f"  {kind}: {names[full]}" for kind, full in sorted(kinds.items())]
        found.append("types:")
        for full in sorted(self._fields, key=names.__getitem__):
            fields = " ".join(f"{name}={short(word)}" for name, word in self._fields[full].items())
            found += textwrap.wrap(
                f"{names[full]}: {fields or '-'}",
                118,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        return found


def table(openapi: Mapping[str, Any]) -> str:
    """The table of a server's `/openapi/v2`."""
    definitions = openapi["definitions"]
    wanted = {
        (s.resource.group, s.resource.version, s.resource.kind)
        for s in builtin(35)
        if "list" in s.resource.verbs
    }
    found, kinds = _Table(definitions), {}
    for full, definition in sorted(definitions.items()):
        for spoken in definition.get("x-kubernetes-group-version-kind", ()):
            kind = (spoken["group"], spoken["version"], spoken["kind"])
            if kind in wanted and "properties" in definition:
                kinds[f"{kind[0] or 'core'} {kind[1]} {kind[2]}"] = full
                found.add(full)
    return HEAD + "\n".join(found.lines(kinds)) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
