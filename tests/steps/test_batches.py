"""How Actions are cut into batches: by their number, and by what their bodies weigh."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migrate.model.action import Action
from migrate.model.ids import ActionKey
from migrate.steps import base
from migrate.steps.base import chunks


def keys(weights: Mapping[str, int], size: int) -> list[str]:
    """The batches that Actions of these weights are cut into, each as the names of its Actions."""
    actions = [Action("create", ActionKey(name)) for name in weights]
    return ["".join(a.key for a in batch) for batch in chunks(actions, size, lambda a: weights[a.key])]


@pytest.mark.parametrize(
    ("weights", "batches"),
    [
        ({}, []),
        (dict.fromkeys("abc", 1), ["abc"]),
        (dict.fromkeys("abcd", 1), ["abc", "d"]),
        (dict.fromkeys("abc", 6), ["a", "b", "c"]),
        ({"a": 1, "b": 99, "c": 1, "d": 1}, ["a", "b", "cd"]),
        ({"a": 5, "b": 5, "c": 5}, ["ab", "c"]),
    ],
)
def test_a_batch_is_bounded_by_number_and_by_weight(
    weights: Mapping[str, int], batches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three at most, ten bytes at most; what is heavier than a batch may be makes one alone, and nothing is lost."""
    monkeypatch.setattr(base, "HEAVY", 10)
    assert keys(weights, 3) == batches
