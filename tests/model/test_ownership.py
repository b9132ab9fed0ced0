"""Who owns which field: what a manager wrote by update counts as applied, and sets of fields are united."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.ownership import (
    APPLY,
    as_applied,
    common,
    gathered,
    owners_at,
    owns_by,
    resolved,
    set_apart,
    union,
)


def entry(
    manager: str = "me", operation: str = "Update", version: str = "v1", **fields: Any
) -> dict[str, Any]:
    """One entry of managedFields."""
    return {"manager": manager, "operation": operation, "apiVersion": version, "fieldsV1": fields}


def owned(*entries: dict[str, Any]) -> dict[str, Any]:
    """An object with these entries."""
    return {"metadata": {"managedFields": list(entries)}}


def test_an_update_becomes_an_apply() -> None:
    """The entry stays as it is but for its operation; those of others stay."""
    other = entry("kubectl-edit", x={})
    assert as_applied(owned(entry(a={}), other), "me") == [other, entry(operation="Apply", a={})]


def test_an_update_joins_what_was_applied() -> None:
    """Where something was applied already, the fields of both are one set."""
    found = as_applied(owned(entry(a={}), entry(operation="Apply", b={})), "me")
    assert found == [entry(operation="Apply", a={}, b={})]


def test_a_field_that_is_given_free_is_owned_no_more() -> None:
    """It leaves either entry, with parents that have nothing else below; alone these would own it all the same."""
    labels: dict[str, Any] = {"f:metadata": {"f:labels": {}}}
    mine = {**entry(operation="Apply"), "fieldsV1": {"f:spec": {"f:replicas": {}}, **labels}}
    update = {**entry(), "fieldsV1": {"f:spec": {"f:suspend": {}}}}
    free = ("spec.replicas", "spec.suspend", "spec.other")
    left = [{**entry(operation="Apply"), "fieldsV1": labels}]
    assert as_applied(owned(mine, update), "me", unowned=free) == left
    assert as_applied(owned(mine), "me", unowned=free) == left
    assert as_applied(owned(*left), "me", unowned=free) is None
    whole = {**entry(operation="Apply"), "fieldsV1": {"f:spec": {}}}
    assert as_applied(owned(whole), "me", unowned=free) is None


def test_nothing_is_moved() -> None:
    """Without an update of ours there is nothing to move: not for status, not for another version's paths."""
    assert as_applied(owned(entry(operation="Apply", a={})), "me") is None
    assert as_applied(owned({**entry(a={}), "subresource": "status"}), "me") is None
    assert as_applied(owned(entry(operation="Apply"), entry(version="v2", a={})), "me") is None
    assert as_applied({"metadata": {}}, "me") is None


def test_who_owns_by_what() -> None:
    """An update is no apply, and a subresource is another owner."""
    obj = owned(entry(a={}))
    assert owns_by(obj, "me", "Update")
    assert not owns_by(obj, "me", "Apply")
    assert not owns_by(owned({**entry(a={}), "subresource": "scale"}), "me", "Update")


def test_a_leaf_with_members_below_it_stays_a_member() -> None:
    """`{}` says that the field itself is owned; with members below it, `.` says so."""
    assert union({"f:data": {}}, {"f:data": {"f:a": {}}}) == {"f:data": {".": {}, "f:a": {}}}
    assert union({"f:data": {"f:a": {}}}, {"f:data": {}}) == {"f:data": {".": {}, "f:a": {}}}
    assert union({"f:data": {"f:a": {}}}, {"f:data": {"f:b": {}}, "f:x": {}}) == {
        "f:data": {"f:a": {}, "f:b": {}},
        "f:x": {},
    }


HELD = {
    "metadata": {"labels": {"app.kubernetes.io/name": "web", "app": "x"}},
    "spec": {
        "args": ["a", "b"],
        "ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "name": "dns"}],
        "finalizers": ["one", "two"],
    },
}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("metadata.labels.app.kubernetes.io/name", ("metadata", "labels", "app.kubernetes.io/name")),
        ("metadata.labels.app", ("metadata", "labels", "app")),
        ("spec.ports[1].name", ("spec", "ports", 1, "name")),
        ("spec.ports", ("spec", "ports")),
        ("spec.ports[2].name", None),
        ("spec.ports[1].nodePort", None),
        ("metadata.labels.ap", None),
        ("spec.args[0].x", None),
    ],
)
def test_a_path_is_read_by_what_it_leads_through(path: str, steps: tuple[str | int, ...] | None) -> None:
    """Keys have dots of their own; what is not there is led to by nothing."""
    assert resolved(HELD, path) == steps


@pytest.mark.parametrize(
    ("fields", "steps", "owns"),
    [
        ({"f:spec": {"f:args": {}}}, ("spec", "args", 0), True),
        ({"f:spec": {"f:args": {}}}, ("spec",), True),
        ({"f:spec": {"f:other": {}}}, ("spec", "args"), False),
        ({"f:spec": {"f:ports": {'k:{"port":53,"protocol":"UDP"}': {"f:name": {}}}}}, ("spec", "ports", 1, "name"), True),
        ({"f:spec": {"f:ports": {'k:{"port":53,"protocol":"TCP"}': {"f:name": {}}}}}, ("spec", "ports", 1, "name"), False),
        ({"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}}}}}, ("spec", "ports", 0, "port"), False),
        ({"f:spec": {"f:finalizers": {'v:"two"': {}}}}, ("spec", "finalizers", 1), True),
        ({"f:spec": {"f:finalizers": {'v:"two"': {}}}}, ("spec", "finalizers", 0), False),
    ],
)  # fmt: skip
def test_who_owns_a_field(fields: dict[str, Any], steps: tuple[str | int, ...], owns: bool) -> None:
    """By its keys, by its value, as part of what is owned whole, or by owning something below it."""
    obj = {**HELD, "metadata": {"managedFields": [entry(**fields)]}}
    assert bool(owners_at(obj, steps)) is owns


def test_what_a_manager_owns_is_set_apart_as_one_owner() -> None:
    """Applied or updated, it becomes one entry a version under the other name; others and subresources stay."""
    others, status = entry("theirs", a={}), {**entry(c={}), "subresource": "status"}
    assert set_apart(owned(others, status), "me", "earlier") is None
    found = set_apart(owned(entry(operation=APPLY, a={}), others, status, entry(b={})), "me", "earlier")
    assert found == [entry("earlier", a={}, b={}), others, status]


def test_of_one_owners_entries_none_is_lost() -> None:
    """Updates of two versions are two owners; of applies in two versions the first stays."""
    new, old = entry(version="v2", x={}), entry(version="v1", y={})
    assert gathered([new, old, new]) == [new, old]
    applied = [{**each, "operation": APPLY} for each in (new, old)]
    assert gathered(applied) == applied[:1]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({"f:a": {}}, {"f:a": {}}, {"f:a": {}}),
        ({"f:a": {}}, {"f:a": {"f:b": {}}}, {}),
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {".": {}, "f:c": {}}}, {"f:a": {}}),
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {"f:b": {}}}, {"f:a": {"f:b": {}}}),
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {".": {}, "f:b": {}}}, {"f:a": {".": {}, "f:b": {}}}),
    ],
)
def test_a_field_itself_and_what_is_below_it_are_told_apart(one: Any, other: Any, both: Any) -> None:
    """An empty mapping is the field; `.` says that a field with members below is one itself."""
    assert common(one, other) == both
