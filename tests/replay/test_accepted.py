"""Differences that the operator accepts: by object and path, listed with their reason, and nothing beside them."""

from __future__ import annotations

import pytest

from migrate.model.migration import Accepted
from migrate.model.objects import Ref
from migrate.model.verdict import Result
from migrate.replay import SINCE, Difference, whole
from migrate.replay import idle as idle_entries
from migrate.replay.accepted import IDLE, idle, opened, split
from migrate.replay.drift import CHANGED
from migrate.replay.parity import DIFFERS, FOREIGN, MISSING
from tests.replay.builders import decide, deployment, inventory, migration

CART = Ref("apps", "Deployment", "shop", "cart")
REPLICAS, IMAGE = "spec.replicas", "spec.template.spec.containers[0].image"


def word(path: str = REPLICAS, *, name: str = "cart", kind: str = "Deployment", group: str = "") -> Accepted:
    """An entry of `verify.accept`."""
    return Accepted(kind=kind, group=group, namespace="shop", name=name, path=path, reason="green scales it")


def differing(*paths: str, what: str = DIFFERS) -> Difference:
    """The cart, differing at these paths."""
    return Difference(CART, 9, what, paths, tuple(f"by {path}" for path in paths))


@pytest.mark.parametrize("what", [DIFFERS, CHANGED])
def test_what_is_accepted_is_parted_from_what_is_not(what: str) -> None:
    """Of an object that differs at both, each path keeps its own cause; only the accepted one has a reason."""
    stays, open_ = sorted(
        split([differing(IMAGE, REPLICAS, what=what)], [word()]), key=lambda d: not d.reasons
    )
    assert (stays.paths, stays.causes, stays.reasons) == (
        (REPLICAS,),
        (f"by {REPLICAS}",),
        ("green scales it",),
    )
    assert (open_.paths, open_.causes, open_.reasons) == ((IMAGE,), (f"by {IMAGE}",), ())
    assert opened([stays, open_]) == (open_,)
    assert str(stays).endswith(", accepted: green scales it")
    assert stays.as_json()["paths"] == [
        {"path": REPLICAS, "cause": f"by {REPLICAS}", "accepted": "green scales it"}
    ]


@pytest.mark.parametrize(
    ("path", "met"),
    [
        (IMAGE, True),
        ("spec.template", True),
        ("spec.template.spec.containers[*].image", True),
        ("spec.template.spec.containers", True),
        ("spec.temp", False),
        ("spec.template.spec.containers[1].image", False),
        ("spec.template.spec.containers[*].imagePullPolicy", False),
        ("spec.template.spec.containers.0..image", False),
    ],
)
def test_a_path_means_itself_and_what_lies_below(path: str, met: bool) -> None:
    """A position may be any; the beginning of a key's name is not that key, and a dot is a dot."""
    (found,) = split([differing(IMAGE)], [word(path)])
    assert bool(found.reasons) is met


def test_keys_with_dots_are_meant_as_they_are() -> None:
    """Annotations have dots and slashes in their names."""
    path = "metadata.annotations.example.com/owner"
    (found,) = split([differing(path)], [word(path)])
    assert found.reasons


@pytest.mark.parametrize(
    "entry",
    [word(name="other"), word(kind="StatefulSet"), word(group="batch"), word("spec.paused")],
)
def test_an_entry_speaks_of_its_own_objects_alone(entry: Accepted) -> None:
    """Another name, kind, group or path: the difference fails as ever, and the entry is said to be idle."""
    found = split([differing(REPLICAS)], [entry])
    assert whole(decide(deployment("cart")), found)[0].result is Result.FAIL
    (said,) = idle(found, [word(), entry])
    assert (said.check, said.result) == (IDLE, Result.PASS)
    assert said.evidence.startswith("verify.accept, entry 2: ")


@pytest.mark.parametrize("what", [MISSING, FOREIGN])
def test_an_object_that_is_not_there_cannot_be_accepted(what: str) -> None:
    """A path is accepted, never the lack of the object."""
    missing = Difference(CART, 9, what)
    assert split([missing], [word("spec")]) == (missing,)


def test_the_verdict_passes_and_a_second_one_says_why() -> None:
    """Nothing fails; what is accepted stands under a name of its own, which an earlier approval does not cover."""
    judged = {v.check: v for v in whole(decide(deployment("cart")), split([differing(REPLICAS)], [word()]))}
    assert {check: v.result for check, v in judged.items()} == {
        SINCE: Result.PASS,
        f"{SINCE} as accepted": Result.PASS,
    }
    assert judged[SINCE].evidence == "0 of 1 equal"
    assert "accepted: green scales it" in judged[f"{SINCE} as accepted"].evidence


def test_an_entry_that_names_nothing_of_blue_is_told_by_the_plan() -> None:
    """A misspelt kind is told beforehand, with what may have been meant."""
    file = migration().model_copy(
        update={"verify": migration().verify.model_copy(update={"accept": (word(kind="Deploymnt"),)})}
    )
    (said,) = idle_entries(file, inventory(deployment("cart")))
    assert (
        str(said) == "verify.accept, entry 1: blue has no Deploymnt shop/cart: did you mean kind Deployment?"
    )
