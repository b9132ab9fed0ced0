"""The text in which an entry's data is stored and hashed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.action import OutcomeState
from migrate.model.canonical import canonical
from migrate.model.entry import text_of

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=10,
)


@given(data=st.dictionaries(st.text(), VALUES, max_size=5))
def test_it_is_the_canonical_form(data: dict[str, Any]) -> None:
    """Whatever the order of the keys, the size of the numbers and the letters of the text."""
    assert text_of(data) == canonical(data)


def test_it_reads_back_as_it_was() -> None:
    """Times in seconds among it, and what is named by a number or by one of our own words."""
    data = {"deadline": 600.0, "rate": 1e-9, "state": OutcomeState.DONE, "counts": {3: 4}, "n": 2**60 + 1}
    assert orjson.loads(text_of(data)) == {**data, "counts": {"3": 4}}


@pytest.mark.parametrize("value", [datetime(2026, 1, 5, tzinfo=UTC), object(), {1, 2}, b"bytes"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    """It is no JSON of somebody's making that would not be read back as what it was."""
    with pytest.raises(TypeError):
        text_of({"value": value})
