"""The JSON Schema of the migration file: every key described, in the words of the file, with examples that hold."""

from __future__ import annotations

import json

from pydantic import BaseModel

from migrate.model import migration as model
from migrate.planning.keys import KEYS
from migrate.planning.schema import schema


def _classes() -> dict[str, type[BaseModel]]:
    parts: dict[str, type[BaseModel]] = {
        name: value
        for name, value in vars(model).items()
        if isinstance(value, type) and issubclass(value, model.Part)
    }
    del parts["Part"]
    return parts


def test_every_key_is_described() -> None:
    """The table of keys holds every class and key of the model, and nothing that is gone."""
    assert {name: set(part.model_fields) for name, part in _classes().items()} == {
        k: set(v) for k, v in KEYS.items()
    }


def test_every_example_is_valid() -> None:
    """What the schema shows as an example is accepted where it is shown."""
    for name, part in _classes().items():
        for attribute, (_, *examples) in KEYS[name].items():
            alias = part.model_fields[attribute].alias
            for example in examples:
                fields = {f.alias: KEYS[name][a][1] for a, f in part.model_fields.items() if f.is_required()}
                text = json.dumps(fields | {alias: example})
                part.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def test_the_schema_describes_every_key_in_camel_case() -> None:
    """Each property has a sentence and an example, is written as in the file, and unknown ones are refused."""
    made = schema()
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name, definition in (*made["$defs"].items(), ("Migration", made)):
        assert definition["additionalProperties"] is False, name
        for key, node in definition["properties"].items():
            assert "_" not in key, (name, key)
            assert node["description"].endswith("."), (name, key)
            assert node.get("examples"), (name, key)
    assert made["required"] == ["metadata", "blue"]
    assert json.loads(json.dumps(made)) == made
