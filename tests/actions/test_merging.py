"""Merge patches (RFC 7396), and the patch that takes one back."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migrate.actions.merging import reverse, stands
from migrate.replay.edits import put_back

keys = st.sampled_from(["a", "b", "c"])
scalars = st.one_of(
    st.integers(-2, 2), st.booleans(), st.text("xy", max_size=2), st.lists(st.integers(0, 1), max_size=2)
)


def mappings(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Nested mappings over leaves."""
    return st.dictionaries(
        keys,
        st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6),
        max_size=3,
    )


objects = mappings(scalars)
patches = mappings(st.one_of(scalars, st.none()))


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(obj=objects, patch=patches)
def test_reverse_undoes_any_patch(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    """Whatever a merge patch does to an object, the reverse patch puts the object back."""
    assert merged(merged(obj, patch), reverse(obj, patch)) == obj


@given(obj=objects, patch=patches)
def test_a_patched_object_stands_as_the_patch_wants(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    """After a patch it stands; and where it stands, patching changes nothing but empty maps."""
    assert stands(merged(obj, patch), patch)
    if stands(obj, patch):
        assert _without_empty(merged(obj, patch)) == _without_empty(obj)


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {k: _without_empty(v) for k, v in value.items()}
    return {k: v for k, v in kept.items() if v != {}}


def test_false_is_not_zero_by_accident() -> None:
    """A scalar where a map is wanted does not stand, nor a missing key where a value is wanted."""
    assert not stands(1, {"a": 1})
    assert not stands({}, {"a": 1})
    assert not stands({"a": 1}, {"a": None})
    assert stands({}, {"a": {"b": None}})
    assert stands({"a": 1, "b": 2}, {"a": 1})


def test_what_others_wrote_into_a_map_that_was_not_there_survives() -> None:
    """Where there were no labels, annotations or selector, only the keys of the patch go again."""
    patch = {
        "metadata": {"annotations": {"ours": "1"}},
        "spec": {"nodeSelector": {"ours": "1"}, "tuned": {"a": "b"}},
    }
    back = reverse({"metadata": {"name": "x"}, "spec": {}}, patch)
    since = merged({"metadata": {"name": "x"}, "spec": {}}, patch)
    since = merged(
        since, {"metadata": {"annotations": {"theirs": "2"}}, "spec": {"nodeSelector": {"theirs": "2"}}}
    )
    assert merged(since, back) == {
        "metadata": {"name": "x", "annotations": {"theirs": "2"}},
        "spec": {"nodeSelector": {"theirs": "2"}},
    }


@given(words=st.dictionaries(keys, st.text("xy", max_size=2), min_size=1))
def test_taken_back_in_memory_a_map_that_was_not_there_is_none(words: dict[str, str]) -> None:
    """An emptied map of many hands is not there, as a server would have it; any other empty map means something."""
    was = {"metadata": {"name": "x"}, "spec": {"automated": {}}}
    patch = {"metadata": {"labels": words}, "spec": {"automated": None}}
    assert put_back(merged(was, patch), reverse(was, patch)) == was
