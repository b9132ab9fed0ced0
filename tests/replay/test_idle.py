"""Entries of the file that meet nothing on blue: said with what may have been meant, those that hold told apart."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.replay import idle
from tests.replay.builders import deployment, inventory, migration, obj, owner, service

RULE = {"namespace": "shop", "hold": True, "reason": "it writes"}


def said(**workloads: Any) -> list[tuple[str, bool]]:
    """What is idle of a file about a shop with a cart, and whether it holds."""
    blue = inventory(obj("Namespace", "shop"), deployment("cart"), service("cart"))
    return [(str(one), one.holds) for one in idle(migration(workloads), blue)]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (
            {"kind": "deployment", "namespace": "shop", "name": "cart"},
            "blue has no deployment shop/cart: did you mean kind Deployment?",
        ),
        (
            {"kind": "Deployment", "namespace": "shop", "name": "carts"},
            "blue has no Deployment shop/carts: did you mean Deployment shop/cart?",
        ),
        (
            {"kind": "Deployment", "namespace": "shp", "name": "cart"},
            "blue has no Deployment shp/cart: did you mean Deployment shop/cart?",
        ),
        (
            {"kind": "Ingress", "namespace": "a", "name": "b"},
            "blue has no Ingress a/b: it has no object of that kind",
        ),
        (
            {"kind": "Service", "namespace": "shop", "name": "cart"},
            "Service shop/cart runs no pods; for what is none of a workload write workloads.rules",
        ),
    ],
    ids=["the kind", "the name", "the namespace", "no such kind", "no workload"],
)
def test_an_entry_that_holds_nothing_says_what_was_meant(entry: dict[str, str], why: str) -> None:
    """By kind, then by name; and that it holds is what stops a replay."""
    assert said(hold=[entry]) == [(f"workloads.hold, entry 1: {why}", True)]


def test_an_entry_that_holds_something_is_not_idle() -> None:
    """A glob that reaches a workload, beside other things, is none either."""
    assert (
        said(hold=[{"namespace": "shop"}, {"kind": "Deployment", "namespace": "shop", "name": "cart"}]) == []
    )


def test_an_entry_for_what_a_controller_makes_names_who_makes_it() -> None:
    """An operator on green would make it awake: held is only what this run writes."""
    main = obj("Database", "main", "shop", "example.net/v1", uid="cr-1")
    made = obj("StatefulSet", "main", "shop", "apps/v1", uid="set-1", owners=owner(main), spec={})
    file = migration({"hold": [{"kind": "StatefulSet", "namespace": "shop", "name": "main"}]})
    (found,) = idle(file, inventory(main, made))
    assert found.holds
    assert "StatefulSet shop/main is made by Database.example.net shop/main, on green as well" in found.why
    assert idle(file, inventory(made)) == ()  # nobody makes it: the replay asks about it


def test_a_rule_that_holds_nothing_holds_as_well() -> None:
    """Misspelt, or hidden behind another rule; one that leaves something out starts nothing."""
    assert said(
        rules=[
            {**RULE, "kind": "Deployment", "name": "carts"},
            {"kind": "Deployment", "replay": True, "reason": "all of them"},
            {**RULE, "kind": "Deployment", "name": "cart"},
            {"kind": "Deployment", "name": "gone", "skip": True, "reason": "old"},
        ]
    ) == [
        ("operator.1: blue has no Deployment shop/carts: did you mean Deployment shop/cart?", True),
        ("operator.3: rules before it decide all that it names", True),
        ("operator.4: blue has no Deployment */gone", False),
    ]
