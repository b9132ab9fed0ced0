"""The version in which blue is read, and what is converted where no version is in common."""

from __future__ import annotations

import pytest

from migrate.model.facts import OwnRanges
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Resource, ref_of
from migrate.replay import decide_all, modern, readable, serves
from tests.replay.builders import migration, obj

BUDGET = obj("PodDisruptionBudget", "web", "shop", "policy/v1beta1", spec={"minAvailable": 1})


def resource(group: str, kind: str, *versions: str) -> Resource:
    """A resource in some versions, the preferred one first."""
    return Resource(group, versions[0], f"{kind.lower()}s", kind, True, frozenset({"create"}), versions[1:])


def blue(what: Resource, *objects: Object) -> Inventory:
    """A blue that was read in the version that the resource is spoken of in."""
    return Inventory((what,), {what: objects})


@pytest.mark.parametrize(
    ("on_blue", "on_green", "read"),
    [
        (("v1",), ("v2", "v1"), "v1"),
        (("v1", "v2beta2", "v2beta1"), ("v2", "v1"), "v1"),
        (("v2", "v1"), ("v1", "v2"), "v1"),
        (("v1", "v2"), ("v2", "v1"), "v2"),
        (("v2beta1", "v2beta2"), ("v2",), "v2beta2"),
        (("v2beta1",), ("v2",), "v2beta1"),
    ],
)
def test_the_version_read_is_the_first_of_green_that_blue_serves_too(
    on_blue: tuple[str, ...], on_green: tuple[str, ...], read: str
) -> None:
    """Else one that a conversion leads from; else what blue prefers."""
    at = readable([resource("autoscaling", "HorizontalPodAutoscaler", *on_green)])
    found = at(resource("autoscaling", "HorizontalPodAutoscaler", *on_blue))
    assert found.version == read
    assert sorted(found.versions) == sorted(on_blue)


def test_a_kind_that_green_does_not_serve_is_read_as_blue_prefers() -> None:
    """Its definition may be about to move."""
    shops = resource("example.com", "Shop", "v1beta1", "v1")
    assert readable([])(shops) == shops


def test_what_green_takes_is_not_converted() -> None:
    """A conversion is for what no version of both sides can carry."""
    budgets = resource("policy", "PodDisruptionBudget", "v1beta1")
    read = blue(budgets, BUDGET)
    assert modern(read, serves([resource("policy", "PodDisruptionBudget", "v1", "v1beta1")])) is read
    assert modern(read, {}) is read


@pytest.mark.parametrize("green", [None, [resource("policy", "PodDisruptionBudget", "v1")]])
def test_a_conversion_keeps_the_reference_and_is_said_once(green: list[Resource] | None) -> None:
    """With a green that wants it, and before there is one; converting what was converted changes nothing more."""
    takes = serves(green) if green is not None else None
    found = modern(blue(resource("policy", "PodDisruptionBudget", "v1beta1"), BUDGET), takes)
    (kept,) = found.of("PodDisruptionBudget", "policy")
    assert kept == {**BUDGET, "apiVersion": "policy/v1"}
    assert found.converted == {ref_of(BUDGET): "converted from policy/v1beta1 to policy/v1"}
    assert modern(found, takes) == found


def test_objects_of_a_definition_that_moves_go_in_the_version_they_were_read_in() -> None:
    """Green will serve what blue's definition serves, though it serves nothing of the kind yet."""
    definition = obj(
        "CustomResourceDefinition",
        "shops.example.com",
        api="apiextensions.k8s.io/v1",
        spec={"group": "example.com", "names": {"kind": "Shop", "plural": "shops"}},
    )
    definitions = resource("apiextensions.k8s.io", "CustomResourceDefinition", "v1")
    shops = resource("example.com", "Shop", "v1", "v1beta1").at("v1beta1")
    shop = obj("Shop", "main", "shop", "example.com/v1beta1", spec={})
    read = Inventory((definitions, shops), {definitions: [definition], shops: [shop]})
    found = decide_all(
        read, migration(), residue=frozenset(), ranges=OwnRanges(), green_resources=[definitions]
    )
    target = next(d.target for d in found if d.ref == ref_of(shop))
    assert target is not None
    assert target["apiVersion"] == "example.com/v1beta1"
    assert found.at(shops.at("v1")).version == "v1beta1"


def test_a_definition_of_greens_own_decides_which_versions_it_takes() -> None:
    """Blue's definition will not replace it, so an object of a version that it lacks is asked about."""
    shops = resource("example.com", "Shop", "v1beta1")
    shop = obj("Shop", "main", "shop", "example.com/v1beta1", spec={})
    green = [resource("example.com", "Shop", "v2", "v1")]
    (found,) = decide_all(
        blue(shops, shop), migration(), residue=frozenset(), ranges=OwnRanges(), green_resources=green
    )
    assert (found.rule, found.evidence) == (
        "green.other-version",
        "blue serves v1beta1; green serves v2, v1",
    )
