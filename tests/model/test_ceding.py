"""Ceding: each field goes to whoever has it on the other object, and nothing else changes hands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from migrate.model.ceding import ceded, common, reclaimed, shares
from migrate.model.marks import RUN


def entry(manager: str, operation: str = "Update", version: str = "v1", **fields: Any) -> dict[str, Any]:
    """One entry of managedFields, with its fields below data."""
    below = {"f:data": {f"f:{word}": fields[word] for word in fields}}
    return {"manager": manager, "operation": operation, "apiVersion": version, "fieldsV1": below}


def owned(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """An object with these entries."""
    return {"metadata": {"managedFields": list(entries)}}


def test_each_owner_gets_what_it_has_of_ours() -> None:
    """What green's own hands have stays; what nobody has on blue is nobody's."""
    flux, scaler = entry("flux", "Apply", a={}, gone={}), entry("scaler", b={})
    green = owned(entry("me", a={}, b={}, c={}), entry("theirs", d={}))
    assert ceded(green, "me", [flux, scaler]) == [
        entry("theirs", d={}),
        entry("flux", "Apply", a={}),
        entry("scaler", b={}),
    ]


def test_an_owner_that_has_some_already_has_them_together() -> None:
    """The server would keep one of two entries."""
    found = ceded(owned(entry("me", a={}), entry("flux", b={})), "me", [entry("flux", a={})])
    assert found == [entry("flux", a={}, b={})]


def test_our_marks_stay_ours_until_they_go() -> None:
    """They are what a resumed finish knows its objects by; with them alone there is nothing to cede."""
    noted: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{RUN}": {}}}}
    both = entry("me", a={})
    both["fieldsV1"] |= noted
    assert ceded(owned(both), "me", []) == [{**both, "fieldsV1": noted}]
    assert ceded(owned({**both, "fieldsV1": noted}), "me", []) is None
    assert ceded(owned(), "me", []) is None


def test_another_version_and_our_own_word_on_blue_share_nothing() -> None:
    """Paths of two versions are of two schemas; what we wrote on blue was somebody else's."""
    green = owned(entry("me", a={}))
    assert shares(green, "me", [entry("flux", version="v2", a={}), entry("me", a={})]) == []


def test_what_was_given_away_is_claimed_back() -> None:
    """Who has come since stays an owner; done twice it is done once."""
    mine, flux, late = entry("me", a={}), entry("flux", a={}), entry("kubectl-edit", b={})
    back = reclaimed(owned(flux, late), [mine], [flux])
    assert back == [mine, late]
    assert reclaimed(owned(*back), [mine], [flux]) is None


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
