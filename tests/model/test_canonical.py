"""The one canonical form, and the digests taken of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.canonical import canonical, digest, keyed_digest

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=10,
)


@given(value=values)
def test_nothing_is_lost(value: Any) -> None:
    """Canonical form reads back as the same value, and is its own canonical form."""
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@given(value=st.dictionaries(st.text(), values, min_size=2, max_size=5))
def test_the_order_of_keys_is_no_difference(value: dict[str, Any]) -> None:
    """The same mapping in another order has the same form and the same digest."""
    turned = dict(reversed(value.items()))
    assert canonical(turned) == canonical(value)
    assert digest(turned) == digest(value)


def test_integers_are_exact() -> None:
    """Numbers above 2^53, which Calico's sequence numbers are, do not lose a digit."""
    assert canonical({"n": 2**60 + 1}) == '{"n":1152921504606846977}'
    assert digest(2**60 + 1) != digest(2**60)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused(value: float) -> None:
    """NaN and infinity are refused, as is what is no JSON at all."""
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(value)
    with pytest.raises(TypeError):
        canonical(object())


def test_a_keyed_digest_needs_its_key() -> None:
    """The same value under another key, or without one, has another digest; each has 64 digits."""
    one, other = keyed_digest(b"one", {"a": 1}), keyed_digest(b"other", {"a": 1})
    assert len({one, other, digest({"a": 1})}) == 3
    assert {len(d) for d in (one, other)} == {64}
