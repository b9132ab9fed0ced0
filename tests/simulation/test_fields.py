"""Field ownership, on values: what moves, what conflicts, what is pruned."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.simulation.fields import (
    changed,
    difference,
    fields_of,
    intersection,
    merged,
    paths,
    pruned,
    surviving,
    union,
)
from migrate.simulation.listkeys import keys_of
from migrate.simulation.shapes import copied, merge_patched

NODE = keys_of("apps", "Deployment")


def deployment(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The spec of a Deployment with these containers."""
    return {"spec": {**spec, "template": {"spec": {"containers": list(containers)}}}}


def test_paths_are_told_as_the_server_tells_them() -> None:
    """A field by dots, an item by its keys."""
    fields = fields_of(deployment({"name": "web", "image": "a"}, replicas=1), "apps", "Deployment")
    assert list(paths(fields)) == [
        ".spec.replicas",
        '.spec.template.spec.containers[name="web"]',
        '.spec.template.spec.containers[name="web"].name',
        '.spec.template.spec.containers[name="web"].image',
    ]


def test_an_atomic_map_changes_whole() -> None:
    """A selector of a Deployment is one value."""
    before, after = {"spec": {"selector": {"a": 1}}}, {"spec": {"selector": {"a": 1, "b": 2}}}
    assert list(paths(changed(before, after, NODE))) == [".spec.selector"]


def test_a_list_without_keys_is_one_value() -> None:
    """Arguments of a container are replaced, never merged."""
    live = deployment({"name": "web", "args": ["a"], "image": "i"})
    applied = deployment({"name": "web", "args": ["b"]})
    assert merged(live, applied, NODE) == deployment({"name": "web", "args": ["b"], "image": "i"})


def test_an_item_that_is_given_up_goes_whole() -> None:
    """Defaults that nobody owns go with the item; another item stays."""
    live = deployment({"name": "web", "image": "a", "defaulted": 1}, {"name": "side", "image": "b"})
    mine = fields_of(deployment({"name": "web", "image": "a"}), "apps", "Deployment")
    assert pruned(live, mine, NODE) == deployment({"name": "side", "image": "b"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["spec", "data", "x"]), JSON, max_size=3)


@settings(max_examples=200)
@given(OBJECTS, OBJECTS)
def test_what_changed_is_what_one_or_the_other_has(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Nothing has changed between equals, and what survives of a change is in the new value."""
    moved = changed(before, after, NODE)
    assert bool(moved) == (before != after)
    kept = surviving(moved, after, NODE)
    assert difference(kept, moved) == {} or set(paths(kept)) <= set(paths(moved))
    assert changed(after, copied(after), NODE) == {}


@settings(max_examples=200)
@given(OBJECTS, OBJECTS)
def test_sets_of_fields_are_sets(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Union holds both, difference and the set itself have nothing in common with the other's own leaves."""
    a, b = fields_of(one, "", "X"), fields_of(other, "", "X")
    assert difference(a, union(a, b)) == {}
    assert intersection(a, a) == a
    assert difference(a, {}) == a


@settings(max_examples=200)
@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_once(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7396 is idempotent, and leaves what it was given alone."""
    before = copied(target)
    once = merge_patched(target, patch)
    assert merge_patched(once, patch) == once
    assert target == before
