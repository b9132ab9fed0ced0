"""Edits of JSON: RFC 7396 merge patches, and changes that share what they do not touch."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.replay.edits import changed, composed, given_up, leaves, merged, removed, replaced

# The examples of RFC 7396, appendix A: original, patch, result.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("original", "patch", "result"), EXAMPLES)
def test_merge_patch_follows_the_rfc(original: Any, patch: Any, result: Any) -> None:
    """A merge patch has the effect that RFC 7396 gives for its examples."""
    assert merged(original, patch) == result


def test_paths_that_lead_nowhere_change_nothing() -> None:
    """Removing or changing what is not there leaves the object alone, also where a parent is no mapping."""
    source = {"a": {"b": 1}, "c": [1]}
    assert removed(source, "x", "y") == removed(source, "c", "y") == removed(source, "y") == source
    assert changed(source, ("c", "y"), str) == source


def test_emptied_parent_stays() -> None:
    """A map whose last key goes is left empty, for that may mean something; its neighbours are shared."""
    source = {"a": {"b": 1}, "c": {"d": 1}}
    found = removed(source, "a", "b")
    assert found == {"a": {}, "c": {"d": 1}}
    assert found["c"] is source["c"]


def test_missing_parents_are_made() -> None:
    """Setting a value makes the parents that are missing, and replaces one that is null."""
    assert replaced({"a": None}, ("a", "b"), 1) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("now", "found", "prior", "back"),
    [
        ({"a": {"x": 1}}, {"a": {"x": 1}}, {}, {}),
        ({}, {"a": {"x": 1, "y": 2}}, {}, {"a": {"x": None}}),
        ({}, {"a": {"x": 1}}, {"a": {"x": 0}}, {"a": {"x": 0}}),
        ({}, {"a": {"x": 1}}, {"a": {"x": 1}}, {}),
        ({}, {"a": {"x": 7}}, {}, {}),
        ({}, {"a": "other"}, {"a": None}, {}),
        ({}, {}, {}, {}),
    ],
    ids=["said", "gone", "back", "as-before", "of-others", "another-shape", "away"],
)
def test_what_a_patch_says_no_more_goes_back(now: Any, found: Any, prior: Any, back: Any) -> None:
    """Only where it is as it was patched, and to what was there before."""
    change = given_up({"a": {"x": 1}}, now, found, prior)
    assert change == back
    assert list(leaves(change)) == (["a.x"] if back else [])


def test_of_two_ways_back_the_older_counts() -> None:
    """Nulls as well: what was absent at first was written by ourselves when it was found later."""
    assert composed({"a": None, "b": {"x": 1}}, {"a": {"y": 2}, "b": {"x": 3, "z": 4}, "c": 5}) == {
        "a": None,
        "b": {"x": 1, "z": 4},
        "c": 5,
    }
