"""Ceding: each field goes to whoever has it on the other object, and nothing else changes hands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migrate.model.ceding import Share, ceded, has_ceded, reclaimed, shares
from migrate.model.marks import RUN
from migrate.model.ownership import common, union, without

MARKS: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{RUN}": {}}}}


def entry(manager: str, operation: str = "Update", version: str = "v1", **fields: Any) -> dict[str, Any]:
    """One entry of managedFields, with its fields below data."""
    below = {"f:data": {f"f:{word}": fields[word] for word in fields}}
    return {"manager": manager, "operation": operation, "apiVersion": version, "fieldsV1": below}


def owned(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """An object with these entries."""
    return {"metadata": {"managedFields": list(entries)}}


def given_away(obj: dict[str, Any], *owners: Mapping[str, Any]) -> tuple[list[Share], dict[str, Any]]:
    """The shares of an object, and the object once they are ceded."""
    parts = shares(obj, "me", owners)
    return parts, owned(*(ceded(obj, "me", parts) or ()))


def test_each_owner_gets_what_it_has_of_ours() -> None:
    """What green's own hands have stays; what nobody has on blue is nobody's."""
    flux, scaler = entry("flux", "Apply", a={}, gone={}), entry("scaler", b={})
    _, green = given_away(owned(entry("me", a={}, b={}, c={}), entry("theirs", d={})), flux, scaler)
    assert green == owned(entry("theirs", d={}), entry("flux", "Apply", a={}), entry("scaler", b={}))


def test_an_owner_that_has_some_already_has_them_together() -> None:
    """The server would keep one of two entries."""
    _, green = given_away(owned(entry("me", a={}), entry("flux", b={})), entry("flux", a={}))
    assert green == owned(entry("flux", a={}, b={}))


def test_our_marks_stay_ours_until_they_go() -> None:
    """They are what a resumed finish knows its objects by; with them alone there is nothing to cede."""
    both = entry("me", a={})
    both["fieldsV1"] |= MARKS
    left = owned({**both, "fieldsV1": MARKS})
    assert given_away(owned(both))[1] == left
    assert ceded(left, "me", shares(left, "me", [])) is None
    assert has_ceded(left, "me")
    assert has_ceded(owned(), "me")


def test_another_version_and_our_own_word_on_blue_share_nothing() -> None:
    """Paths of two versions are of two schemas; what we wrote on blue was somebody else's."""
    green = owned(entry("me", a={}))
    (mine,) = shares(green, "me", [entry("flux", version="v2", a={}), entry("me", a={})])
    assert (mine.owner["manager"], mine.fields) == ("me", {"f:data": {"f:a": {}}})


def test_what_was_given_away_is_claimed_back() -> None:
    """Who has come since stays an owner; done twice it is done once."""
    before = entry("me", a={}, b={})
    parts, green = given_away(owned(before), entry("flux", a={}))
    late = entry("kubectl-edit", b={})
    back = reclaimed(owned(*green["metadata"]["managedFields"], late), "me", parts)
    assert back == [before, late]
    assert reclaimed(owned(*back), "me", parts) is None


def test_an_owner_keeps_what_it_had_before_and_what_it_has_written_since() -> None:
    """Only what it was given is taken from it: had it changed a key meanwhile, nobody would own that any more."""
    mine, flux = entry("me", a={}, b={}), entry("flux", a={})
    parts, green = given_away(owned(mine, flux), entry("flux", a={}, b={}))
    assert green == owned(entry("flux", a={}, b={}))
    assert reclaimed(owned(entry("flux", a={}, b={}, c={})), "me", parts) == [mine, entry("flux", a={}, c={})]


def test_what_was_written_and_what_was_applied_come_back_apart() -> None:
    """To the server they are two owners, of which either may have a field of its own."""
    applied, patched = entry("me", "Apply", a={}, b={}), entry("me", b={}, c={})
    parts, green = given_away(owned(applied, patched), entry("flux", "Apply", a={}, b={}, c={}))
    assert green == owned(entry("flux", "Apply", a={}, b={}, c={}))
    assert reclaimed(green, "me", parts) == [applied, patched]


def test_what_was_taken_from_us_is_not_given_away() -> None:
    """Somebody who wrote between the look and the act owns what he wrote, and the others get no part of it."""
    parts = shares(owned(entry("me", a={}, b={})), "me", [entry("flux", a={}, b={})])
    taken = owned(entry("me", b={}), entry("kubectl-edit", a={}))
    assert ceded(taken, "me", parts) == [entry("kubectl-edit", a={}), entry("flux", b={})]


words = st.sampled_from(["f:a", "f:b", 'k:{"name":"c"}'])
nothing: dict[str, Any] = {}
below: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just(nothing),
    lambda inner: st.tuples(st.dictionaries(words, inner, min_size=1), st.booleans()).map(
        lambda pair: {**({".": {}} if pair[1] else {}), **pair[0]}
    ),
    max_leaves=6,
)
sets = st.dictionaries(words, below, max_size=3)


@given(one=sets, other=sets)
def test_what_is_common_and_the_rest_are_the_set_again(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Nothing is in both parts, and nothing in neither."""
    both, rest = common(one, other), without(one, other)
    assert common(rest, other) == {}
    assert both == common(other, one)
    assert (union(both, rest) if both and rest else both or rest) == one


@given(mine=sets.filter(bool), owners=st.lists(sets, max_size=3), there=sets)
def test_the_way_back_leads_where_it_began(
    mine: dict[str, Any], owners: list[dict[str, Any]], there: dict[str, Any]
) -> None:
    """Whatever is shared by whom, through an intent's JSON, too."""

    def by(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
        return {**entry(manager), "fieldsV1": fields}

    before = owned(by("me", mine), *([by("owner0", there)] if there else []))
    parts = shares(before, "me", [by(f"owner{n}", fields) for n, fields in enumerate(owners)])
    parts = [Share.of_json(json.loads(json.dumps(part.as_json()))) for part in parts]
    green = owned(*(ceded(before, "me", parts) or ()))
    assert has_ceded(green, "me")
    back = reclaimed(green, "me", parts)
    assert back is not None
    assert {e["manager"]: e["fieldsV1"] for e in back} == {
        e["manager"]: e["fieldsV1"] for e in before["metadata"]["managedFields"]
    }
